package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	m "mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// planCase is one call that the host wants.
type planCase struct {
	Case    int               `json:"case"`
	Service string            `json:"service"`
	Method  string            `json:"method"`
	Args    []json.RawMessage `json:"args"`
	Body    *bodySpec         `json:"body"`
}

// runPlan makes the calls of a plan file, one JSON object a line, and writes what came back beside it.
func (c *conformance) runPlan(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		wanted := planCase{}
		if err := json.Unmarshal(line, &wanted); err != nil {
			return err
		}
		result := wanted.run(c.server)
		result["case"] = wanted.Case
		text, err := canon.Marshal(result)
		if err != nil {
			return err
		}
		out.Write(append(text, '\n'))
	}
	return os.WriteFile(path+".out", out.Bytes(), 0o600)
}

func (p *planCase) run(s *server) map[string]any {
	spec := m.APIByName(p.Method)
	if p.Service == "driver" {
		spec = m.DriverByName(p.Method)
	}
	if spec == nil {
		return failed("there is no method %s", p.Method)
	}
	args, returns := spec.NewArgs(), spec.NewReturns()
	for i, slot := range spec.Params {
		field := canon.SlotValue(args, slot)
		value, err := canon.Decode(p.Args[i], field.Type())
		if err != nil {
			return failed("argument %d: %v", i, err)
		}
		field.Set(value)
	}
	more, err := p.call(s, spec, args, returns)
	var broken *brokenOff
	switch {
	case errors.As(err, &broken):
		return map[string]any{"broken": broken.Error()}
	case err != nil:
		return failed("%v", err)
	}
	return outcome(spec, returns, more)
}

// call makes the call; what it returns besides is for the outcome.
func (p *planCase) call(s *server, spec *m.MethodSpec, args, returns any) (map[string]any, error) {
	switch args := args.(type) {
	case *m.UploadDataArgs:
		source := p.Body.source()
		args.PluginStreamID = s.offer(source)
		return nil, source.result(s.api.call(spec.RPC, args, returns))
	case *m.InstallPluginArgs:
		source := p.Body.source()
		args.PluginStreamID = s.offer(source)
		return nil, source.result(s.api.call(spec.RPC, args, returns))
	case *m.PluginHTTPStreamArgs:
		return p.callHTTP(s, args.Request, returns.(*m.PluginHTTPStreamReturns))
	}
	if p.Service == "driver" {
		return nil, s.driver.Call("Plugin."+spec.Name, args, returns)
	}
	return nil, s.api.call(spec.Name, args, returns)
}

func (p *planCase) callHTTP(s *server, request *m.HTTPRequestSubset, returns *m.PluginHTTPStreamReturns) (map[string]any, error) {
	if request.Header == nil {
		request.Header = map[string][]string{} // a genuine server would crash
	}
	source := p.Body.source()
	response, err := s.pluginHTTP(request, source)
	if err = source.result(err); err != nil {
		return nil, err
	}
	defer response.Body.Close()
	returns.StatusCode, returns.Header = response.StatusCode, response.Header
	content, err := digest(response.Body, -1)
	return map[string]any{"body": content}, err
}

func outcome(spec *m.MethodSpec, returns any, more map[string]any) map[string]any {
	if spec.Error != "" {
		if failure := reflect.ValueOf(returns).Elem().FieldByName(spec.Error); !failure.IsNil() {
			return map[string]any{"error": canon.ErrorFields(failure.Interface().(error))}
		}
	}
	results, err := canon.Slots(returns, spec.Results)
	if loaded, ok := returns.(*m.LoadPluginConfigurationArgsReturns); ok && err == nil {
		results[0], err = canon.Parse(loaded.A)
	}
	if err != nil {
		return failed("%v", err)
	}
	result := map[string]any{"results": results}
	for key, value := range more {
		result[key] = value
	}
	return result
}

func failed(format string, values ...any) map[string]any {
	return map[string]any{"failed": fmt.Sprintf(format, values...)}
}

// brokenOff is what a caller gets to see that has broken its body off. Go's streams have no form for it but their end.
type brokenOff struct{ message string }

func (b *brokenOff) Error() string { return b.message }

// source is a body as a reader.
type source struct {
	io.Reader
	broken string
}

func (b *bodySpec) source() *source {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(b.send(writer)) }()
	return &source{reader, b.Broken}
}

// result turns the outcome of a call whose body was broken off into that.
func (s *source) result(err error) error {
	if s.broken != "" {
		return &brokenOff{s.broken}
	}
	return err
}
