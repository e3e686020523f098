package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"time"
)

// hijackEcho takes the connection over, answers 101 and sends back what it reads until the client closes.
func hijackEcho(w http.ResponseWriter, _ *http.Request) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer connection.Close()
	_, err = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	if err != nil {
		return
	}
	_, _ = io.Copy(connection, struct{ io.Reader }{buffered.Reader})
}

// hijack calls every method of the service, and answers what it found as a response of its own: one line from the client,
// read through the buffer, then a read that runs into its deadline, then another line, read from the connection.
func hijack(w http.ResponseWriter, _ *http.Request) {
	hijacker := w.(http.Hijacker)
	connection, buffered, err := hijacker.Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer connection.Close()
	_, _, again := hijacker.Hijack()
	first, err := buffered.ReadString('\n')
	if err != nil {
		return
	}
	deadlines := []error{connection.SetDeadline(time.Now().Add(time.Minute)), connection.SetWriteDeadline(time.Time{})}
	past := connection.SetReadDeadline(time.Now().Add(-time.Second))
	_, timeout := connection.Read(make([]byte, 1))
	deadlines = append(deadlines, past, connection.SetReadDeadline(time.Time{}))
	if _, err := fmt.Fprintf(connection, "HTTP/1.0 200 OK\r\n\r\nfirst %safter %v, %v, %v\n", first, again, timeout, deadlines); err != nil {
		return
	}
	second, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return
	}
	// What is written to the host's buffer stays there: nobody flushes it.
	_, _ = buffered.WriteString("lost")
	_ = buffered.Flush()
	_, _ = fmt.Fprintf(connection, "second %s", second)
}
