package web

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strconv"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

// pluginStats is what /stats says of one plugin.
type pluginStats struct {
	// Streams is how many yamux streams are open, Hijacked how many of the clients' connections that the plugin took over.
	Streams  int   `json:"streams"`
	Hijacked int64 `json:"hijacked"`
	Exited   bool  `json:"exited"`
	// Processes are the plugin's executable and all below it, with their memory in kB.
	Processes []procs.Process `json:"processes"`
}

type stats struct {
	ResponseWriter map[string]int64       `json:"response_writer"`
	Driver         map[string]int64       `json:"driver"`
	Database       map[string]int         `json:"database"`
	APIStreams     map[string]int64       `json:"api_streams"`
	Goroutines     int                    `json:"goroutines"`
	LogEntries     int                    `json:"log_entries"`
	Plugins        map[string]pluginStats `json:"plugins"`
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	found := stats{
		ResponseWriter: s.host.ResponseWriter.Snapshot(), APIStreams: s.host.APIStreams.Snapshot(), Driver: map[string]int64{},
		Goroutines: runtime.NumGoroutine(), LogEntries: s.host.Log.Len(), Plugins: map[string]pluginStats{},
	}
	if s.database != nil {
		found.Driver, found.Database = s.database.Calls(), s.database.Left()
	}
	for _, plugin := range s.host.Plugins() {
		streams, err := plugin.Streams()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		found.Plugins[plugin.ID()] = pluginStats{
			Streams: streams, Hijacked: plugin.Hijacked(), Exited: plugin.Exited(), Processes: procs.Tree(plugin.Pid()),
		}
	}
	writeJSON(w, found)
}

// log writes the host's log from entry ?from=N on, one JSON object a line.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.Atoi(r.URL.Query().Get("from"))
	if err != nil || from < 0 {
		from = 0
	}
	writeLines(w, s.host.Log.Entries(from))
}

// calls writes the API calls of ?method=NAME, or all, one JSON object a line.
func (s *Server) calls(w http.ResponseWriter, r *http.Request) {
	writeLines(w, s.host.Desk.Calls(r.URL.Query().Get("method")))
}

func (s *Server) deactivate(w http.ResponseWriter, r *http.Request) {
	for _, plugin := range s.host.Plugins() {
		if id := r.URL.Query().Get("plugin"); id != "" && id != plugin.ID() {
			continue
		}
		if err := s.host.Stop(plugin); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	writeJSON(w, Describe(s.host))
}

func (s *Server) activate(w http.ResponseWriter, r *http.Request) {
	if _, err := s.host.Start(r.URL.Query().Get("dir")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, Describe(s.host))
}

// PluginLine describes an active plugin.
type PluginLine struct {
	ID    string   `json:"id"`
	Dir   string   `json:"dir"`
	Pid   int      `json:"pid"`
	Hooks []string `json:"hooks"`
}

// Describe lists the active plugins.
func Describe(h *host.Host) []PluginLine {
	lines := []PluginLine{}
	for _, plugin := range h.Plugins() {
		lines = append(lines, PluginLine{plugin.ID(), plugin.Dir, plugin.Pid(), plugin.ImplementedNames()})
	}
	return lines
}

// writeJSON and writeLines answer a test; a client that has gone is no news.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func writeLines[T any](w http.ResponseWriter, list []T) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder := json.NewEncoder(w)
	for _, item := range list {
		if encoder.Encode(item) != nil {
			return
		}
	}
}
