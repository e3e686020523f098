package conform

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/fill"
)

// all says that a stream is read to its end.
const all = -1

// apiStream is what a call with a stream has beside arguments and results.
type apiStream struct {
	sent *body // what the plugin sends
	take int64 // how much of it the host reads, or all
	// answer is the body of PluginHTTP's response; with echo it is what was sent, as it comes.
	answer []byte
	echo   bool

	got    *digester
	gotErr error
	over   chan struct{} // closed when the host has read what it wants
}

const mebibyte = 1 << 20

// streamLimit is how long a body may take when the call has been answered.
const streamLimit = 10 * time.Second

// apiStreamCases are the cases of the three methods with streams.
func apiStreamCases(seed uint64, style string) []*apiCase {
	large := sized(1, 65535, 65536, 65537, mebibyte, 2*mebibyte)
	// More than what may be under way before the host reads, so that the host has begun.
	brokenOff := sized(mebibyte, 1000)
	var cases []*apiCase
	for _, method := range []string{"UploadData", "InstallPlugin"} {
		cases = append(cases,
			newUpload(seed, style, method, variantFull, sized(100, 70_000, 1)),
			newUpload(seed, style, method, variantNone, nil),
			newUpload(seed, style, method, "megabytes", large),
			newUpload(seed, style, method, variantError, sized(70_000)),
			takes(newUpload(seed, style, method, "answered early", large), 1000),
			takes(newUpload(seed, style, method, "refused early", large), 0),
			breaks(newUpload(seed, style, method, "broken off", brokenOff)),
		)
	}
	return append(cases,
		newPluginHTTP(seed, style, variantFull, sized(100, 70_000, 1), 70_001),
		newPluginHTTP(seed, style, variantNone, nil, 0),
		newPluginHTTP(seed, style, "megabytes", large, 3*mebibyte+1),
		newPluginHTTP(seed, style, "large response", nil, 5*mebibyte),
		echoes(newPluginHTTP(seed, style, "echo", large, 0)),
		breaks(newPluginHTTP(seed, style, "broken off", brokenOff, 10)),
	)
}

func newStreamCase(seed uint64, style, method, variant string, chunks []chunk) *apiCase {
	spec := mattermost.APIByName(method)
	name := fmt.Sprintf("api streams/%s/%s/%s", style, method, variant)
	c := &apiCase{record: record{name: name}, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	c.stream = &apiStream{sent: newBody(seed, name, chunks), take: all, got: newDigester(), over: make(chan struct{})}
	return c
}

func newUpload(seed uint64, style, method, variant string, chunks []chunk) *apiCase {
	c := newStreamCase(seed, style, method, variant, chunks)
	fillSlots(fill.New(seed, c.name, false), variant, c.args, c.spec.Params, true)
	fillSlots(fill.New(seed, c.name+"returns", false), variant, c.returns, c.spec.Results, true)
	if variant == variantError || variant == "refused early" {
		c.failure = failureFor(fill.New(seed, c.name+"error", false), c.spec, c.returns)
	}
	return c
}

// newPluginHTTP has a request that HTTP libraries can express, and in the variant full the fields that only a server sets.
func newPluginHTTP(seed uint64, style, variant string, chunks []chunk, response int) *apiCase {
	c := newStreamCase(seed, style, "PluginHTTP", variant, chunks)
	c.stream.answer = seededBytes(seed, c.name+"response", response)
	request := &mattermost.HTTPRequestSubset{
		Method: http.MethodGet, URL: &url.URL{Path: "/com.example.other"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		// One header at least, because a genuine server cannot bear none, and so the bridge adds one.
		Header: map[string][]string{"Accept": {"*/*"}},
	}
	returns := &mattermost.PluginHTTPStreamReturns{StatusCode: http.StatusNoContent}
	if variant != variantNone {
		request.Method = http.MethodPut
		request.URL = &url.URL{Path: "/com.example.other/größe x", RawQuery: fmt.Sprintf("a=b%%20c&seed=%d", seed)}
		request.Header = map[string][]string{"X-Seeded": {fmt.Sprint(seed), "second"}, "Content-Type": {"application/octet-stream"}}
		returns.StatusCode = http.StatusAccepted
		returns.Header = map[string][]string{"X-Answer": {"first", fmt.Sprint(seed)}, "Set-Cookie": {"a=1", "b=2"}}
	}
	if variant == variantFull {
		request.Proto, request.ProtoMajor, request.ProtoMinor = "HTTP/2.3", 2, 3
		request.Host, request.RemoteAddr, request.RequestURI = "host.example", "192.0.2.7:1234", "/plugins/com.example.other/x"
	}
	c.args.(*mattermost.PluginHTTPStreamArgs).Request = request
	c.returns = returns
	return c
}

// takes lets the host answer when it has read so much.
func takes(c *apiCase, size int64) *apiCase {
	c.stream.take = size
	return c
}

func echoes(c *apiCase) *apiCase {
	c.stream.echo = true
	c.stream.answer = c.stream.sent.data
	return c
}

func breaks(c *apiCase) *apiCase {
	c.stream.sent.broken = "the source of größe dried up"
	return c
}

// serveStream reads what the plugin sends and answers. PluginHTTP's streams are the host's business; answerHTTP does the rest.
func (t *teller) serveStream(c *apiCase, args, returns any) error {
	switch args := args.(type) {
	case *mattermost.UploadDataArgs:
		t.readUpload(c, args.PluginStreamID)
	case *mattermost.InstallPluginArgs:
		t.readUpload(c, args.PluginStreamID)
	default:
		t.mutex.Lock()
		t.http = c
		t.mutex.Unlock()
		return answer.ErrStreams
	}
	c.answer(returns)
	return nil
}

func (t *teller) readUpload(c *apiCase, stream uint32) {
	defer close(c.stream.over)
	reader, err := t.open(stream)
	if err != nil {
		c.stream.gotErr = err
		return
	}
	defer reader.Close()
	c.stream.gotErr = c.stream.read(reader)
}

func (s *apiStream) read(reader io.Reader) error {
	if s.take != all {
		reader = io.LimitReader(reader, s.take)
	}
	_, err := io.Copy(s.got, reader)
	return err
}

// answerHTTP is the other plugin.
func (t *teller) answerHTTP(_ string, request *http.Request) *http.Response {
	t.mutex.Lock()
	c := t.http
	t.http = nil
	t.mutex.Unlock()
	if c == nil {
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody}
	}
	returns := c.returns.(*mattermost.PluginHTTPStreamReturns)
	response := &http.Response{StatusCode: returns.StatusCode, Header: returns.Header}
	defer close(c.stream.over)
	if c.stream.echo {
		response.Body = io.NopCloser(io.TeeReader(request.Body, c.stream.got))
		return response
	}
	c.stream.gotErr = c.stream.read(request.Body)
	response.Body = io.NopCloser(bytes.NewReader(c.stream.answer))
	return response
}

// checkStream compares the bodies, when the call and its streams are over.
func (c *apiCase) checkStream(result planResult) {
	s := c.stream
	select {
	case <-s.over:
	case <-time.After(streamLimit):
		c.problemf("the host waits for the body for ever")
		return
	}
	got := s.got.digest()
	switch {
	case s.sent.broken != "":
		if s.gotErr == nil {
			c.problemf("the host takes %d bytes for a whole body, which was broken off", got.Size)
		}
		return
	case s.gotErr != nil:
		c.problemf("the host could not read the body: %v", s.gotErr)
	case s.take != all:
		c.problem("the host received another body: ", digestOf(s.sent.data[:s.take]).compare(got))
	default:
		c.problem("the host received another body: ", digestOf(s.sent.data).compare(got))
	}
	if c.spec.Name != "PluginHTTP" {
		return
	}
	if result.Body == nil {
		c.problemf("the plugin says nothing of the response's body")
		return
	}
	c.problem("the plugin received another body: ", digestOf(s.answer).compare(*result.Body))
}
