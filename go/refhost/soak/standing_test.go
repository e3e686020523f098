package soak

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatThereIsAtTheEndIsWhatThereHasToBe(t *testing.T) {
	wanted := Standing{Streams: 6, Guards: 2, Workers: 2}
	for what, seen := range map[string]Standing{
		"":                     wanted,
		"yamux streams at the": {7, 2, 2},
		"streams at the end":   {5, 2, 2},
		"guards at the end":    {6, 3, 2},
		"workers at the end":   {6, 2, 1},
		"number of workers at": {6, 2, 3},
	} {
		l := newLedger()
		l.judgeStanding(wanted, seen)
		if got := faulty(l); what == "" && got != "" || !strings.Contains(got, what) || len(l.faults) > 1 {
			t.Errorf("%+v: %q", seen, got)
		}
	}
}

func TestWhatACallHasLeftMayTakeAMomentToGo(t *testing.T) {
	wanted, streams := Standing{Streams: 6}, 9
	look := func() Standing {
		streams--
		return Standing{Streams: streams}
	}
	if seen := await(look, wanted, time.Minute); seen != wanted {
		t.Errorf("%+v", seen)
	}
	if seen := await(look, wanted, 0); seen.Streams != 5 {
		t.Errorf("%+v, which was seen last", seen)
	}
}

func TestPluginJSONSaysHowManyWorkersThereAre(t *testing.T) {
	for text, want := range map[string]int{
		`{"server": {"python": {"entry_point": "plugin.py", "workers": 3}}}`: 3,
		`{"server": {"python": {"entry_point": "plugin.py"}}}`:               1,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := workersOf(dir); err != nil || got != want {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	if _, err := workersOf(t.TempDir()); err == nil {
		t.Error("a bundle without plugin.json passes")
	}
}
