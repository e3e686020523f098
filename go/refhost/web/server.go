// Package web serves plugins by HTTP as Mattermost does, beside a few routes with which a test looks into the host.
package web

import (
	"log"
	"net"
	"net/http"
	"time"

	"mattermost-plugin/refhost/host"
)

// The time limits of Mattermost's default configuration.
const (
	readTimeout  = 300 * time.Second
	writeTimeout = 300 * time.Second
	idleTimeout  = 60 * time.Second
)

// Server is the HTTP side of a host.
type Server struct {
	host     *host.Host
	database Database
	http     *http.Server
}

// Database is what /stats wants to know of the database driver.
type Database interface {
	// Calls is how often each method was called, Left what the plugins have opened and not closed.
	Calls() map[string]int64
	Left() map[string]int
}

// New returns a server for the host's plugins. The database may be nil.
func New(h *host.Host, database Database) *Server {
	s := &Server{host: h, database: database}
	s.http = &http.Server{
		Handler: s, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		// What Go's server has to say, for example about a superfluous WriteHeader, is in the host's log.
		ErrorLog: log.New(h.Log.Writer("", host.SourceHost), "", 0),
	}
	return s
}

// Serve answers requests until the server is closed.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.http.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// Close ends the server and all its connections.
func (s *Server) Close() error { return s.http.Close() }

// ServeHTTP implements http.Handler. Paths are not cleaned: plugins shall see the odd ones, too.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, ok := pluginOf(r.URL.Path, pluginPrefix); ok {
		s.servePlugin(w, r, id)
		return
	}
	if id, ok := pluginOf(r.URL.Path, metricsPrefix); ok {
		s.serveMetrics(w, r, id)
		return
	}
	route, ok := routes[r.Method+" "+r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	route(s, w, r)
}

var routes = map[string]func(s *Server, w http.ResponseWriter, r *http.Request){
	"POST /api/files":  (*Server).upload,
	"POST /deactivate": (*Server).deactivate,
	"POST /activate":   (*Server).activate,
	"GET /stats":       (*Server).stats,
	"GET /log":         (*Server).log,
	"GET /calls":       (*Server).calls,
}
