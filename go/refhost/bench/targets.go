package bench

import (
	"fmt"
	"io"
	"time"
)

// What the project promises of workers. The medians of a run have to keep to it; single rounds are the machine's business.
const (
	// restartTarget and reloadTarget are the times within which a new worker serves a hook.
	restartTarget = 500 * time.Millisecond
	reloadTarget  = time.Second
	// gainTarget is how many times the throughput of one worker several have at least, for a handler that computes.
	gainTarget = 1.7
)

// MissedRestarts has a sentence for each median that misses its target.
func MissedRestarts(figures []RestartFigure) []string {
	var missed []string
	for _, figure := range figures {
		if figure.P50 >= figure.Target {
			missed = append(missed, fmt.Sprintf("after %s a new worker served a hook after %s at the median; it has to take less than %s", figure.After, figure.P50.Round(100*time.Microsecond), figure.Target))
		}
	}
	return missed
}

// MissedGains has a sentence for each plugin after the first, which has one worker, whose throughput is too small.
func MissedGains(figures []WorkersFigure) []string {
	var missed []string
	for _, figure := range figures[min(1, len(figures)):] {
		// A ratio that is not a number reaches nothing.
		if !(figure.Ratio >= gainTarget) {
			missed = append(missed, fmt.Sprintf("with %s workers the throughput is %.3f times that of %s at the median; it has to be at least %.1f times", figure.Name, figure.Ratio, figures[0].Name, gainTarget))
		}
	}
	return missed
}

// WriteMissed writes the sentences below a table, each on a line that begins with MISSED.
func WriteMissed(out io.Writer, missed []string) {
	for _, sentence := range missed {
		fmt.Fprintf(out, "\nMISSED: %s\n", sentence)
	}
}
