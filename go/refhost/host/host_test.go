package host_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/bundle"
)

func start(t *testing.T, dir string) (*host.Host, *host.Plugin) {
	t.Helper()
	server := host.New(1)
	plugin, err := server.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.StopAll)
	return server, plugin
}

func TestLifecycle(t *testing.T) {
	server, plugin := start(t, bundle.Make(t, "com.example.go", ""))
	if err := plugin.HealthCheck(); err != nil {
		t.Fatal(err)
	}
	if !plugin.Implements("MessageWillBePosted") || plugin.Implements("UserHasBeenCreated") {
		t.Errorf("%v", plugin.ImplementedNames())
	}
	if _, ok := server.Log.Await(0, regexp.MustCompile(`info +Go plugin activated .*11\.`), time.Second); !ok {
		t.Error("the plugin's log line is missing")
	}
	if err := server.Stop(plugin); err != nil {
		t.Fatal(err)
	}
	if !plugin.Exited() || plugin.Ping() == nil {
		t.Error("the plugin still runs")
	}
	if _, ok := server.Log.Await(0, regexp.MustCompile(`Go plugin deactivated`), time.Second); !ok {
		t.Error("OnDeactivate was not called")
	}
}

// staysThere keeps a script alive until it is killed: go-plugin may see the end of a process before its last line.
const staysThere = "exec tail -f /dev/null\n"

func TestFailedStarts(t *testing.T) {
	noExecutable := t.TempDir()
	write(t, noExecutable, `{"id":"x","server":{"executables":{"plan9-arm":"a"}}}`)
	outside := t.TempDir()
	write(t, outside, `{"id":"x","server":{"executable":"../a"}}`)
	missing := t.TempDir()
	write(t, missing, `{"id":"x","server":{"executable":"a"}}`)
	for name, test := range map[string]struct{ dir, want string }{
		"no executable": {noExecutable, "backend executable not found for environment: linux/amd64"},
		"outside":       {outside, "invalid backend executable: ../a"},
		"missing":       {missing, "unable to generate plugin checksum"},
		"no manifest":   {t.TempDir(), "plugin.json: no such file"},
		"talks first":   {bundle.Script(t, "x", "echo hello\n"+staysThere), "Unrecognized remote plugin message"},
		"exits":         {bundle.Script(t, "x", "exit 3\n"), "unable to start plugin: x"},
		"other version": {bundle.Script(t, "x", "echo '1|7|unix|/x|netrpc|'\n"+staysThere), "incompatible API version"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := host.New(1).Start(test.dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func write(t *testing.T, dir, manifest string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCookieAndEnvironment(t *testing.T) {
	dir := bundle.Script(t, "x", `echo "[WARN] cookie=$MATTERMOST_PLUGIN ports=$PLUGIN_MIN_PORT-$PLUGIN_MAX_PORT versions=$PLUGIN_PROTOCOL_VERSIONS" >&2`+"\n")
	server := host.New(1)
	if _, err := server.Start(dir); err == nil {
		t.Fatal("the script was taken for a plugin")
	}
	want := regexp.MustCompile(`warn +.*cookie=Securely message teams, anywhere\. ports=10000-25000 versions=1`)
	if _, ok := server.Log.Await(0, want, time.Second); !ok {
		t.Errorf("%v", server.Log.Entries(0))
	}
}

func TestMergeOfAPrefilledReply(t *testing.T) {
	_, plugin := start(t, bundle.Make(t, "com.example.go", ""))
	attachments := []*mattermost.MessageAttachment{{Text: "typed"}}
	post := &mattermost.Post{Message: "bench:nil x", Hashtags: "#kept", Props: map[string]any{"attachments": attachments}}
	args := &mattermost.MessageWillBePostedArgs{A: &mattermost.Context{}, B: post}
	reply, err := plugin.Call("MessageWillBePosted", args)
	if err != nil {
		t.Fatal(err)
	}
	returns := reply.(*mattermost.MessageWillBePostedReturns)
	if returns.A == nil || returns.A.Hashtags != "#kept" {
		t.Fatalf("an empty reply changed the post: %+v", returns.A)
	}
	post.Message = "bench:edit x"
	reply, err = plugin.Call("MessageWillBePosted", args)
	if err != nil {
		t.Fatal(err)
	}
	returns = reply.(*mattermost.MessageWillBePostedReturns)
	typed, ok := returns.A.Props["attachments"].([]*mattermost.MessageAttachment)
	if returns.A.Message != "bench:edit x (seen)" || !ok || typed[0].Text != "typed" {
		t.Errorf("%+v", returns.A)
	}
}

func TestHooksThatAreNotImplemented(t *testing.T) {
	_, plugin := start(t, bundle.Make(t, "com.example.go", ""))
	if _, err := plugin.Call("UserHasBeenCreated", &mattermost.UserHasBeenCreatedArgs{}); err != host.ErrNotImplemented {
		t.Errorf("%v", err)
	}
	err := plugin.CallAnyway("UserHasBeenCreated", &mattermost.UserHasBeenCreatedArgs{A: &mattermost.Context{}}, &mattermost.UserHasBeenCreatedReturns{})
	if err == nil || !strings.Contains(err.Error(), "called but not implemented") {
		t.Errorf("%v", err)
	}
}
