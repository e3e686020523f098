package host

import "fmt"

// CrashMessage is logged where Mattermost itself would have panicked: a nil pointer in its own code, in a goroutine that
// nobody recovers. A test asserts that it never appears.
const CrashMessage = "the server would have crashed"

// crash logs that the plugin has just brought a genuine server down, and returns what the plugin gets instead.
func (p *Plugin) crash(method, reason string) error {
	p.options.Log.Add(Entry{
		Plugin: p.ID(), Source: SourceHost, Level: "error", Message: CrashMessage,
		Fields: map[string]any{"method": method, "reason": reason},
	})
	return fmt.Errorf("%s: %s: %s", CrashMessage, method, reason)
}

// logStream logs what became of a stream, as an error.
func (p *Plugin) logStream(message, method string, err error) {
	fields := map[string]any{"method": method}
	if err != nil {
		fields["error"] = err.Error()
	}
	p.options.Log.Add(Entry{Plugin: p.ID(), Source: SourceHost, Level: "error", Message: message, Fields: fields})
}
