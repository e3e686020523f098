package host

import (
	"mattermost-plugin/mattermost"
)

// CrashError is returned by a database driver's handler where the server would have panicked: an id that it does not know.
type CrashError struct{ Reason string }

func (e *CrashError) Error() string { return e.Reason }

// driverAPI serves the database driver. A server that was built without one serves a nil pointer.
type driverAPI struct {
	plugin *Plugin
	inner  mattermost.Handler
}

// Serve implements mattermost.Handler.
func (d *driverAPI) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	if d.inner == nil {
		return d.plugin.crash(spec.Name, "the server has no database driver")
	}
	err := d.inner.Serve(spec, args, returns)
	if crash, ok := err.(*CrashError); ok {
		return d.plugin.crash(spec.Name, crash.Reason)
	}
	return err
}
