package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// rawJSON is a JSON document that stands for itself.
type rawJSON = json.RawMessage

func writePlan(dir, path string, cases []*apiCase) error {
	var out bytes.Buffer
	for i, c := range cases {
		c.number = i
		line, err := c.plan(dir)
		if err != nil {
			return err
		}
		text, err := canon.Marshal(line)
		if err != nil {
			return err
		}
		out.Write(append(text, '\n'))
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

// planResult is one line of what the plugin writes.
type planResult struct {
	Case    int               `json:"case"`
	Results []json.RawMessage `json:"results"`
	Error   json.RawMessage   `json:"error"`
	Body    *digest           `json:"body"`
	Broken  string            `json:"broken"`
	Failed  string            `json:"failed"`
	errorNames
}

// checkResults compares what the plugin got with what the host sent.
func checkResults(path string, cases []*apiCase) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	results := map[int]planResult{}
	for _, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		result := planResult{}
		if err := json.Unmarshal(line, &result); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		results[result.Case] = result
	}
	for _, c := range cases {
		result, ok := results[c.number]
		if !ok {
			c.problem("", []string{"the plugin wrote no result"})
			continue
		}
		c.check(result)
	}
	return nil
}

func (c *apiCase) check(result planResult) {
	if result.Failed != "" {
		c.problem("the plugin failed: ", []string{result.Failed})
		return
	}
	if c.received == nil {
		c.problem("", []string{"the host received no call"})
	}
	switch {
	case c.stream != nil && c.stream.sent.broken != "":
		c.checkBroken(result)
	case c.failure != nil:
		c.checkError(result)
	case result.Error != nil:
		c.problem("the plugin got an error: ", []string{string(result.Error)})
	case len(result.Results) != len(c.spec.Results):
		c.problemf("the plugin got %d results instead of %d", len(result.Results), len(c.spec.Results))
	default:
		c.checkValues(result)
	}
	if c.stream != nil {
		c.checkStream(result)
	}
}

func (c *apiCase) checkValues(result planResult) {
	for i, slot := range c.spec.Results {
		want := c.wanted(canon.SlotValue(c.returns, slot))
		c.problem(fmt.Sprintf("result %d: ", i), compareJSON(want, result.Results[i]))
	}
}

func (c *apiCase) checkError(result planResult) {
	if result.Error == nil {
		c.problem("", []string{"the plugin got no error"})
		return
	}
	tree, err := canon.Parse(result.Error)
	got, ok := tree.(map[string]any)
	if err != nil || !ok {
		c.problem("", []string{"the error is no object: " + string(result.Error)})
		return
	}
	c.compareErrors(c.failure, got)
	c.checkNames(result.errorNames)
}

// checkNames compares what the language calls the error, where it has names and the case says which.
func (c *apiCase) checkNames(got errorNames) {
	if got.Code != "" && c.names.Code != "" && got.Code != c.names.Code {
		c.problemf("the plugin got the status %s instead of %s", got.Code, c.names.Code)
	}
	if got.Class != "" && c.names.Class != "" && got.Class != c.names.Class {
		c.problemf("the plugin got the class %s instead of %s", got.Class, c.names.Class)
	}
}

func (c *apiCase) checkBroken(result planResult) {
	if !strings.Contains(result.Broken, c.stream.sent.broken) {
		c.problemf("the plugin broke its body off with %q and got to see %q", c.stream.sent.broken, result.Broken)
	}
}

// decodeInto reads a list of canonical values into the slots of an RPC struct.
func decodeInto(structure any, params []mattermost.Slot, values []json.RawMessage) error {
	if len(values) > len(params) {
		return fmt.Errorf("%d values for %d places", len(values), len(params))
	}
	for i, text := range values {
		field := canon.SlotValue(structure, params[i])
		value, err := canon.Decode(text, field.Type())
		if err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
		field.Set(value)
	}
	return nil
}
