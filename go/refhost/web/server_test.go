package web_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/bundle"
	"mattermost-plugin/refhost/web"
)

const plugin = "/plugins/com.example.go"

type tester struct {
	t    *testing.T
	base string
	host *host.Host
}

func start(t *testing.T) *tester {
	t.Helper()
	server := host.New(1)
	t.Cleanup(server.StopAll)
	if _, err := server.Start(bundle.Make(t, "com.example.go", "")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := web.New(server, nil)
	served := make(chan error, 1)
	go func() { served <- front.Serve(listener) }()
	t.Cleanup(func() {
		_ = front.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &tester{t, "http://" + listener.Addr().String(), server}
}

func (s *tester) do(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Do(request)
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

// seen is what the plugin saw of a request.
type seen struct {
	Method     string      `json:"method"`
	URL        string      `json:"url"`
	RequestURI string      `json:"request_uri"`
	Headers    http.Header `json:"headers"`
	Preset     http.Header `json:"preset"`
}

func (s *tester) describe(method, query string, headers ...string) seen {
	s.t.Helper()
	var got seen
	if _, text := s.do(method, plugin+"/request"+query, "", headers...); json.Unmarshal([]byte(text), &got) != nil {
		s.t.Fatal(text)
	}
	return got
}

func TestWhoAsks(t *testing.T) {
	s := start(t)
	for name, test := range map[string]struct {
		method, query string
		headers       []string
		user          string
		authorization bool
	}{
		"bearer":             {method: "GET", headers: []string{"Authorization", "Bearer user-alice"}, user: "alice"},
		"token":              {method: "POST", headers: []string{"Authorization", "token user-alice"}, user: "alice"},
		"query":              {method: "GET", query: "?access_token=user-alice", user: "alice"},
		"cookie":             {method: "GET", headers: []string{"Cookie", "MMAUTHTOKEN=user-alice"}, user: "alice"},
		"forged":             {method: "POST", headers: []string{"Cookie", "MMAUTHTOKEN=user-alice"}},
		"cookie and script":  {method: "POST", headers: []string{"Cookie", "MMAUTHTOKEN=user-alice", "X-Requested-With", "XMLHttpRequest"}, user: "alice"},
		"cookie and token":   {method: "POST", headers: []string{"Cookie", "MMAUTHTOKEN=user-alice", "X-CSRF-Token", "x"}, user: "alice"},
		"unknown token":      {method: "GET", headers: []string{"Authorization", "Bearer something"}, authorization: true},
		"basic":              {method: "GET", headers: []string{"Authorization", "Basic user-alice"}, authorization: true},
		"nobody":             {method: "GET"},
		"a header of theirs": {method: "GET", headers: []string{"Mattermost-User-Id", "root", "Mattermost-Plugin-ID", "core"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.describe(test.method, test.query, append(test.headers, "Referer", "x")...).Headers
			if got.Get("Mattermost-User-Id") != test.user || (got.Get("Authorization") != "") != test.authorization {
				t.Errorf("%v", got)
			}
			for _, gone := range []string{"Referer", "Cookie", "Mattermost-Plugin-Id"} {
				if got.Get(gone) != "" {
					t.Errorf("the plugin saw %s: %v", gone, got)
				}
			}
		})
	}
}

func TestWhatThePluginSees(t *testing.T) {
	s := start(t)
	got := s.describe("GET", "?b=2&access_token=user-x&a=1&b=1", "Cookie", "MMAUTHTOKEN=user-alice; theme=dark", "X-Twice", "1", "X-Twice", "2")
	if got.URL != "/request?a=1&b=2&b=1" || got.RequestURI != plugin+"/request?b=2&access_token=user-x&a=1&b=1" || got.Method != "GET" {
		t.Errorf("%+v", got)
	}
	if got.Headers.Get("Cookie") != "theme=dark" || !reflect.DeepEqual(got.Headers["X-Twice"], []string{"1", "2"}) {
		t.Errorf("%v", got.Headers)
	}
	if got.Preset.Get("X-Refhost") != "preset" || got.Preset.Get("Vary") != "Origin" {
		t.Errorf("%v", got.Preset)
	}
}

func TestRoutes(t *testing.T) {
	s := start(t)
	for path, want := range map[string]int{
		plugin + "/hello": 200, plugin + "/none": 404, plugin: 404, plugin + "//hello": 404, "/metrics" + plugin + "/x": 200,
		"/plugins/nobody/hello": 404, "/metrics/plugins/nobody/": 404, "/plugins/": 404, "/": 404, "/deactivate": 404, "/stats": 200,
	} {
		if response, _ := s.do("GET", path, ""); response.StatusCode != want {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestUploads(t *testing.T) {
	s := start(t)
	_, text := s.do("POST", "/api/files?name=replace.txt", "some text")
	const hash = "b94f6f125c79e3a5ffaa826f584c10d52ada669e6762051b826b55776d05aed2"
	if !strings.Contains(text, `"replacement":{"size":9,"sha256":"`+hash+`"}`) || !strings.Contains(text, `"mime_type":"text/plain`) ||
		!strings.Contains(text, `"content":"`+hash+`"`) || !strings.Contains(text, `"size":9`) {
		t.Error(text)
	}
	if _, text := s.do("POST", "/api/files?name=reject", "x"); !strings.Contains(text, `"reason":"rejected by its name"`) {
		t.Error(text)
	}
	response, text := s.do("POST", "/api/files?name=replace&bytes=1&plugin=com.example.go", "some text")
	if text != "some text" || !strings.Contains(response.Header.Get("X-Refhost-Result"), hash) {
		t.Errorf("%v %s", response, text)
	}
	if response, _ := s.do("POST", "/api/files?name=x&plugin=nobody", "x"); response.StatusCode != 404 {
		t.Errorf("%v", response)
	}
}

func TestInspection(t *testing.T) {
	s := start(t)
	s.do("GET", plugin+"/hello", "")
	_, text := s.do("GET", "/stats", "")
	var stats struct {
		ResponseWriter map[string]int `json:"response_writer"`
		Goroutines     int            `json:"goroutines"`
		Plugins        map[string]struct {
			Streams   int `json:"streams"`
			Processes []struct {
				RSS int `json:"rss_kb"`
			} `json:"processes"`
		} `json:"plugins"`
	}
	if err := json.Unmarshal([]byte(text), &stats); err != nil {
		t.Fatal(err)
	}
	found := stats.Plugins["com.example.go"]
	if stats.ResponseWriter["Write"] != 1 || len(stats.ResponseWriter) != len(host.ResponseWriterMethods) || stats.Goroutines == 0 ||
		found.Streams < 6 || len(found.Processes) != 1 || found.Processes[0].RSS == 0 {
		t.Error(text)
	}
	if _, text := s.do("GET", "/log", ""); !strings.Contains(text, `"message":"Go plugin activated"`) {
		t.Error(text)
	}
	if _, text := s.do("GET", "/log?from=10000", ""); text != "" {
		t.Error(text)
	}
	if _, text := s.do("GET", "/calls?method=RegisterCommand", ""); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"method":"RegisterCommand"`) {
		t.Error(text)
	}
}

func TestDeactivateAndActivate(t *testing.T) {
	s := start(t)
	dir := s.host.Plugins()[0].Dir
	if _, text := s.do("POST", "/deactivate?plugin=com.example.go", ""); text != "[]\n" {
		t.Error(text)
	}
	if response, _ := s.do("GET", plugin+"/hello", ""); response.StatusCode != 404 {
		t.Errorf("%v", response)
	}
	if _, text := s.do("POST", "/activate?dir="+dir, ""); !strings.Contains(text, `"id":"com.example.go"`) {
		t.Error(text)
	}
	if response, _ := s.do("GET", plugin+"/hello", ""); response.StatusCode != 200 {
		t.Errorf("%v", response)
	}
	if response, _ := s.do("POST", "/activate?dir=/nowhere", ""); response.StatusCode != 500 {
		t.Errorf("%v", response)
	}
}
