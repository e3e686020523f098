// Package bundle makes bundle directories of the Go test plugin for tests.
package bundle

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// build compiles the Go test plugin once per test binary.
var build = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "goplugin")
	if err != nil {
		return "", err
	}
	executable := filepath.Join(dir, "goplugin")
	source := filepath.Join(filepath.Dir(here), "..", "..", "..", "goplugin")
	command := exec.Command("go", "build", "-C", source, "-buildvcs=false", "-o", executable, ".")
	command.Stderr = os.Stderr
	return executable, command.Run()
})

// Make returns a bundle of the Go test plugin in one of its modes: "", "hello", "conformance", "late" or "idle".
func Make(t testing.TB, id, mode string) string {
	t.Helper()
	executable, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Link(executable, filepath.Join(dir, "goplugin")); err != nil {
		t.Fatal(err)
	}
	manifest := map[string]any{
		"id": id, "version": "0.1.0", "server": map[string]any{"executable": "goplugin"}, "props": map[string]any{"mode": mode},
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plugin.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Script returns a bundle whose executable is a shell script.
func Script(t testing.TB, id, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run"), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := `{"id":"` + id + `","server":{"executable":"run"}}`
	if err := os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
