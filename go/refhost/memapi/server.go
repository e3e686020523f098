// Package memapi is the small in-memory Mattermost behind the demo: users, teams, channels, posts, the key-value store,
// commands, bots and settings. It knows no permissions, no membership and no database; the development server is the place
// for Mattermost's semantics.
package memapi

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
)

// Hooks is what the server needs of an active plugin.
type Hooks interface {
	ID() string
	Implements(hook string) bool
	Call(hook string, args any) (any, error)
}

// LogFunc receives what a plugin logs through the API.
type LogFunc func(plugin, level, message string, fields map[string]any)

// Server holds the state of all plugins' common server.
type Server struct {
	// Version is what GetServerVersion answers.
	Version string

	mutex    sync.Mutex
	counter  int
	users    map[string]*mattermost.User
	teams    map[string]*mattermost.Team
	channels map[string]*mattermost.Channel
	posts    map[string]*mattermost.Post
	order    []string
	bots     map[string]*mattermost.Bot
	kv       map[string]map[string]kvEntry
	commands map[string]registeredCommand
	configs  map[string]map[string]any
	active   []Hooks
	after    sync.WaitGroup
	log      LogFunc
}

// New returns an empty server of the generated schema's Mattermost version.
func New(log LogFunc) *Server {
	return &Server{
		Version:  mattermost.MattermostVersion,
		users:    map[string]*mattermost.User{},
		teams:    map[string]*mattermost.Team{},
		channels: map[string]*mattermost.Channel{},
		posts:    map[string]*mattermost.Post{},
		bots:     map[string]*mattermost.Bot{},
		kv:       map[string]map[string]kvEntry{},
		commands: map[string]registeredCommand{},
		configs:  map[string]map[string]any{},
		log:      log,
	}
}

// AddPlugin makes a plugin take part in hooks, after those added before.
func (s *Server) AddPlugin(plugin Hooks) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.active = append(s.active, plugin)
}

// RemovePlugin takes a plugin out again, with its commands.
func (s *Server) RemovePlugin(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	kept := s.active[:0:0]
	for _, plugin := range s.active {
		if plugin.ID() != id {
			kept = append(kept, plugin)
		}
	}
	s.active = kept
	for trigger, command := range s.commands {
		if command.plugin == id {
			delete(s.commands, trigger)
		}
	}
}

// SetConfig sets what LoadPluginConfiguration and GetPluginConfig answer.
func (s *Server) SetConfig(plugin string, config map[string]any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.configs[plugin] = config
}

// Settle waits until the hooks that run after the fact, such as MessageHasBeenPosted, have returned. A plugin may acknowledge them
// before its handlers have run; what these do must be awaited where it shows.
func (s *Server) Settle() { s.after.Wait() }

// implementing returns the active plugins that implement a hook, in the order in which they were added.
func (s *Server) implementing(hook string) []Hooks {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var found []Hooks
	for _, plugin := range s.active {
		if plugin.Implements(hook) {
			found = append(found, plugin)
		}
	}
	return found
}

// afterwards runs a hook on all plugins without making the caller wait. The host logs a failure.
func (s *Server) afterwards(hook string, args func() any) {
	plugins := s.implementing(hook)
	s.after.Go(func() {
		for _, plugin := range plugins {
			_, _ = plugin.Call(hook, args())
		}
	})
}

// newID returns an id in the form of Mattermost's: 26 letters and digits.
func (s *Server) newID(kind string) string {
	s.counter++
	return fmt.Sprintf("%s%0*d", kind, 26-len(kind), s.counter)
}

func now() int64 { return time.Now().UnixMilli() }

func pluginContext() *mattermost.Context {
	return &mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "127.0.0.1", AcceptLanguage: "en", UserAgent: "refhost"}
}

// appError has the shape of the server's errors.
func appError(where, id, details string, status int) *mattermost.AppError {
	return &mattermost.AppError{Where: where, Id: id, Message: id, DetailedError: details, StatusCode: status}
}

func notFound(where, kind, id string) *mattermost.AppError {
	return appError(where, "app."+kind+".get.app_error", "id="+id, http.StatusNotFound)
}
