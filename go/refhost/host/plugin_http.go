package host

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"mattermost-plugin/mattermost"
)

// errNobody is what PluginHTTP gets from a host that was not told what to do with it.
var errNobody = errors.New("this host has no other plugins")

// pluginHTTPStream lets another plugin answer a request. Both bodies are streams that the caller accepts; the response's
// is plain bytes. Without a response the stream stays open, as on the server: the caller has to give it up.
func (p *Plugin) pluginHTTPStream(args *mattermost.PluginHTTPStreamArgs, returns *mattermost.PluginHTTPStreamReturns) error {
	const method = "PluginHTTPStream"
	responseStream, err := p.connection.broker.Dial(args.ResponseBodyStream)
	if err != nil {
		return err
	}
	var body io.ReadCloser = http.NoBody
	if args.RequestBodyStream != 0 {
		connection, err := p.connection.broker.Dial(args.RequestBodyStream)
		if err != nil {
			return err
		}
		body = &pullReader{connection}
	}
	response, err := p.askPlugin(method, args.Request, body)
	if err != nil || response == nil {
		body.Close()
		return err
	}
	returns.StatusCode, returns.Header = response.StatusCode, response.Header
	go func() {
		defer responseStream.Close()
		defer body.Close()
		if response.Body == nil {
			return
		}
		defer response.Body.Close()
		if _, err := io.Copy(responseStream, response.Body); err != nil {
			p.logStream("the response's body could not be sent", method, err)
		}
	}()
	return nil
}

// pluginHTTPBuffered is the form of older servers, with both bodies inside the call.
func (p *Plugin) pluginHTTPBuffered(args *mattermost.PluginHTTPArgs, returns *mattermost.PluginHTTPReturns) error {
	const method = "PluginHTTP"
	response, err := p.askPlugin(method, args.Request, io.NopCloser(bytes.NewReader(args.RequestBody)))
	if err != nil {
		return err
	}
	if response == nil || response.Body == nil {
		return p.crash(method, "there is no response, and nobody checks it")
	}
	defer response.Body.Close()
	if returns.ResponseBody, err = io.ReadAll(response.Body); err != nil {
		return err
	}
	returns.Response = &mattermost.HTTPResponse{
		Status: response.Status, StatusCode: response.StatusCode,
		Proto: response.Proto, ProtoMajor: response.ProtoMajor, ProtoMinor: response.ProtoMinor,
		Header: response.Header, ContentLength: response.ContentLength,
	}
	return nil
}

// askPlugin hands the request to the host. The server uses the request, its URL and its headers without a look.
func (p *Plugin) askPlugin(method string, request *mattermost.HTTPRequestSubset, body io.ReadCloser) (*http.Response, error) {
	switch {
	case request == nil:
		return nil, p.crash(method, "the request is nil")
	case request.URL == nil:
		return nil, p.crash(method, "the request has no URL")
	case request.Header == nil:
		return nil, p.crash(method, "the request's headers are a nil map")
	case p.options.PluginHTTP == nil:
		return nil, errNobody
	}
	return p.options.PluginHTTP(p.ID(), &http.Request{
		Method: request.Method, URL: request.URL, Proto: request.Proto, ProtoMajor: request.ProtoMajor, ProtoMinor: request.ProtoMinor,
		Header: request.Header, Host: request.Host, RemoteAddr: request.RemoteAddr, RequestURI: request.RequestURI, Body: body,
	}), nil
}
