package conform

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
	"mattermost-plugin/refhost/host"
)

// skippedHooks have other tests: they belong to start and stop.
var skippedHooks = map[string]bool{"Implemented": true, "OnActivate": true, "OnDeactivate": true}

type hookCase struct {
	number  int
	variant string
	spec    *mattermost.MethodSpec
	args    any
	returns any
	failure error

	reply    any // as it came
	problems []string
}

func hookCases(seed uint64) []*hookCase {
	var cases []*hookCase
	for i := range mattermost.Hooks {
		spec := &mattermost.Hooks[i]
		if spec.Streams || skippedHooks[spec.Name] {
			continue
		}
		variants := []string{variantFull, variantNils, variantNone}
		if spec.Error != "" {
			variants = append(variants, variantError)
		}
		if spec.Echo != nil {
			// What nil means as a result differs from language to language; the neutral answer does not.
			variants = []string{variantFull, variantNils, variantEcho, variantNothing}
			if spec.Error != "" {
				variants = append(variants, variantError)
			}
		}
		for _, variant := range variants {
			cases = append(cases, newHookCase(seed, len(cases), variant, spec))
		}
	}
	return cases
}

func newHookCase(seed uint64, number int, variant string, spec *mattermost.MethodSpec) *hookCase {
	c := &hookCase{number: number, variant: variant, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	name := "hook" + spec.Name + variant
	// The server never passes nil to a hook.
	fillSlots(fill.New(seed, name, variant == variantNils), variant, c.args, spec.Params, false)
	switch variant {
	case variantError:
		c.failure = failureFor(fill.New(seed, name+"error", false), spec, c.returns)
	case variantFull, variantNils, variantNone:
		fillSlots(fill.New(seed, name+"returns", variant == variantNils), variant, c.returns, spec.Results, !takesEmptyForNil[spec.Name])
	}
	return c
}

func (c *hookCase) String() string { return fmt.Sprintf("hook %s, %s", c.spec.Name, c.variant) }

func (c *hookCase) problem(what string, differences []string) {
	for _, difference := range differences {
		c.problems = append(c.problems, fmt.Sprintf("%s: %s%s", c, what, difference))
	}
}

// run tells the plugin what to return, calls the hook and compares.
func (c *hookCase) run(plugin *host.Plugin, dir string) error {
	if err := c.tell(dir); err != nil {
		return err
	}
	out := filepath.Join(dir, "hook.out.json")
	if err := os.Remove(out); err != nil && !os.IsNotExist(err) {
		return err
	}
	sent, err := copyOf(c.args)
	if err != nil {
		return err
	}
	reply, err := plugin.Call(c.spec.Name, c.args)
	if err != nil {
		c.problem("", []string{err.Error()})
		return nil
	}
	c.reply = reply
	c.checkArguments(out, sent)
	c.checkReply(sent, reply)
	return nil
}

func (c *hookCase) tell(dir string) error {
	answer := map[string]string{variantError: "error", variantEcho: "echo", variantNothing: "nothing"}[c.variant]
	if answer == "" {
		answer = "returns"
	}
	returns, err := slots(c.returns, c.spec.Results)
	if err != nil {
		return err
	}
	told := map[string]any{"case": c.number, "hook": c.spec.Name, "answer": answer}
	switch answer {
	case "returns":
		told["returns"] = returns
	case "error":
		told["error"] = canon.ErrorFields(c.failure)
	case "echo":
		told["argument"] = c.spec.Echo.Argument
	}
	data, err := canon.Marshal(told)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "hook.json"), data, 0o600)
}

func (c *hookCase) checkArguments(path string, sent any) {
	data, err := os.ReadFile(path)
	if err != nil {
		c.problem("the plugin wrote nothing: ", []string{err.Error()})
		return
	}
	var received struct {
		Case int               `json:"case"`
		Args []json.RawMessage `json:"args"`
	}
	if err := json.Unmarshal(data, &received); err != nil {
		c.problem("", []string{err.Error()})
		return
	}
	if received.Case != c.number || len(received.Args) != len(c.spec.Params) {
		c.problem("", []string{fmt.Sprintf("the plugin received case %d with %d arguments", received.Case, len(received.Args))})
		return
	}
	for i, slot := range c.spec.Params {
		want := reflect.ValueOf(sent).Elem().FieldByName(slot.Field)
		c.problem(fmt.Sprintf("argument %d: ", i), compareJSON(want, received.Args[i]))
	}
}

// checkReply compares what the host has after the call with what it must have.
func (c *hookCase) checkReply(sent, reply any) {
	want := reflect.New(reflect.TypeOf(reply).Elem())
	original, result := reflect.Value{}, reflect.Value{}
	if echo := c.spec.Echo; echo != nil {
		original = reflect.ValueOf(sent).Elem().FieldByName(c.spec.Params[echo.Argument].Field)
		result = want.Elem().FieldByName(c.spec.Results[echo.Result].Field)
	}
	switch {
	case c.variant == variantEcho || c.variant == variantNothing:
		result.Set(original)
		got := reflect.ValueOf(reply).Elem().FieldByName(c.spec.Results[c.spec.Echo.Result].Field)
		if c.spec.Echo.Mode == mattermost.NilKeeps && got.IsNil() {
			got.Set(original) // as the server does
		}
		c.checkTypes(original, got)
	case c.failure == nil && c.spec.Echo != nil && c.spec.Echo.Mode == mattermost.Prefilled:
		want.Elem().Set(reflect.ValueOf(c.returns).Elem())
		if err := mergeInto(original, result); err != nil {
			c.problem("", []string{err.Error()})
		}
		result.Set(original)
	case c.failure != nil:
		c.checkFailure(reflect.ValueOf(reply).Elem().FieldByName(c.spec.Error))
		return
	default:
		want.Elem().Set(reflect.ValueOf(c.returns).Elem())
	}
	c.problem("reply", canon.Compare(want.Interface(), reply))
	c.problem("reply", canon.CompareTypes(want.Interface(), reply))
}

func (c *hookCase) checkFailure(got reflect.Value) {
	if got.IsNil() {
		c.problem("", []string{"the host got no error"})
		return
	}
	want, fields := canon.ErrorFields(c.failure), canon.ErrorFields(got.Interface().(error))
	for _, key := range errorKeys {
		if want[key] != nil {
			c.problem("error."+key, canon.Diff(want[key], fields[key]))
		}
	}
}

// checkTypes makes sure that an unchanged value still has Go's types inside interfaces.
func (c *hookCase) checkTypes(want, got reflect.Value) {
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		c.problem("", []string{"the value came back with other Go types"})
	}
}

// cover notes what was in the arguments and results, if both arrived as they were sent.
func (c *hookCase) cover(report *Report) {
	report.inPlugin.expect(c.args, c.spec.Params)
	report.inHost.expect(c.returns, c.spec.Results)
	if len(c.problems) == 0 {
		report.inPlugin.see(c.args, c.spec.Params)
		report.inHost.see(c.reply, c.spec.Results)
	}
}

// copyOf returns what a receiver of value has: a copy made by gob itself.
func copyOf(value any) (any, error) {
	fresh := reflect.New(reflect.TypeOf(value).Elem())
	return fresh.Interface(), gobCopy(fresh.Interface(), value)
}

func gobCopy(target, source any) error {
	if reflect.TypeOf(source).Elem().NumField() == 0 {
		return nil
	}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(source); err != nil {
		return err
	}
	return gob.NewDecoder(&wire).Decode(target)
}

// mergeInto does what the host's decoder does with a pre-filled reply.
func mergeInto(target, source reflect.Value) error {
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).EncodeValue(source); err != nil {
		return err
	}
	return gob.NewDecoder(&wire).DecodeValue(target)
}
