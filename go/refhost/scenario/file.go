// Package scenario runs scripted conversations between the host and plugins. README.md lists the steps.
package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// File is a scenario.
type File struct {
	Name  string            `json:"name"`
	Host  HostSettings      `json:"host"`
	Steps []json.RawMessage `json:"steps"`
}

// HostSettings make the host an older, a newer or a slow one.
type HostSettings struct {
	Version        string   `json:"version"`
	Seed           uint64   `json:"seed"`
	WithoutMethods []string `json:"without_methods"`
	WithoutFields  []string `json:"without_fields"`
	WithFields     []string `json:"with_fields"`
	AcceptDelay    Duration `json:"accept_delay"`
	Environment    []string `json:"environment"`
}

// Duration is written as in Go: "2s", "150ms".
type Duration time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// Load reads a scenario from a JSON or YAML file. Environment variables ($NAME) are filled in first.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	data = []byte(expand(string(data)))
	if strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml") {
		if data, err = yamlToJSON(data); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	file := &File{}
	if err := strict(data, file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// expand fills in ${NAME} for names that are set; a lone $ stays, because canonical JSON uses it.
func expand(text string) string {
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

func yamlToJSON(data []byte) ([]byte, error) {
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// strict refuses unknown keys, so that a misspelt expectation is not a passed one.
func strict(data []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(target)
}
