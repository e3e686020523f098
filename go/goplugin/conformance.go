package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
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
	server    *server
	// events wait for their handlers when they are acknowledged first; nil if they are acknowledged last.
	events chan func()
}

// startLate handles events one after the other, when they were acknowledged.
func (c *conformance) startLate() {
	c.events = make(chan func(), 1000)
	go func() {
		for handle := range c.events {
			handle()
		}
	}()
}

// names are all hooks.
func (*conformance) names() []string {
	var names []string
	for _, spec := range m.Hooks {
		names = append(names, spec.Name)
	}
	return names
}

// hookCase is what the host wants a hook to do.
type hookCase struct {
	Case     int               `json:"case"`
	Hook     string            `json:"hook"`
	Answer   string            `json:"answer"`
	Returns  []json.RawMessage `json:"returns"`
	Error    json.RawMessage   `json:"error"`
	Argument int               `json:"argument"`
	Message  string            `json:"message"`
	streamAnswer
}

func (c *conformance) serve(spec *m.MethodSpec, args, returns any) error {
	isEvent := len(spec.Results) == 0 && spec.Error == "" && !spec.Streams
	if c.events == nil || !isEvent {
		return c.handle(spec, args, returns)
	}
	c.events <- func() {
		if err := c.handle(spec, args, returns); err != nil {
			log.Printf("%s: %v", spec.Name, err)
		}
	}
	return nil
}

func (c *conformance) handle(spec *m.MethodSpec, args, returns any) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if command, ok := args.(*m.ExecuteCommandArgs); ok && strings.HasPrefix(command.B.Command, "/conformance ") {
		response := returns.(*m.ExecuteCommandReturns)
		response.A = &m.CommandResponse{Text: "done"}
		words := strings.Fields(command.B.Command)
		if err := c.runPlan(words[len(words)-1]); err != nil {
			response.A.Text = err.Error()
		}
		return nil
	}
	wanted, err := c.wanted(spec)
	if err != nil {
		return err
	}
	if spec.Streams {
		return c.serveStream(wanted, spec, args, returns)
	}
	if wanted == nil {
		return nil
	}
	if err := c.received(wanted, spec, args, nil); err != nil {
		return err
	}
	return wanted.answer(spec, args, returns)
}

// wanted is what hook.json says, if it is about this hook; nil outside of a run.
func (c *conformance) wanted(spec *m.MethodSpec) (*hookCase, error) {
	data, err := os.ReadFile(filepath.Join(c.directory, "hook.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	wanted := &hookCase{}
	if err := json.Unmarshal(data, wanted); err != nil {
		return nil, err
	}
	if wanted.Hook != spec.Name {
		return nil, nil
	}
	return wanted, nil
}

// received writes down what came, with what only hooks with streams have.
func (c *conformance) received(wanted *hookCase, spec *m.MethodSpec, args any, more map[string]any) error {
	values, err := canon.Slots(args, spec.Params)
	if err != nil {
		return err
	}
	out := map[string]any{"case": wanted.Case, "hook": spec.Name, "args": values}
	for key, value := range more {
		out[key] = value
	}
	if wanted.Answer == "note" {
		return c.append("hook.notes", out)
	}
	return c.write("hook.out.json", out)
}

func (w *hookCase) answer(spec *m.MethodSpec, args, returns any) error {
	target := reflect.ValueOf(returns).Elem()
	switch w.Answer {
	case "error":
		return w.fail(spec, target)
	case "echo", "nothing", "change":
		if w.Answer == "nothing" && spec.Echo == nil {
			return nil
		}
		// Go's plugins have no neutral answer for a hook whose reply starts empty: they return the argument.
		argument := reflect.ValueOf(args).Elem().FieldByName(spec.Params[spec.Echo.Argument].Field)
		if w.Answer == "change" {
			argument.Interface().(*m.Post).Message = w.Message
		}
		target.FieldByName(spec.Results[spec.Echo.Result].Field).Set(argument)
		return nil
	}
	return w.giveReturns(spec, target)
}

// fail answers with an error; a hook that has no error result fails as a whole.
func (w *hookCase) fail(spec *m.MethodSpec, target reflect.Value) error {
	tree, err := canon.Parse(w.Error)
	if err != nil {
		return err
	}
	failure, err := canon.ParseError(tree)
	if err != nil || spec.Error == "" {
		return failure
	}
	target.FieldByName(spec.Error).Set(reflect.ValueOf(failure))
	return nil
}

func (w *hookCase) giveReturns(spec *m.MethodSpec, target reflect.Value) error {
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

func (c *conformance) append(name string, value any) error {
	data, err := canon.Marshal(value)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(c.directory, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	return errors.Join(err, file.Close())
}

func (c *conformance) write(name string, value any) error {
	data, err := canon.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.directory, name), data, 0o600)
}
