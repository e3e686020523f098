package memapi

import (
	"bytes"
	"net/http"
	"sort"
	"time"

	m "mattermost-plugin/mattermost"
)

type kvEntry struct {
	value   []byte
	expires time.Time
}

const maxKeyLength = 150

func init() {
	on("KVGet", func(h *handler, a *m.KVGetArgs, r *m.KVGetReturns) { r.A = h.server.kvGet(h.plugin, a.A) })
	on("KVSet", func(h *handler, a *m.KVSetArgs, r *m.KVSetReturns) {
		_, r.A = h.server.kvSet(h.plugin, a.A, a.B, m.PluginKVSetOptions{})
	})
	on("KVSetWithExpiry", func(h *handler, a *m.KVSetWithExpiryArgs, r *m.KVSetWithExpiryReturns) {
		_, r.A = h.server.kvSet(h.plugin, a.A, a.B, m.PluginKVSetOptions{ExpireInSeconds: a.C})
	})
	on("KVSetWithOptions", func(h *handler, a *m.KVSetWithOptionsArgs, r *m.KVSetWithOptionsReturns) {
		r.A, r.B = h.server.kvSet(h.plugin, a.A, a.B, a.C)
	})
	on("KVCompareAndSet", func(h *handler, a *m.KVCompareAndSetArgs, r *m.KVCompareAndSetReturns) {
		r.A, r.B = h.server.kvSet(h.plugin, a.A, a.C, m.PluginKVSetOptions{Atomic: true, OldValue: a.B})
	})
	on("KVCompareAndDelete", func(h *handler, a *m.KVCompareAndDeleteArgs, r *m.KVCompareAndDeleteReturns) {
		r.A, r.B = h.server.kvSet(h.plugin, a.A, nil, m.PluginKVSetOptions{Atomic: true, OldValue: a.B})
	})
	on("KVDelete", func(h *handler, a *m.KVDeleteArgs, r *m.KVDeleteReturns) {
		_, r.A = h.server.kvSet(h.plugin, a.A, nil, m.PluginKVSetOptions{})
	})
	on("KVDeleteAll", func(h *handler, _ *m.KVDeleteAllArgs, _ *m.KVDeleteAllReturns) { h.server.kvDeleteAll(h.plugin) })
	on("KVList", func(h *handler, a *m.KVListArgs, r *m.KVListReturns) { r.A = h.server.kvList(h.plugin, a.A, a.B) })
}

// live returns an entry that has not expired. The caller holds the mutex.
func (s *Server) live(plugin, key string) (kvEntry, bool) {
	entry, ok := s.kv[plugin][key]
	if ok && !entry.expires.IsZero() && !time.Now().Before(entry.expires) {
		delete(s.kv[plugin], key)
		return kvEntry{}, false
	}
	return entry, ok
}

func (s *Server) kvGet(plugin, key string) []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	entry, _ := s.live(plugin, key)
	return entry.value
}

// Values returns copies of a plugin's values.
func (s *Server) Values(plugin string) map[string][]byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	values := map[string][]byte{}
	for key := range s.kv[plugin] {
		if entry, ok := s.live(plugin, key); ok {
			values[key] = bytes.Clone(entry.value)
		}
	}
	return values
}

// kvSet stores a value, or deletes it if the value is nil. With Atomic it does so only if the present value is OldValue.
func (s *Server) kvSet(plugin, key string, value []byte, options m.PluginKVSetOptions) (bool, *m.AppError) {
	if key == "" || len(key) > maxKeyLength {
		return false, appError("KVSetWithOptions", "model.plugin_kvset_options.is_valid.key.app_error", "key="+key, http.StatusBadRequest)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	entry, exists := s.live(plugin, key)
	if options.Atomic && (exists != (options.OldValue != nil) || !bytes.Equal(entry.value, options.OldValue)) {
		return false, nil
	}
	if value == nil {
		delete(s.kv[plugin], key)
		return true, nil
	}
	if s.kv[plugin] == nil {
		s.kv[plugin] = map[string]kvEntry{}
	}
	stored := kvEntry{value: bytes.Clone(value)}
	if options.ExpireInSeconds > 0 {
		stored.expires = time.Now().Add(time.Duration(options.ExpireInSeconds) * time.Second)
	}
	s.kv[plugin][key] = stored
	return true, nil
}

func (s *Server) kvDeleteAll(plugin string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.kv, plugin)
}

func (s *Server) kvList(plugin string, page, perPage int) []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var keys []string
	for key := range s.kv[plugin] {
		if _, ok := s.live(plugin, key); ok {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	first := min(max(page*perPage, 0), len(keys))
	return keys[first:min(first+max(perPage, 0), len(keys))]
}
