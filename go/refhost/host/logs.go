package host

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Entry is one captured log line.
type Entry struct {
	At      time.Time      `json:"at"`
	Plugin  string         `json:"plugin,omitempty"`
	Source  string         `json:"source"`
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Fields  map[string]any `json:"fields,omitempty"`
}

// Sources of log lines.
const (
	SourceAPI    = "api"    // LogDebug, LogInfo, LogWarn, LogError
	SourcePlugin = "plugin" // lines of the plugin's standard error and go-plugin's own lines about it
	SourceStdout = "plugin_stdout"
	SourceStderr = "plugin_stderr"
	SourceHost   = "host"
)

// String shows an entry on one line: level, message and fields.
func (e Entry) String() string {
	text := fmt.Sprintf("%-5s %s", e.Level, e.Message)
	if len(e.Fields) > 0 {
		fields, err := json.Marshal(e.Fields)
		if err == nil {
			text += " " + string(fields)
		}
	}
	return text
}

// Log keeps every line that a plugin, go-plugin or the host itself writes.
type Log struct {
	mutex    sync.Mutex
	entries  []Entry
	watchers []func(Entry)
	changed  chan struct{}
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{changed: make(chan struct{})} }

// Watch calls watcher with every further entry, one at a time.
func (l *Log) Watch(watcher func(Entry)) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.watchers = append(l.watchers, watcher)
}

// Add appends an entry.
func (l *Log) Add(entry Entry) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	entry.At = time.Now()
	l.entries = append(l.entries, entry)
	for _, watcher := range l.watchers {
		watcher(entry)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// Entries returns the entries from index on.
func (l *Log) Entries(from int) []Entry {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if from >= len(l.entries) {
		return nil
	}
	return append([]Entry(nil), l.entries[from:]...)
}

// Len is the number of entries so far.
func (l *Log) Len() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.entries)
}

// Await waits until a line from index `from` on matches pattern (the whole line: level, message and fields).
func (l *Log) Await(from int, pattern *regexp.Regexp, within time.Duration) (Entry, bool) {
	deadline := time.After(within)
	for {
		l.mutex.Lock()
		changed := l.changed
		l.mutex.Unlock()
		entries := l.Entries(from)
		for _, entry := range entries {
			if pattern.MatchString(entry.String()) {
				return entry, true
			}
		}
		from += len(entries)
		select {
		case <-changed:
		case <-deadline:
			return Entry{}, false
		}
	}
}

// Writer returns a writer that logs each line, as the server does for the yamux streams of standard output and error.
func (l *Log) Writer(plugin, source string) io.Writer {
	return &lineWriter{add: func(line string) {
		l.Add(Entry{Plugin: plugin, Source: source, Level: "info", Message: line})
	}}
}

type lineWriter struct {
	mutex   sync.Mutex
	pending strings.Builder
	add     func(line string)
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.pending.Write(data)
	text := w.pending.String()
	for {
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			break
		}
		w.add(line)
		text = rest
	}
	w.pending.Reset()
	w.pending.WriteString(text)
	return len(data), nil
}
