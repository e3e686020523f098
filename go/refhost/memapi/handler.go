package memapi

import (
	"errors"

	"mattermost-plugin/mattermost"
)

// ErrUnknown is returned for a method that the in-memory server does not have.
var ErrUnknown = errors.New("the in-memory server does not have this method")

// handler answers the API calls of one plugin.
type handler struct {
	server *Server
	plugin string
	dir    string
}

// ForPlugin returns what answers the API calls of one plugin. dir is its bundle.
func (s *Server) ForPlugin(plugin, dir string) mattermost.Handler {
	return &handler{server: s, plugin: plugin, dir: dir}
}

type method func(h *handler, args, returns any)

// on registers a method under its name.
func on[A, R any](name string, answer func(h *handler, args *A, returns *R)) {
	methods[name] = func(h *handler, args, returns any) { answer(h, args.(*A), returns.(*R)) }
}

var methods = map[string]method{}

// Has says whether the in-memory server answers a method.
func Has(name string) bool { return methods[name] != nil }

// Serve implements mattermost.Handler.
func (h *handler) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	answer := methods[spec.Name]
	if answer == nil {
		return ErrUnknown
	}
	answer(h, args, returns)
	return nil
}
