package soak

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"mattermost-plugin/refhost/procs"
)

// A worker that ends five times within 60 s is given up for a minute. A soak is about those that end now and then, so none is
// killed more often than this.
const (
	mostKills = 4
	within    = 61 * time.Second
)

// recovery is how long workers are left alone when one has come back: a kill at the same moment would hit the hooks that waited.
const recovery = 2 * time.Second

// awaited is how long a killed worker is waited for when others serve meanwhile, awaitedAll when there is none.
const (
	awaited    = 3 * time.Second
	awaitedAll = 15 * time.Second
)

// kill is one SIGKILL to one worker or to all of them.
type kill struct {
	at, back time.Duration
	// struck is when the last victim had been killed: looking for them takes a while on a busy machine.
	struck time.Duration
	// noticed is when the bridge had said of every victim that it has ended; 0 if it has not.
	noticed time.Duration
	victims []procs.Worker
	// all: no worker was left. covered: one was left that had served before. returned: a new one has served a hook, first at
	// `back`; otherwise that is when nobody waited any more.
	all, covered, returned bool
}

// hit says whether a call overlaps with the time in which a worker was missing.
func (k *kill) hit(c call) bool { return c.begin <= k.back && c.end >= k.at }

// excuses says whether a call may have failed because of the kill. Only the victims can lose calls while another worker serves, and
// they get none any more that begin after the bridge has noticed.
func (k *kill) excuses(c call) bool {
	if k.covered && k.noticed > 0 && c.begin > k.noticed {
		return false
	}
	return k.hit(c)
}

func (k *kill) String() string {
	return fmt.Sprintf("%d workers at %s, back at %s", len(k.victims), k.at.Round(time.Millisecond), k.back.Round(time.Millisecond))
}

// killer kills workers.
type killer struct {
	session *session
	kills   []*kill
	number  atomic.Int64
	// history has the times at which each worker was killed; skipped counts the times when that was left out; nextAll is when
	// several may be killed at once again.
	history map[string][]time.Duration
	skipped int
	nextAll time.Duration
}

func newKiller(s *session) *killer { return &killer{session: s, history: map[string][]time.Duration{}} }

func (k *killer) count() int64 { return k.number.Load() }

func (k *killer) run(running context.Context) {
	if k.session.options.KillEvery > 0 {
		every(running, k.session.options.KillEvery, k.strike)
	}
}

// strike kills workers and waits for the first that comes back.
func (k *killer) strike() {
	now := k.session.ledger.now()
	if len(k.kills) > 0 && now < k.kills[len(k.kills)-1].back+recovery {
		k.skipped++
		return
	}
	present := procs.Workers(k.session.plugin.Pid())
	victims := k.choose(present, now)
	if len(victims) == 0 {
		k.skipped++
		return
	}
	done := &kill{at: now, victims: victims, all: len(victims) == len(present), covered: k.session.ledger.anyServed(without(present, victims))}
	for _, victim := range victims {
		if err := syscall.Kill(victim.Pid, syscall.SIGKILL); err != nil {
			k.session.ledger.fault("a worker could not be killed", err.Error())
		}
	}
	done.struck = k.session.ledger.now()
	k.await(done, pids(present))
	k.kills = append(k.kills, done)
	k.number.Add(1)
}

func without(present, victims []procs.Worker) []procs.Worker {
	return slices.DeleteFunc(slices.Clone(present), func(w procs.Worker) bool { return slices.Contains(pids(victims), w.Pid) })
}

func pids(workers []procs.Worker) []int {
	var list []int
	for _, worker := range workers {
		list = append(list, worker.Pid)
	}
	return list
}

// choose takes all workers about once a minute, if each may be killed again, and otherwise the one whose last kill is longest ago.
func (k *killer) choose(present []procs.Worker, now time.Duration) []procs.Worker {
	victims := slices.DeleteFunc(slices.Clone(present), func(w procs.Worker) bool { return !k.allowed(w.Index, now) })
	if len(victims) < len(present) || now < k.nextAll {
		slices.SortFunc(victims, func(a, b procs.Worker) int { return cmp.Compare(k.last(a.Index), k.last(b.Index)) })
		victims = victims[:min(1, len(victims))]
	}
	if len(victims) > 1 {
		k.nextAll = now + within
	}
	for _, victim := range victims {
		k.history[victim.Index] = append(k.history[victim.Index], now)
	}
	return victims
}

func (k *killer) allowed(index string, now time.Duration) bool {
	recent := 0
	for _, at := range k.history[index] {
		if now-at < within {
			recent++
		}
	}
	return recent < mostKills
}

func (k *killer) last(index string) time.Duration {
	if list := k.history[index]; len(list) > 0 {
		return list[len(list)-1]
	}
	return -1
}

// await asks for hooks, one after the other, until one is served by a worker that was not there before.
func (k *killer) await(done *kill, old []int) {
	limit := awaited
	if done.all {
		limit = awaitedAll
	}
	probing, stop := context.WithTimeout(context.Background(), limit)
	probes := together(func() {
		for probing.Err() == nil {
			if _, err := k.session.probe(); err != nil {
				k.session.ledger.fault("a hook after a kill went wrong", err.Error())
			}
			select {
			case <-probing.Done():
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	done.back, done.returned = k.session.ledger.awaitNewcomer(old, done.at, limit)
	if !done.returned {
		done.back = k.session.ledger.now()
		if done.all {
			k.session.ledger.fault("no worker is back "+limit.String()+" after a kill", fmt.Sprintf("of %s", done.at.Round(time.Millisecond)))
		}
	}
	stop()
	probes.Wait()
}
