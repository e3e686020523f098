package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// The load: a few percent of one processor, so that times mean something on a machine that has others to serve.
var pauses = [kinds]time.Duration{
	posts:     40 * time.Millisecond,
	commands:  200 * time.Millisecond,
	downloads: 150 * time.Millisecond,
	uploads:   300 * time.Millisecond,
	lines:     2 * time.Second,
	talks:     3 * time.Second,
}

// mostAtOnce is how many calls of a kind may be under way; a steady load that is carried has a few.
const mostAtOnce = 200

// patience is how long a call may take at most.
const patience = 30 * time.Second

// load starts the load and returns what ends with its last call.
func (s *session) load(running context.Context) *sync.WaitGroup {
	return together(
		func() { s.pace(running, posts, s.post) },
		func() { s.pace(running, commands, s.command) },
		func() { s.pace(running, downloads, s.download) },
		func() { s.pace(running, uploads, s.upload) },
		func() { s.pace(running, lines, s.lines) },
		func() { s.pace(running, talks, s.talk) },
	)
}

// pace makes calls with pauses of about the given length between them, whether or not the calls before have ended: a load that
// waits for answers would not notice that they are late. Numbers begin with 1.
func (s *session) pace(running context.Context, kind kind, call func(number int) (outcome, error)) {
	var calls sync.WaitGroup
	defer calls.Wait()
	slots := make(chan struct{}, mostAtOnce)
	for number := 1; ; number++ {
		select {
		case <-running.Done():
			return
		case <-time.After(time.Duration((0.5 + rand.Float64()) * float64(pauses[kind]))):
		}
		select {
		case slots <- struct{}{}:
		default:
			s.ledger.fault("calls pile up", kind.String())
			continue
		}
		calls.Go(func() {
			defer func() { <-slots }()
			begin := s.ledger.now()
			outcome, err := call(number)
			if err != nil {
				s.ledger.fault(kind.String()+" went wrong", err.Error())
				return
			}
			s.ledger.record(kind, outcome, begin)
		})
	}
}

// together runs functions beside each other.
func together(functions ...func()) *sync.WaitGroup {
	var group sync.WaitGroup
	for _, function := range functions {
		group.Go(function)
	}
	return &group
}

// every calls a function at intervals until the context ends.
func every(running context.Context, interval time.Duration, function func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-ticker.C:
			function()
		}
	}
}
