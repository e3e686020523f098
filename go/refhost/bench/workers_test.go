package bench

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/refhost/internal/bundle"
)

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	entries := []Entry{{Name: "1"}, {Name: "2"}}
	// The machine was busy in the last round.
	figures := workersFigures(entries, []series{
		{rounds: []round{{rate: 100, p50: 80_000}, {rate: 100, p50: 80_000}, {rate: 10, p50: 800_000}}},
		{rounds: []round{{rate: 180, p50: 40_000}, {rate: 190, p50: 40_000}, {rate: 18, p50: 400_000}}},
	})
	var text bytes.Buffer
	WriteWorkers(&text, WorkersOptions{Rounds: 3, Calls: 400, Concurrent: 8, Cost: 5 * time.Millisecond}, figures)
	for _, line := range []string{"computes for 5ms, 8 at once", "| 1 | 100 | **1.00** | 80.0 |", "| 2 | 180 | **1.80** | 40.0 |"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("no %q in %s", line, text.String())
		}
	}
}

func TestPluginsThatCannotBeMeasured(t *testing.T) {
	dir := bundle.Make(t, "com.example.a", "idle")
	if _, err := Workers(WorkersOptions{Plugins: []Entry{{"idle", dir}}, Rounds: 1, Calls: 1, Concurrent: 1, Progress: io.Discard}); err == nil || !strings.Contains(err.Error(), "did not say how many steps") {
		t.Error(err)
	}
	if _, err := Restarts(dir, 1, io.Discard); err == nil || !strings.Contains(err.Error(), "does not replace") {
		t.Error(err)
	}
}
