package conform

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
)

// lifeHooks belong to start and stop.
var lifeHooks = map[string]bool{"OnActivate": true, "OnDeactivate": true}

type hookCase struct {
	record
	variant string
	spec    *mattermost.MethodSpec
	args    any
	returns any
	failure error

	reply any // as it came
}

func hookCases(seed uint64) []*hookCase {
	var cases []*hookCase
	for i := range mattermost.Hooks {
		spec := &mattermost.Hooks[i]
		if spec.Streams || lifeHooks[spec.Name] {
			continue
		}
		for _, variant := range hookVariants(spec) {
			cases = append(cases, newHookCase(seed, variant, spec))
		}
	}
	return cases
}

func hookVariants(spec *mattermost.MethodSpec) []string {
	variants := []string{variantFull, variantNils, variantNone}
	if spec.Echo != nil {
		// What nil means as a result differs from language to language; the neutral answer does not.
		variants = []string{variantFull, variantNils, variantEcho, variantNothing}
		if postOf(spec.NewArgs(), spec) != nil {
			variants = append(variants, variantChange)
		}
	}
	if spec.Error != "" {
		variants = append(variants, variantError)
	}
	return variants
}

// postOf is the post that a hook gives back; nil if it gives back something else.
func postOf(structure any, spec *mattermost.MethodSpec) **mattermost.Post {
	post, _ := canon.SlotValue(structure, spec.Params[spec.Echo.Argument]).Addr().Interface().(**mattermost.Post)
	return post
}

func newHookCase(seed uint64, variant string, spec *mattermost.MethodSpec) *hookCase {
	name := fmt.Sprintf("hooks/%s/%s", spec.Name, variant)
	if variant == variantError {
		name = "hook errors/" + spec.Name
	}
	c := &hookCase{record: record{name: name}, variant: variant, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	seeded := "hook" + spec.Name + variant
	// The server never passes nil to a hook.
	fillSlots(fill.New(seed, seeded, variant == variantNils), variant, c.args, spec.Params, false)
	switch variant {
	case variantError:
		c.failure = failureFor(fill.New(seed, seeded+"error", false), spec, c.returns)
	case variantFull, variantNils, variantNone:
		fillSlots(fill.New(seed, seeded+"returns", variant == variantNils), variant, c.returns, spec.Results, !takesEmptyForNil[spec.Name])
	}
	return c
}

// run tells the plugin what to return, calls the hook and compares.
func (c *hookCase) run(s *session) error {
	told, err := c.told()
	if err != nil {
		return err
	}
	if err := s.tell(c.spec.Name, told); err != nil {
		return err
	}
	sent, err := copyOf(c.args)
	if err != nil {
		return err
	}
	reply, err := s.plugin.Call(c.spec.Name, c.args)
	if err != nil {
		c.problem("", []string{err.Error()})
		return nil
	}
	withoutSupervisor(reply)
	c.reply = reply
	c.checkArguments(s, c.spec, sent)
	c.checkReply(sent, reply)
	return nil
}

// withoutSupervisor removes the file that the bridge adds to those of the plugin.
func withoutSupervisor(reply any) {
	returns, ok := reply.(*mattermost.GenerateSupportDataReturns)
	if !ok {
		return
	}
	isBridges := func(file *mattermost.FileData) bool { return strings.HasSuffix(file.Filename, "/supervisor.json") }
	if returns.A = slices.DeleteFunc(returns.A, isBridges); len(returns.A) == 0 {
		returns.A = nil
	}
}

// changedMessage is what the variant change makes of a post.
const changedMessage = "changed to größe 🐍"

// told is what hook.json says.
func (c *hookCase) told() (map[string]any, error) {
	switch c.variant {
	case variantError:
		return map[string]any{"answer": "error", "error": canon.ErrorFields(c.failure)}, nil
	case variantEcho, variantChange:
		told := map[string]any{"answer": c.variant, "argument": json.Number(strconv.Itoa(c.spec.Echo.Argument))}
		if c.variant == variantChange {
			told["message"] = changedMessage
		}
		return told, nil
	case variantNothing:
		return map[string]any{"answer": "nothing"}, nil
	}
	returns, err := canon.Slots(c.returns, c.spec.Results)
	return map[string]any{"answer": "returns", "returns": returns}, err
}

// hookOutput is what a handler writes.
type hookOutput struct {
	Case    int                 `json:"case"`
	Args    []json.RawMessage   `json:"args"`
	Body    *digest             `json:"body"`
	Headers map[string][]string `json:"headers"`
}

// checkArguments compares what the plugin wrote with what was sent. The handler of an event may still be at it.
func (r *record) checkArguments(s *session, spec *mattermost.MethodSpec, sent any) hookOutput {
	received, err := s.output()
	if isEvent(spec) {
		await(handlerPatience, func() bool {
			received, err = s.output()
			return err == nil
		})
	}
	if err != nil {
		r.problem("the plugin wrote nothing: ", []string{err.Error()})
		return received
	}
	if received.Case != s.number || len(received.Args) != len(spec.Params) {
		r.problemf("the plugin received case %d with %d arguments", received.Case, len(received.Args))
		return received
	}
	for i, slot := range spec.Params {
		r.problem(fmt.Sprintf("argument %d: ", i), compareJSON(canon.SlotValue(sent, slot), received.Args[i]))
	}
	return received
}

// output is what a handler has written for this call.
func (s *session) output() (hookOutput, error) {
	received := hookOutput{}
	data, err := os.ReadFile(filepath.Join(s.dir, hookOut))
	if err != nil {
		return received, err
	}
	return received, json.Unmarshal(data, &received)
}

// checkReply compares what the host has after the call with what it must have.
func (c *hookCase) checkReply(sent, reply any) {
	if c.failure != nil {
		c.checkFailure(c.failure, canon.SlotValue(reply, mattermost.Slot{Field: c.spec.Error}))
		return
	}
	want := reflect.New(reflect.TypeOf(reply).Elem())
	want.Elem().Set(reflect.ValueOf(c.returns).Elem())
	switch c.variant {
	case variantEcho, variantNothing, variantChange:
		c.expectUnchanged(sent, reply, want.Interface())
	default:
		if err := expectMerged(c.spec, sent, want.Interface()); err != nil {
			c.problem("", []string{err.Error()})
		}
	}
	c.problem("reply", canon.Compare(want.Interface(), reply))
	c.problem("reply", canon.CompareTypes(want.Interface(), reply))
}

// expectUnchanged puts the argument into the wanted reply, and makes sure that its values still have Go's types.
func (c *hookCase) expectUnchanged(sent, reply, want any) {
	original := canon.SlotValue(sent, c.spec.Params[c.spec.Echo.Argument])
	if c.variant == variantChange {
		(*postOf(sent, c.spec)).Message = changedMessage
	}
	canon.SlotValue(want, c.spec.Results[c.spec.Echo.Result]).Set(original)
	got := canon.SlotValue(reply, c.spec.Results[c.spec.Echo.Result])
	if c.spec.Echo.Mode == mattermost.NilKeeps && got.IsNil() {
		got.Set(original) // as the server does
	}
	if !reflect.DeepEqual(original.Interface(), got.Interface()) {
		c.problem("", []string{"the value came back with other Go types"})
	}
}

// expectMerged does to the wanted reply what the host's decoder does where the reply was filled before the call: it merges.
func expectMerged(spec *mattermost.MethodSpec, sent, want any) error {
	if spec.Echo == nil || spec.Echo.Mode != mattermost.Prefilled {
		return nil
	}
	original := canon.SlotValue(sent, spec.Params[spec.Echo.Argument])
	result := canon.SlotValue(want, spec.Results[spec.Echo.Result])
	if !result.IsNil() {
		if err := mergeInto(original, result); err != nil {
			return err
		}
	}
	result.Set(original)
	return nil
}

// checkFailure compares the error that the host got with the one that the plugin was told.
func (r *record) checkFailure(failure error, got reflect.Value) {
	if got.IsNil() {
		r.problem("", []string{"the host got no error"})
		return
	}
	r.compareErrors(failure, canon.ErrorFields(got.Interface().(error)))
}

// cover notes what was in the arguments and results, if both arrived as they were sent.
func (c *hookCase) cover(report *Report) {
	report.inPlugin.expect(c.args, c.spec.Params)
	report.inHost.expect(c.returns, c.spec.Results)
	if len(c.problems) == 0 && c.reply != nil {
		report.inPlugin.see(c.args, c.spec.Params)
		report.inHost.see(c.reply, c.spec.Results)
		report.exercised["hook "+c.spec.Name] = true
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
