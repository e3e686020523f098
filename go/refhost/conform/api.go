package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sync"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/canon"
)

// teller answers the API calls of the run: the calls of the plan with what the plan says, others (the plugin's own start) as
// the host always does.
type teller struct {
	next mattermost.Handler

	mutex   sync.Mutex
	pending map[string][]*apiCase
}

// expect sets the cases of the plan that runs now. Calls of one method are told apart by their order.
func (t *teller) expect(cases []*apiCase) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.pending = map[string][]*apiCase{}
	for _, c := range cases {
		t.pending[c.spec.Name] = append(t.pending[c.spec.Name], c)
	}
}

// Serve implements mattermost.Handler.
func (t *teller) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	c := t.take(spec.Name, args)
	if c == nil {
		return t.next.Serve(spec, args, returns)
	}
	c.received = args
	c.problem("the host received other arguments", canon.Compare(c.args, args))
	c.problem("the host received other arguments", canon.CompareTypes(c.args, args))
	if c.failure != nil {
		answer.SetError(spec, returns, c.failure)
		return nil
	}
	reflect.ValueOf(returns).Elem().Set(reflect.ValueOf(c.returns).Elem())
	return nil
}

// take returns the next case of a method. A log line that is not the one of the plan is the plugin's own.
func (t *teller) take(method string, args any) *apiCase {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	waiting := t.pending[method]
	if len(waiting) == 0 {
		return nil
	}
	if isLog[method] && len(canon.Compare(waiting[0].args, args)) > 0 {
		return nil
	}
	t.pending[method] = waiting[1:]
	return waiting[0]
}

var isLog = map[string]bool{"LogDebug": true, "LogInfo": true, "LogWarn": true, "LogError": true}

func writePlan(path string, cases []*apiCase) error {
	var out bytes.Buffer
	for _, c := range cases {
		line, err := c.plan()
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
	Failed  string            `json:"failed"`
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
	if c.failure != nil {
		c.checkError(result)
		return
	}
	if result.Error != nil {
		c.problem("the plugin got an error: ", []string{string(result.Error)})
		return
	}
	if len(result.Results) != len(c.spec.Results) {
		c.problem("", []string{fmt.Sprintf("the plugin got %d results instead of %d", len(result.Results), len(c.spec.Results))})
		return
	}
	for i, slot := range c.spec.Results {
		want := reflect.ValueOf(c.returns).Elem().FieldByName(slot.Field)
		c.problem(fmt.Sprintf("result %d: ", i), compareJSON(c.wanted(want), result.Results[i]))
	}
}

// wanted is the result as the plugin shows it: the configuration travels as JSON text, but its content counts.
func (c *apiCase) wanted(value reflect.Value) reflect.Value {
	if c.spec.Name == "LoadPluginConfiguration" {
		return reflect.ValueOf(json.RawMessage(value.Bytes()))
	}
	return value
}

// compareJSON reads data as a value of want's type and compares.
func compareJSON(want reflect.Value, data []byte) []string {
	got, err := canon.Decode(data, want.Type())
	if err != nil {
		return []string{err.Error()}
	}
	wantTree, err := canon.Tree(want)
	if err != nil {
		return []string{err.Error()}
	}
	gotTree, err := canon.Tree(got)
	if err != nil {
		return []string{err.Error()}
	}
	return canon.Diff(wantTree, gotTree)
}

// errorKeys are the parts of an error that must reach the plugin.
var errorKeys = []string{"kind", "id", "message", "detailed_error", "status_code", "where"}

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
	want := canon.ErrorFields(c.failure)
	for _, key := range errorKeys {
		if want[key] != nil {
			c.problem("error."+key, canon.Diff(want[key], got[key]))
		}
	}
}

// cover notes what was in the arguments and results, if both arrived as they were sent.
func (c *apiCase) cover(report *Report) {
	report.inHost.expect(c.args, c.spec.Params)
	report.inPlugin.expect(c.returns, c.spec.Results)
	if len(c.problems) == 0 {
		report.inHost.see(c.received, c.spec.Params)
		report.inPlugin.see(c.returns, c.spec.Results)
	}
}
