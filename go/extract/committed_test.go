package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestCounts holds the committed schema against what is known about Mattermost 11.6 from elsewhere.
func TestCounts(t *testing.T) {
	schema := readCommitted(t)
	for _, c := range []struct {
		what       string
		have, want int
	}{
		{"API methods", len(schema.API), 237},
		{"hooks", len(schema.Hooks), 47},
		{"driver methods", len(schema.Driver), 20},
		{"wire structs", len(schema.Wire), 581},
		{"registered names", len(schema.Registered), 11},
	} {
		if c.have != c.want {
			t.Errorf("%d %s, want %d", c.have, c.what, c.want)
		}
	}

	// 166 structs of server/public are reached from the signatures. They have 1,582 exported fields, of which one, CommandArgs.T, is
	// a function and therefore not sent.
	reached := map[string]bool{}
	for _, methods := range [][]committedMethod{schema.API, schema.Hooks, schema.Driver} {
		for _, m := range methods {
			for _, p := range append(m.Params, m.Results...) {
				if !p.Stream {
					schema.reach(p.Type, reached)
				}
			}
		}
	}
	structs, fields := 0, 0
	for name := range reached {
		if s := schema.Types[name]; s.Kind == kindStruct && (s.Package == "model" || s.Package == "plugin") {
			structs++
			fields += len(s.Fields)
		}
	}
	if structs != 166 || fields != 1581 {
		t.Errorf("%d structs of server/public with %d fields are reached from the signatures, want 166 and 1581", structs, fields)
	}
}

// TestReferences makes sure that every name in an expression of the committed schema is a leaf or a key.
func TestReferences(t *testing.T) {
	schema := readCommitted(t)
	check := func(where, expression string, wire bool) {
		for _, name := range strings.FieldsFunc(expression, func(r rune) bool { return strings.ContainsRune("*[]", r) }) {
			_, isType := schema.Types[name]
			_, isWire := schema.Wire[name]
			if name != "map" && name != "struct{}" && !isLeaf(name) && !isType && !(wire && isWire) {
				t.Errorf("%s refers to %s", where, name)
			}
		}
	}
	for _, methods := range [][]committedMethod{schema.API, schema.Hooks, schema.Driver} {
		for _, m := range methods {
			check(m.Name, m.RPC.Args, true)
			check(m.Name, m.RPC.Returns, true)
			for _, p := range append(m.Params, m.Results...) {
				if !p.Stream {
					check(m.Name, p.Type, false)
				}
			}
		}
	}
	for name, s := range schema.Types {
		check(name, s.Type, false)
		for _, f := range s.Fields {
			check(name+"."+f.Name, f.Type, false)
		}
	}
	for name, w := range schema.Wire {
		for _, f := range w.Fields {
			check(name+"."+f.Name, f.Type, false)
		}
	}
	for _, r := range schema.Registered {
		check(r.Name, r.Type, false)
	}
}

// TestCommittedSchema extracts the schema again from the source tree that MMP_MATTERMOST names (a directory server/public) and
// compares it with the committed one.
func TestCommittedSchema(t *testing.T) {
	src := os.Getenv("MMP_MATTERMOST")
	if src == "" {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: MMP_MATTERMOST does not name Mattermost's server/public\n", t.Name())
		t.Skip("no source tree")
	}
	schema, err := extract(src, "../../schema/overrides.toml")
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, "../../schema/mattermost.json", schema.encode())
}

// TestValues walks the contents of every golden value along the schema: each name must be a field, and each value must have the form
// that its type expression has in JSON.
func TestValues(t *testing.T) {
	schema := readCommitted(t)
	names := 0
	for _, v := range readVectors(t) {
		var value any
		if err := json.Unmarshal(v.Value, &value); err != nil {
			t.Fatal(err)
		}
		w := walk{schema: schema, names: &names}
		if err := w.fields(schema.Wire[v.Type].Fields, value); err != nil {
			t.Errorf("%s (%s): %v", v.Type, v.Variant, err)
		}
	}
	t.Logf("%d fields found in the schema", names)
}

type walk struct {
	schema *committed
	names  *int
}

func (w walk) fields(fields []committedField, value any) error {
	members, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("a struct is the value %v", value)
	}
	for name, member := range members {
		*w.names++
		if err := w.field(fields, name, member); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (w walk) field(fields []committedField, name string, value any) error {
	for _, f := range fields {
		if f.Name == name {
			return w.expression(f.Type, value)
		}
	}
	return fmt.Errorf("the schema has no such field")
}

func (w walk) expression(expression string, value any) error {
	expression = strings.TrimLeft(expression, "*")
	if value == nil {
		return nil
	}
	if named, ok := w.schema.Types[expression]; ok {
		if named.Kind == kindStruct {
			return w.fields(named.Fields, value)
		}
		return w.expression(named.Type, value)
	}
	switch v := value.(type) {
	case []any:
		if elem, ok := strings.CutPrefix(expression, "[]"); ok {
			return w.elements(elem, v)
		}
	case map[string]any:
		return w.object(expression, v)
	default:
		if isLeaf(expression) {
			return nil
		}
	}
	return fmt.Errorf("%s is the value %v", expression, value)
}

func (w walk) elements(expression string, values []any) error {
	for i, value := range values {
		if err := w.expression(expression, value); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

// object is a map, or one of the forms with $ that stand for bytes, times, own encodings and the contents of interfaces.
func (w walk) object(expression string, members map[string]any) error {
	if rest, ok := strings.CutPrefix(expression, "map["); ok {
		_, elem, _ := strings.Cut(rest, "]")
		for key, value := range members {
			if err := w.expression(elem, value); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		return nil
	}
	goType, isInterface := members["$type"].(string)
	switch {
	case isInterface && (expression == "any" || expression == "error"):
		return w.concrete(goType, members["$value"])
	case !isLeaf(expression):
		return fmt.Errorf("%s is the object %v", expression, members)
	}
	return nil
}

// concrete walks the contents of an interface, whose type is given by its name in Go.
func (w walk) concrete(goType string, value any) error {
	if goType == "[]interface {}" {
		return w.expression("[]any", value)
	}
	if goType == "map[string]interface {}" {
		return w.expression("map[string]any", value)
	}
	dot := strings.LastIndex(goType, ".")
	if dot < 0 {
		return nil // a basic type
	}
	prefix := goType[:strings.LastIndexAny(goType, "*]")+1]
	for _, r := range w.schema.Registered {
		if r.Type == prefix+goType[dot+1:] {
			return w.expression(r.Type, value)
		}
	}
	return fmt.Errorf("the type %s is not registered", goType)
}
