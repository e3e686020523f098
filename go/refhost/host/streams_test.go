package host_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/bundle"
	"mattermost-plugin/refhost/mask"
)

func sum(text string) string {
	hash := sha256.Sum256([]byte(text))
	return hex.EncodeToString(hash[:])
}

func TestFileWillBeUploaded(t *testing.T) {
	_, plugin := start(t, bundle.Make(t, "com.example.go", ""))
	content := strings.Repeat("file ", 500_000)
	for name, want := range map[string]struct{ reason, content, replacement string }{
		"reject.txt":  {reason: "rejected by its name"},
		"replace.txt": {content: sum(content), replacement: content},
		"other.txt":   {content: sum(content)},
	} {
		var output bytes.Buffer
		info := &mattermost.FileInfo{Name: name, Size: 5}
		got, reason, err := plugin.FileWillBeUploaded(&mattermost.Context{}, info, strings.NewReader(content), &output)
		if err != nil || reason != want.reason || got.Content != want.content || got.Name != name || got.Size != 5 || output.String() != want.replacement {
			t.Errorf("%s: %+v, %q, %v, %d bytes", name, got, reason, err, output.Len())
		}
	}
	_, plugin = start(t, bundle.Make(t, "com.example.go", "idle"))
	info := &mattermost.FileInfo{Name: "x"}
	if got, reason, err := plugin.FileWillBeUploaded(&mattermost.Context{}, info, strings.NewReader(""), &bytes.Buffer{}); got != info || reason != "" || err != host.ErrNotImplemented {
		t.Errorf("%+v, %q, %v", got, reason, err)
	}
}

func TestUploadData(t *testing.T) {
	s := serve(t, "")
	body := strings.Repeat("0123456789", 30_000)
	for name, want := range map[string]string{"all": body, "slow": body, "early": body[:100], "refuse": ""} {
		_, text := s.do("POST", "/upload?name="+name, body)
		answer := struct {
			Info  *mattermost.FileInfo `json:"info"`
			Error string               `json:"error"`
		}{}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if want == "" {
			if answer.Info != nil || answer.Error != "The host refuses this upload." {
				t.Errorf("%s: %s", name, text)
			}
			continue
		}
		if answer.Info == nil || answer.Info.Size != int64(len(want)) || answer.Info.MimeType != sum(want) || answer.Info.Name != sum(want) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestInstallPlugin(t *testing.T) {
	s := serve(t, "")
	for beginning, size := range map[string]int{"bundle": 10006, "slow": 10004, "early": 100, "refuse": 0} {
		body := beginning + strings.Repeat("x", 10_000)
		_, text := s.do("POST", "/install?replace=1", body)
		answer := struct {
			Manifest *mattermost.Manifest `json:"manifest"`
			Error    string               `json:"error"`
		}{}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if size == 0 {
			if answer.Manifest != nil || answer.Error == "" {
				t.Errorf("%s: %s", beginning, text)
			}
			continue
		}
		if answer.Manifest == nil || answer.Manifest.Version != fmt.Sprint(size) || answer.Manifest.Id != sum(body[:size]) || answer.Manifest.Description != "replace=true" {
			t.Errorf("%s: %s", beginning, text)
		}
	}
	if got := s.host.APIStreams.Snapshot(); got["InstallPlugin"] != 4 {
		t.Errorf("%v", got)
	}
}

func TestPluginHTTP(t *testing.T) {
	t.Run("streams", func(t *testing.T) { testPluginHTTP(t, serve(t, ""), "PluginHTTPStream") })
	t.Run("an older host", func(t *testing.T) {
		older, err := mask.New([]string{"PluginHTTPStream"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		server := host.New(1)
		server.Mask = older
		t.Cleanup(server.StopAll)
		plugin, err := server.Start(bundle.Make(t, "com.example.go", ""))
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			plugin.ServeHTTP(&mattermost.Context{}, w, r)
		}))
		t.Cleanup(front.Close)
		testPluginHTTP(t, &serving{t, server, plugin, front}, "PluginHTTP")
	})
}

func testPluginHTTP(t *testing.T, s *serving, method string) {
	const size = 1 << 20
	response, text := s.do("POST", fmt.Sprintf("/plugin-http?url=/refhost-echo/a%%3Fb=c&bytes=%d", size), "")
	if response.StatusCode != 201 || text != strings.Repeat("\x00", size) || len(response.Header["Set-Cookie"]) != 2 || response.Header.Get("X-Echo-Url") != "/a?b=c" {
		t.Errorf("echo: %v, %d bytes", response, len(text))
	}
	if _, text := s.do("GET", "/plugin-http?url=/refhost-slow/%3Flines=3", ""); text != "line 0\nline 1\nline 2\n" {
		t.Errorf("slow: %q", text)
	}
	response, text = s.do("GET", "/plugin-http?url=/com.example.go/request", "")
	if response.StatusCode != 200 || !strings.Contains(text, `"Mattermost-Plugin-Id":["com.example.go"]`) || !strings.Contains(text, `"Mattermost-User-Id":[""]`) {
		t.Errorf("another plugin: %v %s", response, text)
	}
	for target, status := range map[string]int{"/com.example.go/status%3Fcode=418": 418, "/nobody/": 404, "nobody": 400, "//x": 400} {
		if response, text := s.do("GET", "/plugin-http?url="+target, ""); response.StatusCode != status {
			t.Errorf("%s: %v %s", target, response, text)
		}
	}
	if got := s.host.APIStreams.Snapshot(); got[method] < 7 {
		t.Errorf("%v", got)
	}
	crashes := s.crashes()
	if response, text := s.do("GET", "/plugin-http?headers=nil&url=/refhost-echo/", ""); response.StatusCode != 502 || s.crashes() != crashes+1 {
		t.Errorf("nil headers: %v %s", response, text)
	}
	if response, text := s.do("GET", "/plugin-http?url=/refhost-none/", ""); response.StatusCode != 502 {
		t.Errorf("no response: %v %s", response, text)
	}
}

// crashes is how often a genuine server would have crashed.
func (s *serving) crashes() int {
	count := 0
	for _, entry := range s.host.Log.Entries(0) {
		if entry.Message == host.CrashMessage {
			count++
		}
	}
	return count
}

func TestAHostWithoutADriver(t *testing.T) {
	s := serve(t, "")
	if response, text := s.do("GET", "/driver", ""); response.StatusCode != 500 || !strings.Contains(text, "no database driver") || s.crashes() != 1 {
		t.Errorf("%v %s", response, text)
	}
}
