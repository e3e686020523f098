package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/bundle"
)

// deadline ends a read or write that hangs.
const deadline = 20 * time.Second

// serving is a plugin behind a real HTTP server.
type serving struct {
	t      *testing.T
	host   *host.Host
	plugin *host.Plugin
	http   *httptest.Server
}

func serve(t *testing.T, mode string) *serving {
	t.Helper()
	server, plugin := start(t, bundle.Make(t, "com.example.go", mode))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Refhost", "preset")
		plugin.ServeHTTP(&mattermost.Context{}, w, r)
	}))
	front.Client().Timeout = deadline
	t.Cleanup(front.Close)
	return &serving{t, server, plugin, front}
}

func (s *serving) do(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := s.http.Client().Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(data)
}

func (s *serving) dial() net.Conn {
	s.t.Helper()
	connection, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(deadline)); err != nil {
		s.t.Fatal(err)
	}
	return connection
}

func TestEveryMethodOfTheResponseWriter(t *testing.T) {
	s := serve(t, "")
	t.Run("text", func(t *testing.T) {
		response, text := s.do("GET", "/hello", "")
		if response.StatusCode != 200 || text != "Hello from the plugin\n" || response.Header.Get("X-Refhost") != "preset" {
			t.Errorf("%v %q", response, text)
		}
	})
	t.Run("status and headers", func(t *testing.T) { testStatus(t, s) })
	t.Run("large bodies", func(t *testing.T) { testLargeBodies(t, s) })
	t.Run("flush", func(t *testing.T) { testFlush(t, s) })
	t.Run("hijack", func(t *testing.T) { testHijack(t, s) })
	t.Run("hijack and echo", func(t *testing.T) { testHijackEcho(t, s) })
	for method, calls := range s.host.ResponseWriter.Snapshot() {
		if calls == 0 {
			t.Errorf("%s was never called", method)
		}
	}
	if left := s.plugin.Hijacked(); left != 0 {
		t.Errorf("%d connections are not closed", left)
	}
}

func testStatus(t *testing.T, s *serving) {
	response, _ := s.do("GET", "/status?code=201", "")
	if response.StatusCode != 201 || len(response.Header["Set-Cookie"]) != 2 || response.Header.Get("X-Refhost") != "" {
		t.Errorf("%v", response)
	}
	from := s.host.Log.Len()
	for _, code := range []string{"0", "99", "1000"} {
		if response, _ := s.do("GET", "/status?code="+code, ""); response.StatusCode != 200 {
			t.Errorf("%s: %v", code, response)
		}
		if _, ok := s.host.Log.Await(from, regexp.MustCompile("the plugin wrote the status "+code+" "), deadline); !ok {
			t.Errorf("the status %s is not in the log", code)
		}
	}
}

func testLargeBodies(t *testing.T, s *serving) {
	const size = 3<<20 + 17
	if _, text := s.do("GET", fmt.Sprintf("/down?bytes=%d", size), ""); len(text) != size {
		t.Errorf("%d bytes down", len(text))
	}
	body := strings.Repeat("0123456789", size/10)
	if _, text := s.do("POST", "/up?sha256=1", body); text != fmt.Sprintf(`{"bytes":%d,"sha256":"%s"}`+"\n", len(body), sum(body)) {
		t.Errorf("up: %s", text)
	}
	if _, text := s.do("POST", "/echo", body); text != body {
		t.Errorf("the echo has %d bytes", len(text))
	}
}

// testFlush gets the first line while the handler still waits.
func testFlush(t *testing.T, s *serving) {
	hold := make(chan struct{})
	s.host.Desk.Set(answer.Rule{Method: "GetServerVersion", Times: 1, Hold: hold})
	response, err := s.http.Client().Get(s.http.URL + "/flush")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	awaitLine(t, lines, "first")
	close(hold)
	awaitLine(t, lines, "second")
}

func awaitLine(t *testing.T, lines *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%q did not come: %v", want, err)
		}
		if strings.TrimSpace(line) == want {
			return
		}
	}
}

func testHijack(t *testing.T, s *serving) {
	connection := s.dial()
	// The first line comes with the request, so the server has it in its buffer.
	if _, err := io.WriteString(connection, "GET /hijack HTTP/1.1\r\nHost: x\r\n\r\none\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(connection)
	awaitLine(t, lines, "first one")
	report, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(report, "after response was already hijacked, read tcp ") ||
		!strings.HasSuffix(report, ": i/o timeout, [<nil> <nil> <nil> <nil>]\n") {
		t.Errorf("%q, %v", report, err)
	}
	if _, err := io.WriteString(connection, "two\n"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil || string(rest) != "second two\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func testHijackEcho(t *testing.T, s *serving) {
	connection := s.dial()
	if _, err := io.WriteString(connection, "GET /websocket HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(connection)
	awaitLine(t, lines, "HTTP/1.1 101 Switching Protocols")
	for _, line := range []string{"a", "b"} {
		if _, err := io.WriteString(connection, line+"\n"); err != nil {
			t.Fatal(err)
		}
		awaitLine(t, lines, line)
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestRequestsThatNobodyServes(t *testing.T) {
	s := serve(t, "idle")
	if response, _ := s.do("GET", "/hello", ""); response.StatusCode != 404 {
		t.Errorf("not implemented: %v", response)
	}
	s = serve(t, "")
	s.plugin.Kill()
	if response, _ := s.do("GET", "/hello", ""); response.StatusCode != 500 {
		t.Errorf("the plugin is gone: %v", response)
	}
}

func TestRequestsLeaveNoStreams(t *testing.T) {
	s := serve(t, "")
	s.do("GET", "/hello", "")
	before, err := s.plugin.Streams()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		s.do("POST", "/echo", "some text")
	}
	// The two streams of the last request may still be on their way to their end, those of 50 may not.
	after, err := s.plugin.Streams()
	if err != nil || after > before+4 {
		t.Errorf("%d streams became %d, %v", before, after, err)
	}
}

func TestMetrics(t *testing.T) {
	_, plugin := start(t, bundle.Make(t, "com.example.go", ""))
	recorder := httptest.NewRecorder()
	request := &http.Request{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{}} // without a body: its stream is 0
	plugin.ServeMetrics(&mattermost.Context{}, recorder, request)
	if recorder.Code != 200 || recorder.Body.String() != "goplugin_up 1\n" {
		t.Errorf("%d %q", recorder.Code, recorder.Body)
	}
}
