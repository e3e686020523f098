package conform

import (
	"fmt"
	"io"
	"reflect"
	"sync"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/canon"
)

// teller answers the calls of the run: those of the plan with what the plan says, others (the plugin's own start) as the host
// always does.
type teller struct {
	next mattermost.Handler
	// open opens a stream that the plugin offers.
	open func(stream uint32) (io.ReadCloser, error)

	mutex   sync.Mutex
	pending map[string][]*apiCase
	http    *apiCase // the case of PluginHTTP that is being answered
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

// Serve implements mattermost.Handler for the API.
func (t *teller) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	c := t.take(spec.Name, args)
	if c == nil {
		return t.next.Serve(spec, args, returns)
	}
	c.receive(withoutStream(args))
	if c.stream != nil {
		return t.serveStream(c, args, returns)
	}
	c.answer(returns)
	return nil
}

// driverTeller is the same for the database driver. What the plan does not have is answered with nothing.
type driverTeller struct{ *teller }

// Serve implements mattermost.Handler.
func (d driverTeller) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	if c := d.take(spec.Name, args); c != nil {
		c.receive(args)
		c.answer(returns)
	}
	return nil
}

// receive compares the arguments.
func (c *apiCase) receive(args any) {
	c.received = args
	c.problem("the host received other arguments", canon.Compare(c.args, args))
	c.problem("the host received other arguments", canon.CompareTypes(c.args, args))
}

func (c *apiCase) answer(returns any) {
	if c.failure != nil {
		answer.SetError(c.spec, returns, c.failure)
		return
	}
	reflect.ValueOf(returns).Elem().Set(reflect.ValueOf(c.returns).Elem())
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

// withoutStream is the arguments without the numbers of streams, which are the plugin's choice.
func withoutStream(args any) any {
	switch args := args.(type) {
	case *mattermost.UploadDataArgs:
		return &mattermost.UploadDataArgs{A: args.A}
	case *mattermost.InstallPluginArgs:
		return &mattermost.InstallPluginArgs{B: args.B}
	case *mattermost.PluginHTTPStreamArgs:
		return &mattermost.PluginHTTPStreamArgs{Request: args.Request}
	}
	return args
}

// wanted is the result as the plugin shows it: the configuration travels as JSON text, but its content counts.
func (c *apiCase) wanted(value reflect.Value) reflect.Value {
	if c.spec.Name == "LoadPluginConfiguration" {
		return reflect.ValueOf(rawJSON(value.Bytes()))
	}
	return value
}

// cover notes what was in the arguments and results, if both arrived as they were sent.
func (c *apiCase) cover(report *Report) {
	report.inHost.expect(c.args, c.spec.Params)
	report.inPlugin.expect(c.returns, c.spec.Results)
	if len(c.problems) == 0 {
		report.inHost.see(c.received, c.spec.Params)
		report.inPlugin.see(c.returns, c.spec.Results)
		report.exercised[c.method()] = true
	}
}

// method is how the report knows the method.
func (c *apiCase) method() string {
	if c.service == serviceDriver {
		return fmt.Sprintf("driver method %s", c.spec.Name)
	}
	return fmt.Sprintf("API method %s", c.spec.Name)
}
