package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	m "mattermost-plugin/mattermost"
)

// remoteRequest is what ServeHTTP and ServeMetrics get.
type remoteRequest struct {
	writerStream, bodyStream uint32
	request                  *m.HTTPRequestSubset
}

// serveRequest dials the streams of a request and lets handler answer it, as Mattermost's library does.
func (s *server) serveRequest(remote remoteRequest, handler http.HandlerFunc) error {
	connection, err := s.broker.Dial(remote.writerStream)
	if err != nil {
		fmt.Fprintf(os.Stderr, "[ERROR] the response writer could not be dialled: %v\n", err)
		return err
	}
	w := newResponseWriter(connection)
	defer w.Close()
	request := remote.request
	var body io.ReadCloser = http.NoBody
	if remote.bodyStream != 0 {
		connection, err := s.broker.Dial(remote.bodyStream)
		if err != nil {
			fmt.Fprintf(os.Stderr, "[ERROR] the request's body could not be dialled: %v\n", err)
			return err
		}
		body = &pullReader{connection}
	}
	defer body.Close()
	handler(w, &http.Request{
		Method: request.Method, URL: request.URL, Proto: request.Proto, ProtoMajor: request.ProtoMajor, ProtoMinor: request.ProtoMinor,
		Header: request.Header, Host: request.Host, RemoteAddr: request.RemoteAddr, RequestURI: request.RequestURI, Body: body,
	})
	return nil
}

// route answers the requests of the benchmarks and of the host's tests.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	routes := map[string]http.HandlerFunc{
		"/hello": hello, "/down": down, "/up": up, "/echo": echo, "/request": describe, "/status": status, "/flush": s.flush,
		"/hijack": hijack, "/websocket": hijackEcho,
		"/upload": s.uploadRoute, "/install": s.installRoute, "/plugin-http": s.pluginHTTPRoute, "/driver": s.driverRoute,
	}
	if handler, ok := routes[r.URL.Path]; ok {
		handler(w, r)
		return
	}
	http.NotFound(w, r)
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "Hello from the plugin\n")
}

// zeros is a source without an end.
type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) {
	clear(buffer)
	return len(buffer), nil
}

// down sends ?bytes=N zeros.
func down(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(count, 10))
	_, _ = io.Copy(w, io.LimitReader(zeros{}, count))
}

// up reads the body and answers how long it was, with ?sha256=1 also its hash.
func up(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	sink := io.Discard
	if r.URL.Query().Get("sha256") != "" {
		sink = hash
	}
	// The struct hides the ReadFrom of io.Discard, which reads less at once than io.Copy's own 32 KiB.
	count, err := io.Copy(struct{ io.Writer }{sink}, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := map[string]any{"bytes": count}
	if sink != io.Discard {
		answer["sha256"] = hex.EncodeToString(hash.Sum(nil))
	}
	writeJSON(w, answer)
}

// echo sends the request's body back as it comes in. Go's HTTP/1 server throws away what has not been read yet when the
// response begins, up to 256 KiB, so the body must be larger than that or fit into one read.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = io.Copy(w, r.Body)
}

// describe answers what the plugin got.
func describe(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, map[string]any{
		"method": r.Method, "url": r.URL.String(), "proto": r.Proto, "headers": r.Header, "host": r.Host,
		"remote_addr": r.RemoteAddr, "request_uri": r.RequestURI, "preset": w.Header(),
	})
}

// status answers with ?code=N; the headers are replaced.
func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.URL.Query().Get("code"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Del("X-Refhost")
	w.Header().Add("Set-Cookie", "first=1")
	w.Header().Add("Set-Cookie", "second=2")
	w.WriteHeader(code)
}

// flush writes a line, flushes it, and writes another when the server has answered an API call.
func (s *server) flush(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "first\n")
	w.(http.Flusher).Flush()
	if err := s.api.call("GetServerVersion", &m.GetServerVersionArgs{}, &m.GetServerVersionReturns{}); err != nil {
		return
	}
	_, _ = io.WriteString(w, "second\n")
}

// metrics is what a metrics port answers.
func metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = io.WriteString(w, "goplugin_up 1\n")
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
