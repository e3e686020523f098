package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	m "mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// planCase is one API call that the host wants.
type planCase struct {
	Case   int               `json:"case"`
	Method string            `json:"method"`
	Args   []json.RawMessage `json:"args"`
}

// runPlan makes the calls of a plan file, one JSON object a line, and writes what came back beside it.
func (c *conformance) runPlan(client *api, path string) error {
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
		result := wanted.run(client)
		result["case"] = wanted.Case
		text, err := canon.Marshal(result)
		if err != nil {
			return err
		}
		out.Write(append(text, '\n'))
	}
	return os.WriteFile(path+".out", out.Bytes(), 0o600)
}

func (p *planCase) run(client *api) map[string]any {
	spec := m.APIByName(p.Method)
	if spec == nil {
		return failed("there is no method %s", p.Method)
	}
	args, returns := spec.NewArgs(), spec.NewReturns()
	for i, slot := range spec.Params {
		field := reflect.ValueOf(args).Elem().FieldByName(slot.Field)
		value, err := canon.Decode(p.Args[i], field.Type())
		if err != nil {
			return failed("argument %d: %v", i, err)
		}
		field.Set(value)
	}
	if err := client.call(spec.Name, args, returns); err != nil {
		return failed("%v", err)
	}
	if spec.Error != "" {
		if failure := reflect.ValueOf(returns).Elem().FieldByName(spec.Error); !failure.IsNil() {
			return map[string]any{"error": canon.ErrorFields(failure.Interface().(error))}
		}
	}
	if spec.Name == "LoadPluginConfiguration" {
		tree, err := canon.Parse(returns.(*m.LoadPluginConfigurationArgsReturns).A)
		if err != nil {
			return failed("%v", err)
		}
		return map[string]any{"results": []any{tree}}
	}
	results, err := slots(returns, spec.Results)
	if err != nil {
		return failed("%v", err)
	}
	return map[string]any{"results": results}
}

func failed(format string, values ...any) map[string]any {
	return map[string]any{"failed": fmt.Sprintf(format, values...)}
}
