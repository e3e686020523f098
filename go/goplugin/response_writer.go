package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"time"
)

// responseWriter makes the calls of Mattermost's own client: the headers are fetched once, and sent before every WriteHeader
// and every Write.
type responseWriter struct {
	client *rpc.Client
	header http.Header
}

func newResponseWriter(connection io.ReadWriteCloser) *responseWriter {
	return &responseWriter{client: rpc.NewClient(connection)}
}

// Header implements http.ResponseWriter.
func (w *responseWriter) Header() http.Header {
	if w.header == nil {
		_ = w.client.Call("Plugin.Header", struct{}{}, &w.header)
	}
	return w.header
}

// Write implements http.ResponseWriter: two round trips.
func (w *responseWriter) Write(data []byte) (int, error) {
	if err := w.client.Call("Plugin.SyncHeader", w.header, nil); err != nil {
		return 0, err
	}
	if err := w.client.Call("Plugin.Write", data, nil); err != nil {
		return 0, err
	}
	return len(data), nil
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	if w.client.Call("Plugin.SyncHeader", w.header, nil) == nil {
		_ = w.client.Call("Plugin.WriteHeader", status, nil)
	}
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.client.Call("Plugin.Flush", struct{}{}, nil) }

// Close ends the stream.
func (w *responseWriter) Close() error { return w.client.Close() }

// Hijack implements http.Hijacker.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.client.Call("Plugin.HijackResponse", struct{}{}, nil); err != nil {
		return nil, nil, err
	}
	buffered := &hijackedBuffer{w.client}
	return &hijackedConnection{w.client}, bufio.NewReadWriter(bufio.NewReader(buffered), bufio.NewWriter(buffered)), nil
}

// hijackedConnection is the client's connection, one round trip for each call. Its addresses are not known.
type hijackedConnection struct{ client *rpc.Client }

func (c *hijackedConnection) Read(buffer []byte) (int, error) {
	var data []byte
	if err := c.client.Call("Plugin.HjConnRead", len(buffer), &data); err != nil {
		return 0, hijackError(err)
	}
	return copy(buffer, data), nil
}

func (c *hijackedConnection) Write(data []byte) (int, error) {
	var written int
	err := c.client.Call("Plugin.HjConnWrite", data, &written)
	return written, hijackError(err)
}

func (c *hijackedConnection) Close() error {
	return c.client.Call("Plugin.HjConnClose", struct{}{}, nil)
}

func (*hijackedConnection) LocalAddr() net.Addr  { return nil }
func (*hijackedConnection) RemoteAddr() net.Addr { return nil }

func (c *hijackedConnection) SetDeadline(t time.Time) error {
	return c.client.Call("Plugin.HjConnSetDeadline", t, nil)
}

func (c *hijackedConnection) SetReadDeadline(t time.Time) error {
	return c.client.Call("Plugin.HjConnSetReadDeadline", t, nil)
}

func (c *hijackedConnection) SetWriteDeadline(t time.Time) error {
	return c.client.Call("Plugin.HjConnSetWriteDeadline", t, nil)
}

// hijackedBuffer is the server's buffer in front of the connection.
type hijackedBuffer struct{ client *rpc.Client }

func (b *hijackedBuffer) Read(buffer []byte) (int, error) {
	var data []byte
	if err := b.client.Call("Plugin.HjConnRWRead", buffer, &data); err != nil {
		return 0, hijackError(err)
	}
	return copy(buffer, data), nil
}

func (b *hijackedBuffer) Write(data []byte) (int, error) {
	var written int
	err := b.client.Call("Plugin.HjConnRWWrite", data, &written)
	return written, hijackError(err)
}

// hijackError turns the text of an error back into io.EOF, which Mattermost's client does not.
func hijackError(err error) error {
	if err != nil && err.Error() == io.EOF.Error() {
		return io.EOF
	}
	return err
}
