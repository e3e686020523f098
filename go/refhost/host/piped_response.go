package host

import (
	"io"
	"net/http"
	"sync"
)

// pipedResponse is the response writer of a call from plugin to plugin. What is written can be read at once, and a writer
// waits for the reader.
type pipedResponse struct {
	headers http.Header
	reader  *io.PipeReader
	writer  *io.PipeWriter

	once  sync.Once
	ready chan struct{}
	// set before ready is closed
	status int
	sent   http.Header
}

func newPipedResponse() *pipedResponse {
	reader, writer := io.Pipe()
	return &pipedResponse{headers: http.Header{}, reader: reader, writer: writer, ready: make(chan struct{})}
}

// Header implements http.ResponseWriter.
func (p *pipedResponse) Header() http.Header { return p.headers }

// WriteHeader implements http.ResponseWriter; the first call counts.
func (p *pipedResponse) WriteHeader(status int) {
	p.once.Do(func() {
		p.status, p.sent = status, p.headers.Clone()
		close(p.ready)
	})
}

// Write implements http.ResponseWriter.
func (p *pipedResponse) Write(data []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.writer.Write(data)
}

// Flush implements http.Flusher; nothing is ever buffered.
func (p *pipedResponse) Flush() { p.WriteHeader(http.StatusOK) }

// end is called when the handler has returned.
func (p *pipedResponse) end() {
	p.WriteHeader(http.StatusOK)
	p.writer.Close()
}

// wait returns the response when its status and headers are known.
func (p *pipedResponse) wait() *http.Response {
	<-p.ready
	return &http.Response{
		StatusCode: p.status, Header: p.sent, Body: p.reader, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
	}
}
