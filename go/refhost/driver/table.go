package driver

import (
	"crypto/rand"
	"sync"
)

// table keeps what a plugin knows only by an id.
type table[T any] struct {
	mutex   sync.Mutex
	entries map[string]T
}

func newTable[T any]() *table[T] { return &table[T]{entries: map[string]T{}} }

func (t *table[T]) put(value T) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	id := rand.Text()
	t.entries[id] = value
	return id
}

// get returns the zero value for an unknown id.
func (t *table[T]) get(id string) T {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.entries[id]
}

// take is get, and forgets the entry.
func (t *table[T]) take(id string) T {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	value := t.entries[id]
	delete(t.entries, id)
	return value
}

func (t *table[T]) takeAll(wanted func(T) bool) []T {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var taken []T
	for id, value := range t.entries {
		if wanted(value) {
			taken = append(taken, value)
			delete(t.entries, id)
		}
	}
	return taken
}

func (t *table[T]) len() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.entries)
}
