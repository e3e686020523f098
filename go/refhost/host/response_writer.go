package host

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// ResponseWriterMethods are the methods of the service by which a plugin answers a request.
var ResponseWriterMethods = []string{
	"Header", "SyncHeader", "WriteHeader", "Write", "Flush", "HijackResponse",
	"HjConnRead", "HjConnWrite", "HjConnRWRead", "HjConnRWWrite", "HjConnClose",
	"HjConnSetDeadline", "HjConnSetReadDeadline", "HjConnSetWriteDeadline",
}

// responseWriter is that service. Go's http.ResponseWriter is neither safe for several goroutines nor to be used when the
// handler has returned, but net/rpc gives every request its own goroutine: the service logs both, where the server would
// race or crash.
type responseWriter struct {
	plugin *Plugin
	hook   string

	mutex  sync.Mutex // held while writer is in use
	writer http.ResponseWriter
	ended  bool

	hijacked atomic.Pointer[hijackedConnection]
}

var errEnded = errors.New("the hook has returned")

// use counts a call and calls back with the writer, one call at a time.
func (w *responseWriter) use(method string, call func(http.ResponseWriter) error) error {
	w.plugin.options.ResponseWriter.Add(method)
	if !w.mutex.TryLock() {
		w.plugin.logStream("the response writer was called twice at once", method, nil)
		w.mutex.Lock()
	}
	defer w.mutex.Unlock()
	if w.ended {
		w.plugin.logStream("the response writer was called after the hook's reply", method, errEnded)
		return errEnded
	}
	return call(w.writer)
}

// end is called when the hook's reply is there.
func (w *responseWriter) end() {
	if !w.mutex.TryLock() {
		w.plugin.logStream("the hook's reply came before the response writer's answer", w.hook, nil)
		w.mutex.Lock()
	}
	defer w.mutex.Unlock()
	w.ended = true
}

// Header returns the headers that are set on the host.
func (w *responseWriter) Header(_ struct{}, reply *http.Header) error {
	return w.use("Header", func(writer http.ResponseWriter) error {
		*reply = writer.Header().Clone()
		return nil
	})
}

// SyncHeader replaces the headers: those that the plugin did not send go.
func (w *responseWriter) SyncHeader(headers http.Header, _ *struct{}) error {
	return w.use("SyncHeader", func(writer http.ResponseWriter) error {
		current := writer.Header()
		maps.DeleteFunc(current, func(name string, _ []string) bool {
			_, kept := headers[name]
			return !kept
		})
		maps.Copy(current, headers)
		return nil
	})
}

// WriteHeader sends the status. Go's server would panic for a number outside 100..999, so Mattermost refuses it.
func (w *responseWriter) WriteHeader(status int, _ *struct{}) error {
	return w.use("WriteHeader", func(writer http.ResponseWriter) error {
		if status < 100 || status > 999 {
			w.plugin.logStream(fmt.Sprintf("the plugin wrote the status %d", status), w.hook, nil)
			return fmt.Errorf("invalid http status code")
		}
		writer.WriteHeader(status)
		return nil
	})
}

// Write sends a part of the body.
func (w *responseWriter) Write(data []byte, _ *struct{}) error {
	return w.use("Write", func(writer http.ResponseWriter) error {
		_, err := writer.Write(data)
		return err
	})
}

// errNoFlush is what net/rpc says for a service that has no Flush, as that of an older server.
var errNoFlush = errors.New("rpc: can't find method Plugin.Flush")

// Flush sends what is buffered, if the writer can.
func (w *responseWriter) Flush(_ struct{}, _ *struct{}) error {
	if w.plugin.options.WithoutFlush {
		return errNoFlush
	}
	return w.use("Flush", func(writer http.ResponseWriter) error {
		if flusher, ok := writer.(http.Flusher); ok {
			flusher.Flush()
		}
		return nil
	})
}
