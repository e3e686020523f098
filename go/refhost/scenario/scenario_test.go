package scenario_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mattermost-plugin/refhost/internal/bundle"
	"mattermost-plugin/refhost/scenario"
)

// TestMain runs one scenario instead of the tests in the process that a test starts for one that kills its host.
func TestMain(m *testing.M) {
	path := os.Getenv("REFHOST_TEST_SCENARIO")
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := run(path); err != nil {
		os.Exit(1)
	}
}

func run(path string) (string, error) {
	file, err := scenario.Load(path)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if os.Getenv("REFHOST_TEST_SCENARIO") != "" {
		return "", scenario.Run(file, os.Stdout)
	}
	err = scenario.Run(file, &out)
	return out.String(), err
}

func setBundles(t *testing.T) {
	t.Setenv("DEMO", bundle.Make(t, "com.example.demo", ""))
	t.Setenv("HELLO", bundle.Make(t, "com.example.hello", "hello"))
	t.Setenv("CONFORMANCE", bundle.Make(t, "com.example.conformance", "conformance"))
}

func TestScenarios(t *testing.T) {
	setBundles(t)
	paths, err := filepath.Glob("testdata/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			out, err := run(path)
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if !strings.Contains(out, `"ok":true`) {
				t.Error("no step was run")
			}
		})
	}
}

// What a scenario expects and does not get makes it fail.
func TestFailures(t *testing.T) {
	setBundles(t)
	start := `{"do":"start","dir":"${DEMO}"}`
	for name, test := range map[string]struct{ steps, want string }{
		"unknown step":        {`{"do":"dance"}`, `there is no step "dance"`},
		"unknown key":         {`{"do":"start","directory":"x"}`, "unknown field"},
		"no such plugin":      {`{"do":"ping"}`, "no plugin"},
		"activation works":    {`{"do":"start","dir":"${DEMO}","expect_activation_error":"x"}`, "should have failed"},
		"other start error":   {`{"do":"start","dir":"/nowhere","expect_activation_error":"purple"}`, "failed with another error"},
		"other result":        {start + `,{"do":"call","hook":"MessageWillBePosted","args":[null,{"message":"x"}],"expect":[{"message":"y"}]}`, "result 0"},
		"no error":            {start + `,{"do":"call","hook":"OnConfigurationChange","expect_error":"x"}`, "there was no error"},
		"post not rejected":   {start + `,{"do":"post","post":{"message":"x"},"expect_error":"x"}`, "there was no error"},
		"no such log line":    {start + `,{"do":"expect_log","match":"purple","within":"1ms"}`, "no log line matches"},
		"unwanted log line":   {start + `,{"do":"expect_log","match":"activated","absent":true}`, "the log has"},
		"no such call":        {start + `,{"do":"expect_api","method":"GetUser","within":"1ms"}`, "0 of 0 calls"},
		"processes":           {start + `,{"do":"processes","count":7,"within":"1ms"}`, "instead of 7"},
		"memory":              {start + `,{"do":"memory","max_kb":1}`, "more than 1"},
		"no worker":           {start + `,{"do":"kill","target":"worker"}`, `no process "worker"`},
		"hang":                {start + `,{"do":"api","method":"KVGet","hold":"x"},{"do":"call","within":"1ms","hook":"MessageWillBePosted","args":[null,{"message":"bench:kvget k"}]}`, "the step hangs"},
		"start hangs":         {`{"do":"api","method":"LoadPluginConfiguration","hold":"x"},{"do":"start","dir":"${DEMO}","within":"1ms"}`, "the step hangs"},
		"wait for the living": {start + `,{"do":"wait","for":"exit","within":"1ms"}`, "still runs"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scenario.json")
			if err := os.WriteFile(path, []byte(`{"steps":[`+test.steps+`]}`), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := run(path)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestAHostThatDies(t *testing.T) {
	setBundles(t)
	path := filepath.Join(t.TempDir(), "scenario.json")
	steps := `{"steps":[{"do":"start","dir":"${DEMO}"},{"do":"kill","target":"host"}]}`
	if err := os.WriteFile(path, []byte(steps), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "REFHOST_TEST_SCENARIO="+path)
	out := &bytes.Buffer{}
	command.Stdout = out
	err := command.Run()
	status, ok := command.ProcessState.Sys().(syscall.WaitStatus)
	if err == nil || !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the host ended otherwise: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last struct {
		Value []struct{ Pid int }
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(last.Value) != 1 {
		t.Fatalf("%v %s", err, out)
	}
	// A plugin in Go lingers when its host dies hard.
	if err := syscall.Kill(last.Value[0].Pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}
