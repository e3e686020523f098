package host

import (
	"bufio"
	"encoding/binary"
	"io"
)

// The pull protocol of a stream that one side reads from the other: the reader writes how many bytes it wants, a signed
// varint, and the other side copies up to so many bytes and waits for the next number. The end of the source closes the stream.

// copySize is the buffer with which Mattermost copies a stream's source.
const copySize = 32 * 1024

// servePull serves source to the reader at the other end of the connection until the source or the reader has finished.
func servePull(source io.Reader, connection io.ReadWriteCloser) {
	defer connection.Close()
	requests := bufio.NewReader(connection)
	buffer := make([]byte, copySize)
	for {
		wanted, err := binary.ReadVarint(requests)
		if err != nil {
			return
		}
		copied, err := io.CopyBuffer(connection, io.LimitReader(source, wanted), buffer)
		if err != nil || copied < wanted {
			return
		}
	}
}

// pullReader is the other end: every Read is a request, for as much as the caller's buffer holds.
type pullReader struct{ connection io.ReadWriteCloser }

func (r *pullReader) Read(buffer []byte) (int, error) {
	if _, err := r.connection.Write(binary.AppendVarint(nil, int64(len(buffer)))); err != nil {
		return 0, err
	}
	return r.connection.Read(buffer)
}

func (r *pullReader) Close() error { return r.connection.Close() }
