package plugin

import (
	"net/http"

	identity "other.test/auth/go-identity/v3"

	"fixture.test/server/public/model"
)

const (
	OnStartID      = 0
	retiredID      = 1
	NoteWillSaveID = 2
	ServeID        = 3
	LoggedInID     = iota + 1
	TotalHooksID   = iota
)

// StopSaving is what NoteWillSave answers to stop.
const StopSaving = "plugin.stop"

// Hooks are what a plugin may implement.
type Hooks interface {
	// Minimum server version: 5.2
	OnStart() error

	Implemented() ([]string, error)

	NoteWillSave(c *Context, note *model.Note) (*model.Note, string)

	Serve(c *Context, w http.ResponseWriter, r *http.Request)

	LoggedIn(who identity.Claims)
}

// Context says on whose behalf a hook is called.
type Context struct {
	SessionId, RequestId string
	depth                int
}
