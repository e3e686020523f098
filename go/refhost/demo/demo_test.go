package demo_test

import (
	"bytes"
	"strings"
	"testing"

	"mattermost-plugin/refhost/demo"
	"mattermost-plugin/refhost/internal/bundle"
)

func TestDemo(t *testing.T) {
	var out bytes.Buffer
	dirs := []string{bundle.Make(t, "com.example.hello", "hello"), bundle.Make(t, "com.example.goplugin", "")}
	if err := demo.Run(demo.Options{PluginDirs: dirs, Out: &out}); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "Hello, alice! This is greeting number 2.") {
		t.Error(out.String())
	}
}

func TestAnotherPluginFailsTheDemo(t *testing.T) {
	var out bytes.Buffer
	err := demo.Run(demo.Options{PluginDirs: []string{bundle.Make(t, "com.example.goplugin", "")}, Out: &out})
	if err == nil || !strings.Contains(out.String(), "NOT the plugin rejected it") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
