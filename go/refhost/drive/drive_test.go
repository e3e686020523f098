package drive_test

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"mattermost-plugin/refhost/drive"
	"mattermost-plugin/refhost/internal/bundle"
)

// driven is a host under a test.
type driven struct {
	t       *testing.T
	in      io.WriteCloser
	answers chan map[string]any
	ended   chan error
}

func begin(t *testing.T) *driven {
	t.Helper()
	inRead, in := io.Pipe()
	out, outWrite := io.Pipe()
	d := &driven{t: t, in: in, answers: make(chan map[string]any, 100), ended: make(chan error, 1)}
	go func() {
		d.ended <- drive.Run(drive.Options{Listen: "127.0.0.1:0", Record: true, In: inRead, Out: outWrite})
		_ = outWrite.Close()
	}()
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			answer := map[string]any{}
			_ = json.Unmarshal(lines.Bytes(), &answer)
			d.answers <- answer
		}
	}()
	if ready := d.next(); ready["listen"] == nil {
		t.Fatalf("%v", ready)
	}
	return d
}

func (d *driven) next() map[string]any {
	d.t.Helper()
	select {
	case answer := <-d.answers:
		return answer
	case <-time.After(30 * time.Second):
		d.t.Fatal("there is no answer")
		return nil
	}
}

func (d *driven) do(line string) map[string]any {
	d.t.Helper()
	if _, err := io.WriteString(d.in, line+"\n"); err != nil {
		d.t.Fatal(err)
	}
	return d.next()
}

func (d *driven) end() {
	d.t.Helper()
	_ = d.in.Close()
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Error(err)
		}
	case <-time.After(30 * time.Second):
		d.t.Fatal("the host does not end")
	}
}

func (d *driven) good(line, part string) {
	d.t.Helper()
	answer := d.do(line)
	text, _ := json.Marshal(answer)
	if answer["ok"] != true || !strings.Contains(string(text), part) {
		d.t.Errorf("%s: %s", line, text)
	}
}

func TestConversation(t *testing.T) {
	d := begin(t)
	dir, _ := json.Marshal(bundle.Make(t, "com.example.go", "hello"))
	d.good(`{"id": 1, "do": "start", "dir": `+string(dir)+`}`, `"handshake_ms"`)
	d.good(`{"id": 2, "do": "supervise", "every_ms": 5}`, `"id":2`)
	d.good(`{"id": 3, "do": "post", "message": "a :python:"}`, "a 🐍")
	d.good(`{"id": 4, "do": "post", "message": "badword"}`, "prohibited content")
	d.good(`{"id": 5, "do": "command", "command": "/hello"}`, "Hello, admin! This is greeting number 1.")
	d.good(`{"id": 6, "do": "values"}`, `"MQ=="`)
	d.good(`{"id": 7, "do": "call", "hook": "MessageWillBePosted", "args": [null, {"message": "a"}]}`, `"results":[{"message":"a"}`)
	d.good(`{"id": 9, "do": "posts"}`, "a 🐍")
	d.good(`{"id": 10, "do": "calls", "method": "RegisterCommand"}`, `"hello"`)
	d.good(`{"id": 11, "do": "await_log", "match": "Go plugin activated", "within_ms": 1000}`, "server_version")
	d.good(`{"id": 12, "do": "await_log", "match": "nobody says this", "within_ms": 1}`, `"id":12`)
	d.good(`{"id": 13, "do": "processes"}`, `"descriptors"`)
	d.good(`{"id": 14, "do": "streams"}`, `"open":6`)
	d.good(`{"id": 15, "do": "ping"}`, `"id":15`)
	d.good(`{"id": 16, "do": "stop"}`, `"id":16`)
	d.good(`{"id": 17, "do": "health"}`, `"restarts":0`)
	if answer := d.do(`{"id": 18, "do": "nothing"}`); answer["ok"] != false {
		t.Errorf("%v", answer)
	}
	d.end()
}

func TestAPluginThatDiesIsStartedAgainUntilTheAllowanceIsUsedUp(t *testing.T) {
	d := begin(t)
	dir, _ := json.Marshal(bundle.Make(t, "com.example.go", ""))
	d.good(`{"id": 1, "do": "start", "dir": `+string(dir)+`}`, `"pid"`)
	d.good(`{"id": 2, "do": "supervise", "every_ms": 5}`, `"id":2`)
	for count := 1; count <= 3; count++ {
		pid := d.do(`{"id": 3, "do": "processes"}`)["value"].([]any)[0].(map[string]any)["pid"].(float64)
		if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		report := d.await(count)
		if off := report["off"].(bool); off != (count == 3) {
			t.Errorf("%v", report)
		}
	}
	d.end()
}

// await waits until the plugin was started again so many times, and is there.
func (d *driven) await(restarts int) map[string]any {
	d.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		report := d.do(`{"id": 4, "do": "health"}`)["value"].(map[string]any)
		tree := d.do(`{"id": 5, "do": "processes"}`)
		if report["restarts"].(float64) == float64(restarts) && (report["off"].(bool) || tree["ok"].(bool)) {
			return report
		}
	}
	d.t.Fatalf("the plugin was not started again %d times", restarts)
	return nil
}
