package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"mattermost-plugin/refhost/internal/bundle"
)

// asCommand makes the test's executable behave as refhost.
const asCommand = "REFHOST_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// running is a refhost of a test's own.
type running struct {
	command *exec.Cmd
	input   io.Closer
	address string
}

func startHTTP(t *testing.T, arguments ...string) *running {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"http"}, arguments...)...)
	command.Env = append(os.Environ(), asCommand+"=1")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(30*time.Second, func() { _ = command.Process.Kill() })
	t.Cleanup(func() { hung.Stop() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatalf("there is no line on standard output: %v", err)
	}
	ready := struct {
		Listen  string `json:"listen"`
		Plugins []struct {
			ID string `json:"id"`
		} `json:"plugins"`
	}{}
	if err := json.Unmarshal(line, &ready); err != nil || len(ready.Plugins) != 1 || ready.Plugins[0].ID != "com.example.go" {
		t.Fatalf("%s: %v", line, err)
	}
	return &running{command, input, ready.Listen}
}

func TestHTTPCommandStops(t *testing.T) {
	dir := bundle.Make(t, "com.example.go", "")
	for name, stop := range map[string]func(r *running) error{
		"end of input": func(r *running) error { return r.input.Close() },
		"SIGTERM":      func(r *running) error { return r.command.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			r := startHTTP(t, "--plugin", dir)
			response, err := http.Get("http://" + r.address + "/plugins/com.example.go/hello")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != 200 {
				t.Errorf("%v", response)
			}
			if err := stop(r); err != nil {
				t.Fatal(err)
			}
			if err := r.command.Wait(); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestHTTPCommandRefusesNonsense(t *testing.T) {
	if code := runHTTP(nil); code != 2 {
		t.Errorf("without a plugin: %d", code)
	}
	if code := runHTTP([]string{"--plugin", t.TempDir()}); code != 1 {
		t.Errorf("without a manifest: %d", code)
	}
}
