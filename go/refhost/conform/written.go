package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"mattermost-plugin/refhost/canon"
)

// writtenFile is a file of tests/conformance/cases.
type writtenFile struct {
	Cases []written `json:"cases"`
}

// written is a case that is written by hand: one call of the API, or one call of a hook. README.md of tests/conformance
// describes the keys.
type written struct {
	Name string `json:"name"`

	// One call that the plugin makes, and its answer.
	Call    string            `json:"call"`
	Returns []json.RawMessage `json:"returns"`
	Error   json.RawMessage   `json:"error"`
	Names   errorNames        `json:"names"`

	// One call of a hook, and what the handler does.
	Hook    string          `json:"hook"`
	Request *writtenRequest `json:"request"`
	File    int             `json:"file"`
	Answer  writtenAnswer   `json:"answer"`
	Expect  *writtenExpect  `json:"expect"`

	Args []json.RawMessage `json:"args"`

	file string
}

// writtenRequest is what the client of ServeHTTP sends.
type writtenRequest struct {
	Method  string              `json:"method"`
	Target  string              `json:"target"`
	Headers map[string][]string `json:"headers"`
	Size    int                 `json:"size"`
}

// writtenAnswer is hook.json without the number and the name of the hook.
type writtenAnswer struct {
	Answer   string            `json:"answer"`
	Returns  []json.RawMessage `json:"returns"`
	Error    json.RawMessage   `json:"error"`
	Argument *int              `json:"argument"`
	Message  *string           `json:"message"`
	Read     *int              `json:"read"`
	Status   *int              `json:"status"`
	Headers  map[string]any    `json:"headers"`
	Chunks   []chunk           `json:"chunks"`
	Fail     string            `json:"fail"`
	Hijack   string            `json:"hijack"`
}

// writtenExpect is what must come of a hook: the results, that the argument came back unchanged, or an error; or what
// the client of ServeHTTP gets.
type writtenExpect struct {
	Results   []json.RawMessage   `json:"results"`
	Unchanged bool                `json:"unchanged"`
	Error     json.RawMessage     `json:"error"`
	Status    int                 `json:"status"`
	Headers   map[string][]string `json:"headers"`
	Body      bool                `json:"body"`
	Broken    bool                `json:"broken"`
	Without   string              `json:"without"`
}

func (w *written) id() string { return fmt.Sprintf("behaviour/%s/%s", w.file, w.Name) }

// loadWritten reads all files of a directory, in the order of their names.
func loadWritten(dir string) ([]written, error) {
	if dir == "" {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no cases in %s", dir)
	}
	var cases []written
	seen := map[string]bool{}
	for _, path := range paths {
		loaded, err := loadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, c := range loaded {
			if seen[c.id()] {
				return nil, fmt.Errorf("two cases are called %q", c.id())
			}
			seen[c.id()] = true
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// loadFile reads one file strictly, so that a misspelt expectation is not a passed one.
func loadFile(path string) ([]written, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	text, err := canonicalText(repeat(tree))
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	file := writtenFile{}
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	for i := range file.Cases {
		c := &file.Cases[i]
		c.file = strings.TrimSuffix(filepath.Base(path), ".yaml")
		if c.Name == "" || (c.Call == "") == (c.Hook == "") || (c.Hook != "") != (c.Expect != nil) {
			return nil, fmt.Errorf("case %d (%q) must have a name and either a call or a hook with what is expected", i+1, c.Name)
		}
	}
	return file.Cases, nil
}

// canonicalText writes what YAML has read: a float with a point, however whole it is.
func canonicalText(tree any) ([]byte, error) {
	canonical, err := canon.Tree(reflect.ValueOf(&tree).Elem())
	if err != nil {
		return nil, err
	}
	return canon.Marshal(canonical)
}

// repeat makes texts and lists of {$repeat: "text", times: 1000}, so that large values need no large files.
func repeat(tree any) any {
	switch tree := tree.(type) {
	case []any:
		for i := range tree {
			tree[i] = repeat(tree[i])
		}
	case map[string]any:
		if times, ok := tree["times"].(int); ok && len(tree) == 2 {
			switch what := tree["$repeat"].(type) {
			case string:
				return strings.Repeat(what, times)
			case []any:
				return slices.Repeat(what, times)
			}
		}
		for key := range tree {
			tree[key] = repeat(tree[key])
		}
	}
	return tree
}
