package host

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// The texts are Mattermost's: a plugin tells these errors apart by them.
var (
	errNotHijacked     = errors.New("response is not hijacked")
	errAlreadyHijacked = errors.New("response was already hijacked")
	errCannotHijack    = errors.New("response cannot be hijacked")
)

// maxHijackRead is how much one read may ask for. Mattermost allocates whatever a plugin asks for.
const maxHijackRead = 64 << 20

// hijackedConnection is a client's connection that the plugin has taken over. Unlike the response writer it may be used from
// several goroutines.
type hijackedConnection struct {
	net.Conn
	buffered *bufio.ReadWriter
	closed   atomic.Bool
}

// HijackResponse takes the client's connection from the server.
func (w *responseWriter) HijackResponse(_ struct{}, _ *struct{}) error {
	return w.use("HijackResponse", func(writer http.ResponseWriter) error {
		if w.hijacked.Load() != nil {
			return errAlreadyHijacked
		}
		hijacker, ok := writer.(http.Hijacker)
		if !ok {
			return errCannotHijack
		}
		connection, buffered, err := hijacker.Hijack()
		if err != nil {
			return err
		}
		w.plugin.hijacked.Add(1)
		w.hijacked.Store(&hijackedConnection{Conn: connection, buffered: buffered})
		return nil
	})
}

// connection counts a call and returns the connection that was taken over.
func (w *responseWriter) connection(method string) (*hijackedConnection, error) {
	w.plugin.options.ResponseWriter.Add(method)
	connection := w.hijacked.Load()
	if connection == nil {
		return nil, errNotHijacked
	}
	return connection, nil
}

// HjConnRead reads up to size bytes from the connection itself, past the buffer.
func (w *responseWriter) HjConnRead(size int, reply *[]byte) error {
	connection, err := w.connection("HjConnRead")
	if err != nil {
		return err
	}
	if size < 0 || size > maxHijackRead {
		return w.plugin.crash("HjConnRead", "a buffer of an impossible size")
	}
	data := make([]byte, size)
	read, err := connection.Read(data)
	if err != nil {
		return err
	}
	*reply = data[:read]
	return nil
}

// HjConnWrite writes to the connection itself.
func (w *responseWriter) HjConnWrite(data []byte, reply *int) error {
	connection, err := w.connection("HjConnWrite")
	if err != nil {
		return err
	}
	written, err := connection.Write(data)
	if err != nil {
		return err
	}
	*reply = written
	return nil
}

// HjConnRWRead reads up to as many bytes as it is given from the server's buffer, which may hold what the client sent
// already.
func (w *responseWriter) HjConnRWRead(buffer []byte, reply *[]byte) error {
	connection, err := w.connection("HjConnRWRead")
	if err != nil {
		return err
	}
	data := make([]byte, len(buffer))
	read, err := connection.buffered.Read(data)
	if err != nil {
		return err
	}
	*reply = data[:read]
	return nil
}

// HjConnRWWrite writes to the server's buffer, which nobody flushes.
func (w *responseWriter) HjConnRWWrite(data []byte, reply *int) error {
	connection, err := w.connection("HjConnRWWrite")
	if err != nil {
		return err
	}
	written, err := connection.buffered.Write(data)
	if err != nil {
		return err
	}
	*reply = written
	return nil
}

// HjConnClose closes the client's connection.
func (w *responseWriter) HjConnClose(_ struct{}, _ *struct{}) error {
	connection, err := w.connection("HjConnClose")
	if err != nil {
		return err
	}
	// The count comes first: a test may look at it as soon as the client sees the end.
	if connection.closed.CompareAndSwap(false, true) {
		w.plugin.hijacked.Add(-1)
	}
	return connection.Close()
}

// HjConnSetDeadline sets the deadline of both directions.
func (w *responseWriter) HjConnSetDeadline(deadline time.Time, _ *struct{}) error {
	connection, err := w.connection("HjConnSetDeadline")
	if err != nil {
		return err
	}
	return connection.SetDeadline(deadline)
}

// HjConnSetReadDeadline sets the deadline of reads.
func (w *responseWriter) HjConnSetReadDeadline(deadline time.Time, _ *struct{}) error {
	connection, err := w.connection("HjConnSetReadDeadline")
	if err != nil {
		return err
	}
	return connection.SetReadDeadline(deadline)
}

// HjConnSetWriteDeadline sets the deadline of writes.
func (w *responseWriter) HjConnSetWriteDeadline(deadline time.Time, _ *struct{}) error {
	connection, err := w.connection("HjConnSetWriteDeadline")
	if err != nil {
		return err
	}
	return connection.SetWriteDeadline(deadline)
}
