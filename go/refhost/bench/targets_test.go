package bench

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

func TestMediansOfRestartsHaveTargets(t *testing.T) {
	figures := func(restart, reload time.Duration) []RestartFigure {
		return []RestartFigure{{"SIGKILL", restart, time.Minute, restartTarget}, {"SIGHUP", reload, time.Minute, reloadTarget}}
	}
	for _, test := range []struct {
		restart, reload time.Duration
		missed          []string
	}{
		// The slowest round took a minute, and that alone is no miss.
		{499 * time.Millisecond, 999 * time.Millisecond, nil},
		{500 * time.Millisecond, 999 * time.Millisecond, []string{"after SIGKILL a new worker served a hook after 500ms at the median; it has to take less than 500ms"}},
		{600 * time.Millisecond, time.Second, []string{"after SIGKILL", "after SIGHUP a new worker served a hook after 1s at the median; it has to take less than 1s"}},
	} {
		expectMissed(t, MissedRestarts(figures(test.restart, test.reload)), test.missed)
	}
}

func TestSeveralWorkersHaveATarget(t *testing.T) {
	for _, test := range []struct {
		ratios []float64
		missed []string
	}{
		{nil, nil},
		{[]float64{1}, nil},
		{[]float64{1, 1.7}, nil},
		{[]float64{1, 1.699}, []string{"with B workers the throughput is 1.699 times that of A at the median; it has to be at least 1.7 times"}},
		{[]float64{1, 1.9, math.NaN()}, []string{"with C workers"}},
	} {
		var figures []WorkersFigure
		for i, ratio := range test.ratios {
			figures = append(figures, WorkersFigure{Name: string(rune('A' + i)), Ratio: ratio})
		}
		expectMissed(t, MissedGains(figures), test.missed)
	}
}

func expectMissed(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%q, not %q", got, want)
		return
	}
	for i, sentence := range got {
		if !strings.HasPrefix(sentence, want[i]) {
			t.Errorf("%q, not %q", sentence, want[i])
		}
	}
}

func TestAMissIsALineOfItsOwn(t *testing.T) {
	var text bytes.Buffer
	WriteMissed(&text, nil)
	if text.Len() > 0 {
		t.Error(text.String())
	}
	WriteMissed(&text, []string{"too late"})
	if text.String() != "\nMISSED: too late\n" {
		t.Error(text.String())
	}
}
