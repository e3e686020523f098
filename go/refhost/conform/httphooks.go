package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/fill"
)

// httpCase is one request that the plugin answers.
type httpCase struct {
	record
	hook    string
	method  string
	target  string
	headers http.Header
	content []byte
	told    toldStream
	context *mattermost.Context
	wanted  wantedResponse

	seen *mattermost.HTTPRequestSubset // the request as the server got it
}

// toldStream is what hook.json says of a hook with streams.
type toldStream struct {
	read    int
	status  *int
	headers map[string]any
	sends   *body
	fail    string
	hijack  string
}

// wantedResponse is what the client must get.
type wantedResponse struct {
	status  int
	headers map[string][]string // those that count; an empty list: not there
	body    bool                // whether the body must be what was told
	broken  bool                // whether the response is broken off
	without string              // what no client may get to see
}

// presetHeaders are set on the response before the hook is called.
func presetHeaders() http.Header {
	return http.Header{"X-Preset": {"by the server"}, "Vary": {"Origin", "Cookie"}}
}

func status(code int) *int { return &code }

// httpCases are the seeded cases of ServeHTTP and ServeMetrics.
func httpCases(seed uint64) []*httpCase {
	var cases []*httpCase
	for _, hook := range []string{"ServeHTTP", "ServeMetrics"} {
		full := newHTTPCase(seed, hook, variantFull, []chunk{{Size: 10, Flush: true}, {Size: 70_000}, {Size: 1, Flush: true}, {Size: 5}})
		full.content = seededBytes(seed, full.name+"content", 70_001)
		cases = append(cases, full, emptyHTTPCase(seed, hook))
	}
	large := newHTTPCase(seed, "ServeHTTP", "megabytes", sized(1, 65535, 65536, 65537, mebibyte, 2*mebibyte))
	large.content = seededBytes(seed, large.name+"content", 3*mebibyte+7)
	part := newHTTPCase(seed, "ServeHTTP", "a part of the request is read", sized(1000))
	part.content = seededBytes(seed, part.name+"content", 5000)
	part.told.read = 1234
	return append(cases, large, part)
}

func newHTTPCase(seed uint64, hook, variant string, chunks []chunk) *httpCase {
	name := fmt.Sprintf("hook streams/%s/%s", hook, variant)
	value := fmt.Sprintf("seeded %d", seed)
	return &httpCase{
		record: record{name: name}, hook: hook, method: http.MethodPost, target: fmt.Sprintf("/a%%20path/x?seed=%d&empty=", seed),
		headers: http.Header{"X-Seeded": {value, "second"}, "Content-Type": {"application/octet-stream"}},
		told: toldStream{
			read: all, status: status(http.StatusCreated), sends: newBody(seed, name, chunks),
			headers: map[string]any{"X-Answer": []any{value, "zweiter"}, "Content-Type": []any{"application/octet-stream"}, "X-Preset": nil},
		},
		context: fill.New(seed, name, false).Argument(reflect.TypeFor[*mattermost.Context]()).Interface().(*mattermost.Context),
		wanted: wantedResponse{
			status: http.StatusCreated, body: true,
			headers: map[string][]string{"X-Answer": {value, "zweiter"}, "X-Preset": {}, "Vary": {"Origin", "Cookie"}},
		},
	}
}

// emptyHTTPCase is a handler that does nothing at all.
func emptyHTTPCase(seed uint64, hook string) *httpCase {
	c := newHTTPCase(seed, hook, variantNone, nil)
	c.method, c.headers, c.context = http.MethodGet, nil, &mattermost.Context{}
	c.told = toldStream{sends: c.told.sends}
	c.wanted = wantedResponse{status: http.StatusOK, body: true, headers: map[string][]string{"X-Preset": {"by the server"}}}
	return c
}

// tree is what hook.json says.
func (t *toldStream) tree(dir string, number int) (map[string]any, error) {
	tree := map[string]any{"answer": "stream", "read": jsonInt(t.read)}
	if t.status != nil {
		tree["status"] = jsonInt(*t.status)
	}
	if t.headers != nil {
		tree["headers"] = t.headers
	}
	if t.fail != "" {
		tree["fail"] = t.fail
	}
	if t.hijack != "" {
		tree["hijack"] = t.hijack
	}
	if t.sends == nil || len(t.sends.chunks) == 0 {
		return tree, nil
	}
	sends, err := t.sends.tree(dir, number)
	tree["body"] = sends
	return tree, err
}

func jsonInt(number int) json.Number { return json.Number(fmt.Sprint(number)) }

// flushes is how often the handler flushes.
func (t *toldStream) flushes() int64 {
	count := int64(0)
	for _, chunk := range t.sends.chunks {
		if chunk.Flush {
			count++
		}
	}
	return count
}

// readOf is the part of the content that the handler reads.
func (t *toldStream) readOf(content []byte) []byte {
	if t.read == all {
		return content
	}
	return content[:min(t.read, len(content))]
}

func (c *httpCase) run(s *session) error {
	told, err := c.told.tree(s.dir, s.number+1)
	if err != nil {
		return err
	}
	defer c.told.sends.remove()
	if err := s.tell(c.hook, told); err != nil {
		return err
	}
	e := &exchange{hook: c.hook, preset: presetHeaders(), context: c.context}
	s.front.begin(e)
	if c.told.hijack != "" {
		c.takeOver(s, e)
		return nil
	}
	flushes := s.writer.Snapshot()["Flush"]
	response, data, broken := c.ask(s.front)
	if response == nil {
		c.problemf("there was no response: %v", broken)
		return nil
	}
	<-e.done
	if got := s.writer.Snapshot()["Flush"] - flushes; got < c.told.flushes() {
		c.problemf("the server was told to flush %d times instead of %d", got, c.told.flushes())
	}
	c.checkRequest(s, e, digestOf(c.told.readOf(c.content)))
	c.checkResponse(response, data, broken)
	return nil
}

// ask makes the request. The body is what came of it, whole or not.
func (c *httpCase) ask(f *front) (*http.Response, []byte, error) {
	request, err := http.NewRequest(c.method, f.server.URL+c.target, bytes.NewReader(c.content))
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(request.Header, c.headers)
	response, err := f.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response, data, err
}

// checkRequest compares what the plugin received with what the server got.
func (c *httpCase) checkRequest(s *session, e *exchange, content digest) {
	if e.seen == nil {
		c.problemf("the server got no request")
		return
	}
	c.seen = e.seen
	sent := &mattermost.ServeHTTPArgs{Request: e.seen, Context: c.context}
	out := c.checkArguments(s, mattermost.HookByName(c.hook), sent)
	if out.Body == nil {
		c.problemf("the plugin says nothing of the body that it read")
		return
	}
	c.problem("the plugin received another body: ", content.compare(*out.Body))
	c.checkHeaders("the plugin was told", presetHeaders(), out.Headers)
}

func (c *httpCase) checkHeaders(who string, want, got map[string][]string) {
	for name, values := range want {
		if len(values) != len(got[name]) || len(values) > 0 && !reflect.DeepEqual(values, got[name]) {
			c.problemf("%s the header %s: %q instead of %q", who, name, got[name], values)
		}
	}
}

func (c *httpCase) checkResponse(response *http.Response, data []byte, broken error) {
	if response.StatusCode != c.wanted.status {
		c.problemf("the client got the status %d instead of %d", response.StatusCode, c.wanted.status)
	}
	c.checkHeaders("the client got", c.wanted.headers, response.Header)
	if (broken != nil) != c.wanted.broken {
		c.problemf("the client got a response that ended with %v", broken)
	}
	if c.wanted.body {
		c.problem("the client got another body: ", digestOf(c.told.sends.data).compare(digestOf(data)))
	}
	if c.wanted.without != "" && strings.Contains(string(data), c.wanted.without) {
		c.problemf("the client got to see %q", c.wanted.without)
	}
}

// cover notes what was in the arguments.
func (c *httpCase) cover(report *Report) {
	spec := mattermost.HookByName(c.hook)
	args := &mattermost.ServeHTTPArgs{Request: c.seen, Context: c.context}
	report.inPlugin.expect(args, spec.Params)
	if len(c.problems) == 0 {
		report.inPlugin.see(args, spec.Params)
		report.exercised["hook "+c.hook] = true
	}
}
