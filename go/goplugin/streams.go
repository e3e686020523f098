package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	m "mattermost-plugin/mattermost"
)

// offer accepts a stream and serves source on it. It returns the stream's number.
func (s *server) offer(source io.Reader) uint32 {
	id := s.broker.NextId()
	go func() {
		connection, err := s.broker.Accept(id)
		if err != nil {
			log.Printf("the host did not dial a stream: %s", err)
			return
		}
		servePull(source, connection)
	}()
	return id
}

// uploadRoute passes the request's body on to UploadData; ?name=NAME is the session's file name.
func (s *server) uploadRoute(w http.ResponseWriter, r *http.Request) {
	returns := &m.UploadDataReturns{}
	args := &m.UploadDataArgs{A: &m.UploadSession{Filename: r.URL.Query().Get("name")}, PluginStreamID: s.offer(r.Body)}
	if err := s.api.call("UploadData", args, returns); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]any{"info": returns.A, "error": errorText(returns.B)})
}

// installRoute passes the request's body on to InstallPlugin.
func (s *server) installRoute(w http.ResponseWriter, r *http.Request) {
	returns := &m.InstallPluginReturns{}
	args := &m.InstallPluginArgs{PluginStreamID: s.offer(r.Body), B: r.URL.Query().Get("replace") != ""}
	if err := s.api.call("InstallPlugin", args, returns); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	failure := ""
	if returns.B != nil {
		failure = returns.B.Message
	}
	writeJSON(w, map[string]any{"manifest": returns.A, "error": failure})
}

// driverRoute opens and closes a connection of the database driver.
func (s *server) driverRoute(w http.ResponseWriter, _ *http.Request) {
	opened, closed := &m.DbStrErrReturn{}, &m.DbErrReturn{}
	if err := s.driver.Call("Plugin.Conn", true, opened); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := s.driver.Call("Plugin.ConnClose", opened.A, closed); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]any{"open": errorText(opened.B), "close": errorText(closed.A)})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// pluginHTTPRoute asks another plugin for ?url=URL with the request's method and headers (none with ?headers=nil) and a body of
// ?bytes=N zeros, and passes the answer on. An error, or a status of 0, which is no response, becomes 502.
func (s *server) pluginHTTPRoute(w http.ResponseWriter, r *http.Request) {
	target, err := url.Parse(r.URL.Query().Get("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request := &m.HTTPRequestSubset{Method: r.Method, URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.Header}
	if r.URL.Query().Get("headers") == "nil" {
		request.Header = nil
	}
	size, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("bytes"), "0"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response, err := s.pluginHTTP(request, io.LimitReader(zeros{}, size))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// pluginHTTP calls the streaming form, and the buffered one of a host that does not have it.
func (s *server) pluginHTTP(request *m.HTTPRequestSubset, body io.Reader) (*http.Response, error) {
	id := s.broker.NextId()
	accepted := make(chan io.ReadCloser, 1)
	go func() {
		connection, err := s.broker.Accept(id)
		if err != nil {
			accepted <- nil
			return
		}
		accepted <- connection
	}()
	returns := &m.PluginHTTPStreamReturns{}
	args := &m.PluginHTTPStreamArgs{ResponseBodyStream: id, Request: request, RequestBodyStream: s.offer(body)}
	err := s.api.call("PluginHTTPStream", args, returns)
	if err != nil && strings.Contains(err.Error(), "can't find method") {
		return s.pluginHTTPBuffered(request, body)
	}
	if err != nil {
		return nil, err
	}
	connection := <-accepted
	if connection == nil {
		return nil, fmt.Errorf("the host did not dial the response")
	}
	if returns.StatusCode == 0 {
		connection.Close()
		return nil, fmt.Errorf("there is no response")
	}
	return &http.Response{StatusCode: returns.StatusCode, Header: returns.Header, Body: connection}, nil
}

func (s *server) pluginHTTPBuffered(request *m.HTTPRequestSubset, body io.Reader) (*http.Response, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	returns := &m.PluginHTTPReturns{}
	if err := s.api.call("PluginHTTP", &m.PluginHTTPArgs{Request: request, RequestBody: data}, returns); err != nil {
		return nil, err
	}
	answer := io.NopCloser(strings.NewReader(string(returns.ResponseBody)))
	return &http.Response{StatusCode: returns.Response.StatusCode, Header: returns.Response.Header, Body: answer}, nil
}

// fileWillBeUploaded does what the file's name says: "reject..." is rejected, "replace..." is passed on as it comes in, of any
// other the size is read and the file left alone. The SHA-256 of what was read becomes the file's content.
func (s *server) fileWillBeUploaded(args *m.FileWillBeUploadedArgs, returns *m.FileWillBeUploadedReturns) error {
	uploaded, err := s.broker.Dial(args.UploadedFileStream)
	if err != nil {
		return err
	}
	file := &pullReader{uploaded}
	defer file.Close()
	replacement, err := s.broker.Dial(args.ReplacementFileStream)
	if err != nil {
		return err
	}
	defer replacement.Close()
	if strings.HasPrefix(args.B.Name, "reject") {
		returns.B = "rejected by its name"
		return nil
	}
	hash := sha256.New()
	sink := io.Writer(hash)
	if strings.HasPrefix(args.B.Name, "replace") {
		sink = io.MultiWriter(hash, replacement)
	}
	if _, err := io.Copy(sink, file); err != nil {
		return err
	}
	returns.A = args.B
	returns.A.Content = hex.EncodeToString(hash.Sum(nil))
	return nil
}
