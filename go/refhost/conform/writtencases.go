package conform

import (
	"fmt"
	"net/http"
	"reflect"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// writtenCalls are the written cases in which the plugin calls the API.
func writtenCalls(all []written, style string) []*apiCase {
	var cases []*apiCase
	for i := range all {
		if all[i].Call != "" {
			cases = append(cases, all[i].apiCase(style))
		}
	}
	return cases
}

// apiCase makes a case like the seeded ones. What is wrong with the file shows as a difference of the case.
func (w *written) apiCase(style string) *apiCase {
	c := &apiCase{record: record{name: w.id() + ", " + style}, names: w.Names}
	if c.spec = mattermost.APIByName(w.Call); c.spec == nil {
		c.spec = &mattermost.API[0]
		c.problemf("there is no method %s", w.Call)
	}
	c.args, c.returns = c.spec.NewArgs(), c.spec.NewReturns()
	if err := decodeInto(c.args, c.spec.Params, w.Args); err != nil {
		c.problemf("arguments: %v", err)
	}
	if err := decodeInto(c.returns, c.spec.Results, w.Returns); err != nil {
		c.problemf("results: %v", err)
	}
	if w.Error != nil {
		failure, err := parseError(w.Error)
		if err != nil {
			c.problemf("error: %v", err)
		}
		c.failure = failure
	}
	return c
}

func parseError(text []byte) (error, error) {
	tree, err := canon.Parse(text)
	if err != nil {
		return nil, err
	}
	return canon.ParseError(tree)
}

// writtenHooks are the written cases in which the host calls a hook.
func writtenHooks(all []written, seed uint64) []hookTest {
	var tests []hookTest
	for i := range all {
		w := &all[i]
		switch {
		case w.Hook == "":
		case w.Request != nil:
			tests = append(tests, w.httpCase(seed))
		case w.Hook == fileHook:
			tests = append(tests, w.fileCase(seed))
		default:
			tests = append(tests, &writtenHook{record: record{name: w.id()}, written: w})
		}
	}
	return tests
}

func (w *written) toldStream(seed uint64) toldStream {
	told := toldStream{
		read: all, status: w.Answer.Status, headers: w.Answer.Headers, fail: w.Answer.Fail, hijack: w.Answer.Hijack,
		sends: newBody(seed, w.id(), w.Answer.Chunks),
	}
	if w.Answer.Read != nil {
		told.read = *w.Answer.Read
	}
	return told
}

func (w *written) httpCase(seed uint64) *httpCase {
	c := &httpCase{
		record: record{name: w.id()}, hook: w.Hook, method: w.Request.Method, target: w.Request.Target, headers: w.Request.Headers,
		content: seededBytes(seed, w.id()+"content", w.Request.Size), told: w.toldStream(seed),
		context: &mattermost.Context{RequestId: "request"},
		wanted: wantedResponse{
			status: w.Expect.Status, headers: w.Expect.Headers, body: w.Expect.Body, broken: w.Expect.Broken, without: w.Expect.Without,
		},
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	return c
}

func (w *written) fileCase(seed uint64) *fileCase {
	c := &fileCase{record: record{name: w.id()}, args: &mattermost.FileWillBeUploadedArgs{}, told: w.toldStream(seed)}
	c.content = seededBytes(seed, w.id()+"content", w.File)
	spec := mattermost.HookByName(fileHook)
	if err := decodeInto(c.args, spec.Params, w.Args); err != nil {
		c.problemf("arguments: %v", err)
	}
	giveContext(c.args, spec)
	if w.Answer.Returns != nil {
		c.returns = &mattermost.FileWillBeUploadedReturns{}
		if err := decodeInto(c.returns, spec.Results, w.Answer.Returns); err != nil {
			c.problemf("results: %v", err)
		}
	}
	return c
}

// giveContext puts a usual context where there is none: the server always has one.
func giveContext(args any, spec *mattermost.MethodSpec) {
	for _, slot := range spec.Params {
		if field := canon.SlotValue(args, slot); field.Type() == reflect.TypeFor[*mattermost.Context]() && field.IsNil() {
			field.Set(reflect.ValueOf(&mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "127.0.0.1"}))
		}
	}
}

// anything stands for a result that does not count.
const anything = `"$any"`

// writtenHook is one call of a hook without streams.
type writtenHook struct {
	record
	written *written
}

func (c *writtenHook) cover(*Report) {}

func (c *writtenHook) run(s *session) error {
	w := c.written
	spec := mattermost.HookByName(w.Hook)
	if spec == nil {
		return fmt.Errorf("there is no hook %s", w.Hook)
	}
	args := spec.NewArgs()
	if err := decodeInto(args, spec.Params, w.Args); err != nil {
		return err
	}
	giveContext(args, spec)
	if err := s.tell(w.Hook, w.Answer.tree()); err != nil {
		return err
	}
	sent, err := copyOf(args)
	if err != nil {
		return err
	}
	reply, err := s.plugin.Call(w.Hook, args)
	// A handler that fails may let the call fail or give the neutral answer; either way the server goes on.
	if err != nil && w.Answer.Answer != "error" {
		c.problemf("the hook failed: %v", err)
		return nil
	}
	c.checkArguments(s, spec, sent)
	return c.check(spec, sent, reply)
}

// tree is what hook.json says.
func (a *writtenAnswer) tree() map[string]any {
	tree := map[string]any{"answer": a.Answer}
	if a.Returns != nil {
		tree["returns"] = a.Returns
	}
	if a.Error != nil {
		tree["error"] = a.Error
	}
	if a.Argument != nil {
		tree["argument"] = *a.Argument
	}
	if a.Message != nil {
		tree["message"] = *a.Message
	}
	return tree
}

func (c *writtenHook) check(spec *mattermost.MethodSpec, sent, reply any) error {
	expected := c.written.Expect
	if expected.Error != nil {
		failure, err := parseError(expected.Error)
		if err != nil {
			return err
		}
		c.checkFailure(failure, canon.SlotValue(reply, mattermost.Slot{Field: spec.Error}))
		return nil
	}
	for i, slot := range spec.Results {
		got := canon.SlotValue(reply, slot)
		switch {
		case i < len(expected.Results):
			if err := c.checkResult(i, expected.Results[i], got); err != nil {
				return fmt.Errorf("result %d: %w", i, err)
			}
		case expected.Unchanged && spec.Echo != nil && spec.Echo.Result == i:
			c.checkUnchanged(canon.SlotValue(sent, spec.Params[spec.Echo.Argument]), got, spec.Echo.Mode)
		case !got.IsZero():
			c.problemf("result %d is not zero, and nothing says what it should be: %v", i, got)
		}
	}
	return nil
}

func (c *writtenHook) checkResult(number int, expected []byte, got reflect.Value) error {
	if string(expected) == anything {
		return nil
	}
	wanted, err := canon.Decode(expected, got.Type())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("result %d: ", number)
	c.problem(what, canon.Compare(wanted.Interface(), got.Interface()))
	c.problem(what, canon.CompareTypes(wanted.Interface(), got.Interface()))
	return nil
}

func (c *writtenHook) checkUnchanged(want, got reflect.Value, mode mattermost.EchoMode) {
	if mode == mattermost.NilKeeps && got.IsNil() {
		return // the server goes on with what it has
	}
	c.problem("reply", canon.Compare(want.Interface(), got.Interface()))
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		c.problem("", []string{"the value came back with other Go types"})
	}
}
