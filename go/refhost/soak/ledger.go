package soak

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"mattermost-plugin/refhost/procs"
)

// kind is what a call is.
type kind int

const (
	posts kind = iota
	commands
	downloads
	uploads
	lines
	talks
	kinds
)

func (k kind) String() string {
	return [kinds]string{"MessageWillBePosted", "ExecuteCommand", "HTTP download", "HTTP upload", "HTTP lines", "WebSocket"}[k]
}

// outcome is what came of a call that did not go wrong.
type outcome int

const (
	served   outcome = iota
	fallback         // the server's default, because there was no worker
	refused          // 503 with Retry-After
	broken           // the connection was broken off
	outcomes
)

// call is one call. Times are from the beginning of the soak.
type call struct {
	kind       kind
	outcome    outcome
	begin, end time.Duration
}

// fault is something that must not be, with how often it was and the first example.
type fault struct {
	text, example string
	count         int
}

// ledger is where everything that was seen is written down.
type ledger struct {
	start  time.Time
	mutex  sync.Mutex
	calls  []call
	faults []*fault
	events events
	// workers are the processes that gave answers, with the time of the first; changed is closed when one is added.
	workers map[int]time.Duration
	changed chan struct{}
}

func newLedger() *ledger {
	return &ledger{
		start: time.Now(), workers: map[int]time.Duration{}, changed: make(chan struct{}),
		events: events{posted: map[int]posted{}, seen: map[int]seen{}, more: make(chan struct{}, 1)},
	}
}

func (l *ledger) now() time.Duration { return time.Since(l.start) }

// fault writes down that something is wrong. Only the first example of a text is kept.
func (l *ledger) fault(text, example string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, known := range l.faults {
		if known.text == text {
			known.count++
			return
		}
	}
	l.faults = append(l.faults, &fault{text, fmt.Sprintf("%s: %s", l.now().Round(time.Millisecond), example), 1})
}

// record writes down a call that ends now.
func (l *ledger) record(kind kind, outcome outcome, begin time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.calls = append(l.calls, call{kind, outcome, begin, l.now()})
}

// answeredBy writes down that a worker gave an answer.
func (l *ledger) answeredBy(pid int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, known := l.workers[pid]; known {
		return
	}
	l.workers[pid] = l.now()
	close(l.changed)
	l.changed = make(chan struct{})
}

// anyServed says whether one of the workers has given an answer.
func (l *ledger) anyServed(workers []procs.Worker) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.ContainsFunc(workers, func(w procs.Worker) bool { _, known := l.workers[w.Pid]; return known })
}

// awaitNewcomer waits for the first answer after `since` of a worker that is none of the old ones.
func (l *ledger) awaitNewcomer(old []int, since, limit time.Duration) (time.Duration, bool) {
	deadline := time.After(limit)
	for {
		l.mutex.Lock()
		changed := l.changed
		first, found := time.Duration(0), false
		for pid, at := range l.workers {
			if at >= since && !slices.Contains(old, pid) && (!found || at < first) {
				first, found = at, true
			}
		}
		l.mutex.Unlock()
		if found {
			return first, true
		}
		select {
		case <-changed:
		case <-deadline:
			return 0, false
		}
	}
}

// summary is one line for those who watch.
func (l *ledger) summary() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var counts [outcomes]int
	for _, call := range l.calls {
		counts[call.outcome]++
	}
	wrong := 0
	for _, fault := range l.faults {
		wrong += fault.count
	}
	return fmt.Sprintf("%d calls served, %d defaults, %d refused, %d broken off, %d wrong",
		counts[served], counts[fallback], counts[refused], counts[broken], wrong)
}
