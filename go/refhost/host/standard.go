package host

import (
	"io"
	"log"
	"os"
	"sync"
	"sync/atomic"
)

// standardTo is the log that gets what libraries write to Go's standard logger and to os.Stderr.
var standardTo atomic.Pointer[Log]

// CaptureStandard sends the lines of go-plugin, net/rpc and yamux that do not go to the host's logger to this log from now on.
func (l *Log) CaptureStandard() {
	standardTo.Store(l)
	captureOnce()
}

// captureOnce replaces the variable os.Stderr, because yamux writes to it. Panics still reach the real standard error.
var captureOnce = sync.OnceFunc(func() {
	lines := &lineWriter{add: func(line string) {
		standardTo.Load().Add(Entry{Source: SourceHost, Level: "error", Message: line})
	}}
	log.SetFlags(0)
	log.SetOutput(lines)
	read, write, err := os.Pipe()
	if err != nil {
		return // the lines stay where they were
	}
	os.Stderr = write
	go func() { _, _ = io.Copy(lines, read) }()
})
