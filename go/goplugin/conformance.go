package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	m "mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// conformance is the plugin's part in the host's conformance run; refhost/conform/README.md describes the files.
type conformance struct {
	mutex     sync.Mutex
	directory string
}

// names are all hooks that carry no stream.
func (*conformance) names() []string {
	var names []string
	for _, spec := range m.Hooks {
		if !spec.Streams && spec.Name != "Implemented" {
			names = append(names, spec.Name)
		}
	}
	return names
}

// hookCase is what the host wants a hook to do.
type hookCase struct {
	Case    int               `json:"case"`
	Hook    string            `json:"hook"`
	Answer  string            `json:"answer"`
	Returns []json.RawMessage `json:"returns"`
	Error   json.RawMessage   `json:"error"`
}

func (c *conformance) serve(client *api, spec *m.MethodSpec, args, returns any) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if command, ok := args.(*m.ExecuteCommandArgs); ok && strings.HasPrefix(command.B.Command, "/conformance ") {
		response := returns.(*m.ExecuteCommandReturns)
		response.A = &m.CommandResponse{Text: "done"}
		words := strings.Fields(command.B.Command)
		if err := c.runPlan(client, words[len(words)-1]); err != nil {
			response.A.Text = err.Error()
		}
		return nil
	}
	return c.hook(spec, args, returns)
}

func (c *conformance) hook(spec *m.MethodSpec, args, returns any) error {
	data, err := os.ReadFile(filepath.Join(c.directory, "hook.json"))
	if os.IsNotExist(err) {
		return nil // outside the run, for example OnDeactivate at its end
	}
	if err != nil {
		return err
	}
	wanted := hookCase{}
	if err := json.Unmarshal(data, &wanted); err != nil {
		return err
	}
	if wanted.Hook != spec.Name {
		return nil
	}
	received, err := slots(args, spec.Params)
	if err != nil {
		return err
	}
	if err := c.write("hook.out.json", map[string]any{"case": wanted.Case, "hook": spec.Name, "args": received}); err != nil {
		return err
	}
	return wanted.answer(spec, args, returns)
}

func (w *hookCase) answer(spec *m.MethodSpec, args, returns any) error {
	target := reflect.ValueOf(returns).Elem()
	switch w.Answer {
	case "error":
		tree, err := canon.Parse(w.Error)
		if err != nil {
			return err
		}
		failure, err := canon.ParseError(tree)
		if err != nil {
			return err
		}
		target.FieldByName(spec.Error).Set(reflect.ValueOf(failure))
		return nil
	case "echo", "nothing":
		// Go's plugins have no neutral answer for a hook whose reply starts empty: they return the argument.
		argument := reflect.ValueOf(args).Elem().FieldByName(spec.Params[spec.Echo.Argument].Field)
		target.FieldByName(spec.Results[spec.Echo.Result].Field).Set(argument)
		return nil
	}
	for i, slot := range spec.Results {
		field := target.FieldByName(slot.Field)
		value, err := canon.Decode(w.Returns[i], field.Type())
		if err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
		field.Set(value)
	}
	return nil
}

// slots returns the canonical form of the named fields of a wire struct.
func slots(structure any, list []m.Slot) ([]any, error) {
	values := make([]any, len(list))
	for i, slot := range list {
		tree, err := canon.Tree(reflect.ValueOf(structure).Elem().FieldByName(slot.Field))
		if err != nil {
			return nil, err
		}
		values[i] = tree
	}
	return values, nil
}

func (c *conformance) write(name string, value any) error {
	data, err := canon.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.directory, name), data, 0o600)
}
