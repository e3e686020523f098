package host

import (
	"net/http"
	"net/rpc"

	"mattermost-plugin/mattermost"
)

// ServeHTTP lets the plugin answer a request, as the server's hook does: the response writer is a net/rpc service on a broker
// stream that the plugin dials, the request's body a second stream.
func (p *Plugin) ServeHTTP(c *mattermost.Context, w http.ResponseWriter, r *http.Request) {
	p.serveRequest("ServeHTTP", w, r, func(writer, body uint32, request *mattermost.HTTPRequestSubset) any {
		return &mattermost.ServeHTTPArgs{ResponseWriterStream: writer, Request: request, Context: c, RequestBodyStream: body}
	})
}

// ServeMetrics is the same for the hook of the metrics port.
func (p *Plugin) ServeMetrics(c *mattermost.Context, w http.ResponseWriter, r *http.Request) {
	p.serveRequest("ServeMetrics", w, r, func(writer, body uint32, request *mattermost.HTTPRequestSubset) any {
		return &mattermost.ServeMetricsArgs{ResponseWriterStream: writer, Request: request, Context: c, RequestBodyStream: body}
	})
}

type makeArgs func(writerStream, bodyStream uint32, request *mattermost.HTTPRequestSubset) any

func (p *Plugin) serveRequest(hook string, w http.ResponseWriter, r *http.Request, args makeArgs) {
	if !p.Implements(hook) {
		http.NotFound(w, r)
		return
	}
	writer := &responseWriter{plugin: p, hook: hook, writer: w}
	writerStream := p.acceptWriter(hook, writer)
	bodyStream := p.acceptBody(hook, r)
	err := p.connection.hooks.Call("Plugin."+hook, p.options.Mask.Out(args(writerStream, bodyStream, Subset(r))), nil)
	writer.end()
	if err != nil {
		p.logCallFailure(hook, err)
		http.Error(w, "500 internal server error", http.StatusInternalServerError)
	}
}

// acceptWriter serves the response writer on the next stream that the plugin dials with the returned number.
func (p *Plugin) acceptWriter(hook string, writer *responseWriter) uint32 {
	id := p.connection.broker.NextId()
	go func() {
		connection, err := p.connection.broker.Accept(id)
		if err != nil {
			p.logStream("the plugin did not dial the response writer", hook, err)
			return
		}
		defer connection.Close()
		server := rpc.NewServer()
		if err := server.RegisterName("Plugin", writer); err != nil {
			p.logStream("the response writer is no RPC service", hook, err)
			return
		}
		server.ServeConn(connection)
	}()
	return id
}

// acceptBody serves the request's body. Go's server gives every request a body, be it an empty one, so the number is 0 only
// for a request that was made by hand.
func (p *Plugin) acceptBody(hook string, r *http.Request) uint32 {
	if r.Body == nil {
		return 0
	}
	id := p.connection.broker.NextId()
	go func() {
		connection, err := p.connection.broker.Accept(id)
		if err != nil {
			p.logStream("the plugin did not dial the request's body", hook, err)
			return
		}
		servePull(r.Body, connection)
	}()
	return id
}

// Subset is what a plugin gets to see of a request.
func Subset(r *http.Request) *mattermost.HTTPRequestSubset {
	return &mattermost.HTTPRequestSubset{
		Method: r.Method, URL: r.URL, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header, Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI,
	}
}
