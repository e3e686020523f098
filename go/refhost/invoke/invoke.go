// Package invoke calls hooks with arguments in canonical JSON and returns their results in the same form, for hosts that are
// driven by a file or by another program.
package invoke

import (
	"encoding/json"
	"fmt"
	"reflect"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/host"
)

// Result is what came of a call.
type Result struct {
	Spec *mattermost.MethodSpec
	// Returns is the reply struct, Wire the same in the form that it had on the wire.
	Returns, Wire any
	Err           error
}

// Call calls a hook as the server does. The arguments are those of the Go method, in order; those that are left out are zero,
// except that a context that is not given is a usual one.
func Call(plugin *host.Plugin, spec *mattermost.MethodSpec, list []json.RawMessage) Result {
	args, err := Arguments(spec, list)
	if err != nil {
		return Result{Spec: spec, Err: err}
	}
	returns, wire, err := plugin.CallWire(spec.Name, args)
	return Result{spec, returns, wire, err}
}

// CallAnyway calls a hook though the plugin may not implement it.
func CallAnyway(plugin *host.Plugin, spec *mattermost.MethodSpec, list []json.RawMessage) Result {
	args, err := Arguments(spec, list)
	if err != nil {
		return Result{Spec: spec, Err: err}
	}
	returns := spec.NewReturns()
	return Result{spec, returns, returns, plugin.CallAnyway(spec.Name, args, returns)}
}

// Arguments fills the argument struct of a hook.
func Arguments(spec *mattermost.MethodSpec, list []json.RawMessage) (any, error) {
	args := spec.NewArgs()
	if len(list) > len(spec.Params) {
		return nil, fmt.Errorf("%s has %d parameters", spec.Name, len(spec.Params))
	}
	for i, slot := range spec.Params {
		field := reflect.ValueOf(args).Elem().FieldByName(slot.Field)
		if i < len(list) {
			value, err := canon.Decode(list[i], field.Type())
			if err != nil {
				return nil, fmt.Errorf("argument %d: %w", i, err)
			}
			field.Set(value)
		}
		if field.Type() == reflect.TypeFor[*mattermost.Context]() && field.IsNil() {
			field.Set(reflect.ValueOf(&mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "127.0.0.1"}))
		}
	}
	return args, nil
}

// Failure is the error of the call, or the hook's own error result.
func (r Result) Failure() error {
	if r.Err != nil || r.Spec.Error == "" || r.Returns == nil {
		return r.Err
	}
	field := reflect.ValueOf(r.Returns).Elem().FieldByName(r.Spec.Error)
	if field.IsNil() {
		return nil
	}
	return field.Interface().(error)
}

// Values are the results as trees, in order.
func (r Result) Values() ([]any, error) {
	values := make([]any, len(r.Spec.Results))
	for i, slot := range r.Spec.Results {
		tree, err := canon.Tree(reflect.ValueOf(r.Returns).Elem().FieldByName(slot.Field))
		if err != nil {
			return nil, err
		}
		values[i] = tree
	}
	return values, nil
}
