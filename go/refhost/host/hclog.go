package host

import (
	"fmt"
	"io"
	"log"

	"github.com/hashicorp/go-hclog"
)

// adapter receives go-plugin's log lines, among them the plugin's standard error. The server glues the key-value pairs into
// one text field; here they stay apart, so that tests can ask for one.
type adapter struct {
	log    *Log
	plugin string
}

var _ hclog.Logger = (*adapter)(nil)

func (a *adapter) add(level, message string, pairs []any) {
	fields := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		switch value.(type) {
		case string, float64, bool, int, nil, map[string]any, []any:
		default:
			value = fmt.Sprint(value)
		}
		fields[fmt.Sprint(pairs[i])] = value
	}
	a.log.Add(Entry{Plugin: a.plugin, Source: SourcePlugin, Level: level, Message: message, Fields: fields})
}

// Log files an unknown level as an error, so that it is noticed.
func (a *adapter) Log(level hclog.Level, message string, pairs ...any) {
	names := map[hclog.Level]string{hclog.Trace: "debug", hclog.Debug: "debug", hclog.Info: "info", hclog.Warn: "warn"}
	name, ok := names[level]
	if !ok {
		name = "error"
	}
	a.add(name, message, pairs)
}

func (a *adapter) Trace(message string, pairs ...any) { a.add("debug", message, pairs) }
func (a *adapter) Debug(message string, pairs ...any) { a.add("debug", message, pairs) }
func (a *adapter) Info(message string, pairs ...any)  { a.add("info", message, pairs) }
func (a *adapter) Warn(message string, pairs ...any)  { a.add("warn", message, pairs) }
func (a *adapter) Error(message string, pairs ...any) { a.add("error", message, pairs) }

func (a *adapter) IsTrace() bool { return false }
func (a *adapter) IsDebug() bool { return true }
func (a *adapter) IsInfo() bool  { return true }
func (a *adapter) IsWarn() bool  { return true }
func (a *adapter) IsError() bool { return true }

func (a *adapter) With(...any) hclog.Logger       { return a }
func (a *adapter) Named(string) hclog.Logger      { return a }
func (a *adapter) ResetNamed(string) hclog.Logger { return a }
func (a *adapter) SetLevel(hclog.Level)           {}
func (a *adapter) GetLevel() hclog.Level          { return hclog.NoLevel }
func (a *adapter) ImpliedArgs() []any             { return []any{} }
func (a *adapter) Name() string                   { return "refhost" }

func (a *adapter) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(a.log.Writer(a.plugin, SourcePlugin), "", 0)
}

func (a *adapter) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return a.log.Writer(a.plugin, SourcePlugin)
}
