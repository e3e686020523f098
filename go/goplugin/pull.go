package main

import (
	"bufio"
	"encoding/binary"
	"io"
)

// pullReader reads a stream that the host serves: a message for every Read, as in Mattermost's library.
type pullReader struct{ connection io.ReadWriteCloser }

func (r *pullReader) Read(buffer []byte) (int, error) {
	if _, err := r.connection.Write(binary.AppendVarint(nil, int64(len(buffer)))); err != nil {
		return 0, err
	}
	return r.connection.Read(buffer)
}

func (r *pullReader) Close() error { return r.connection.Close() }

// servePull serves source to the host until either has finished.
func servePull(source io.Reader, connection io.ReadWriteCloser) {
	defer connection.Close()
	requests := bufio.NewReader(connection)
	buffer := make([]byte, 32*1024)
	for {
		wanted, err := binary.ReadVarint(requests)
		if err != nil {
			return
		}
		if copied, err := io.CopyBuffer(connection, io.LimitReader(source, wanted), buffer); err != nil || copied < wanted {
			return
		}
	}
}
