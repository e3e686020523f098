package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/tree.json instead of comparing with it")

// TestFixture extracts the small tree in testdata, which has every form of declaration once.
func TestFixture(t *testing.T) {
	var first []byte
	for range 3 { // the order of maps must not show
		schema, err := extract("testdata/tree", "testdata/overrides.toml")
		if err != nil {
			t.Fatal(err)
		}
		text := schema.encode()
		if first == nil {
			first = text
		} else if !bytes.Equal(first, text) {
			t.Fatal("two runs wrote different schemas")
		}
	}
	if *update {
		if err := os.WriteFile("testdata/tree.json", first, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compareLines(t, "testdata/tree.json", first)
}

// compareLines reports the first line in which a text differs from a file.
func compareLines(t *testing.T, file string, text []byte) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(want, text) {
		return
	}
	have, wanted := strings.Split(string(text), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(have), len(wanted)) {
		if have[i] != wanted[i] {
			t.Fatalf("%s:%d: has\n%s\nthe extractor wrote\n%s", file, i+1, wanted[i], have[i])
		}
	}
	t.Fatalf("%s has %d lines, the extractor wrote %d", file, len(wanted), len(have))
}

// TestUsage covers what goes wrong before a tree is read.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args    []string
		code    int
		message string
	}{
		{nil, 2, "are required"},
		{[]string{"-src", "testdata/tree", "-overrides", "testdata/overrides.toml", "-out", "-", "more"}, 2, "are required"},
		{[]string{"-unknown"}, 2, "not defined"},
		{[]string{"-src", "testdata/none", "-overrides", "testdata/overrides.toml", "-out", "-"}, 1, "not a Mattermost server/public directory"},
		{[]string{"-src", "testdata/tree", "-overrides", "testdata/none.toml", "-out", "-"}, 1, "none.toml"},
		{[]string{"-src", "testdata/tree", "-overrides", "testdata/overrides.toml", "-out", "testdata/none/out.json"}, 1, "no such file"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, &stdout, &stderr); code != c.code {
			t.Errorf("%v: the exit code is %d", c.args, code)
		}
		if !strings.Contains(stderr.String(), c.message) {
			t.Errorf("%v: %s", c.args, stderr.String())
		}
	}
}

// TestStandardOutput writes the fixture's schema to standard output and its counts to standard error.
func TestStandardOutput(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-src", "testdata/tree", "-overrides", "testdata/overrides.toml", "-out", "-"}, &stdout, &stderr); code != 0 {
		t.Fatalf("the exit code is %d: %s", code, stderr.String())
	}
	compareLines(t, "testdata/tree.json", stdout.Bytes())
	if !strings.Contains(stderr.String(), "5 API methods, 5 hooks, 3 driver methods") {
		t.Error(stderr.String())
	}
}
