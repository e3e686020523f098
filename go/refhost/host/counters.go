package host

import (
	"maps"
	"sync"
)

// Counters counts the calls of a service's methods, so that a test can tell whether every one was exercised.
type Counters struct {
	mutex  sync.Mutex
	counts map[string]int64
}

// NewCounters returns counters that know these names already, each with 0.
func NewCounters(names ...string) *Counters {
	c := &Counters{counts: map[string]int64{}}
	for _, name := range names {
		c.counts[name] = 0
	}
	return c
}

// Add counts one call. Nil counters count nothing.
func (c *Counters) Add(name string) {
	if c == nil {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts[name]++
}

// Snapshot returns the counts so far.
func (c *Counters) Snapshot() map[string]int64 {
	if c == nil {
		return nil
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return maps.Clone(c.counts)
}
