package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// committed is what schema/mattermost.json says about types, read without the extractor's own code.
type committed struct {
	Types map[string]struct {
		Kind     string
		Package  string
		Fields   []committedField
		Type     string
		Encoding string
	}
	Wire       map[string]struct{ Fields []committedField }
	API        []committedMethod
	Hooks      []committedMethod
	Driver     []committedMethod
	Registered []struct{ Name, Type string }
}

type committedField struct{ Name, Type string }

type committedMethod struct {
	Name            string
	Params, Results []struct {
		Type   string
		Stream bool
	}
	RPC struct{ Args, Returns string }
}

func readCommitted(t *testing.T) *committed {
	t.Helper()
	text, err := os.ReadFile("../../schema/mattermost.json")
	if err != nil {
		t.Fatal(err)
	}
	var c committed
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// vector is one line of the golden gob values: a value of one RPC struct as Mattermost's own code encodes it.
type vector struct {
	Type, Variant string
	Gob           []byte
	Value         json.RawMessage
}

// readVectors reads the file that MMP_VECTORS names, or the one beside the repository. The file is no part of the repository, so
// its absence skips the test, and says so even without -v.
func readVectors(t *testing.T) []vector {
	t.Helper()
	name := os.Getenv("MMP_VECTORS")
	given := name != ""
	if !given {
		name = "../../../shared/vectors/mattermost-11.6.jsonl"
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && !given {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: there are no golden values at %s; set MMP_VECTORS\n", t.Name(), name)
		t.Skip("no golden values")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var vectors []vector
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s: line %d: %v", name, len(vectors)+1, err)
		}
		vectors = append(vectors, v)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// TestDefinitions compares every wire struct, and every type reached from it, with the type definitions that Go's encoder wrote.
func TestDefinitions(t *testing.T) {
	schema := readCommitted(t)
	vectors := readVectors(t)
	seen := map[string]bool{}
	compared := map[string]bool{}
	for _, v := range vectors {
		types, id, err := definitions(v.Gob)
		if err != nil {
			t.Fatalf("%s (%s): %v", v.Type, v.Variant, err)
		}
		seen[v.Type] = true
		wire, ok := schema.Wire[v.Type]
		if !ok {
			t.Errorf("the schema has no wire struct %s", v.Type)
			continue
		}
		c := comparison{schema: schema, types: types, compared: compared, visited: map[string]bool{}}
		if err := c.fields(wire.Fields, types[id]); err != nil {
			t.Errorf("%s (%s): %v", v.Type, v.Variant, err)
		}
	}
	for name := range schema.Wire {
		if !seen[name] {
			t.Errorf("no golden value for the wire struct %s", name)
		}
	}
	// Values of these travel in interfaces only, so no definition precedes the outer value; TestValues looks at them.
	for name := range schema.Types {
		if !compared[name] && !registeredOnly(schema)[name] {
			t.Errorf("the type %s was never compared: nothing that is sent reaches it", name)
		}
	}
	t.Logf("%d values of %d wire structs and %d types agree with gob's definitions", len(vectors), len(seen), len(compared))
}

// registeredOnly are the types that only values of an interface reach.
func registeredOnly(schema *committed) map[string]bool {
	fromWire, all := map[string]bool{}, map[string]bool{}
	for _, wire := range schema.Wire {
		for _, f := range wire.Fields {
			schema.reach(f.Type, fromWire)
		}
	}
	for _, r := range schema.Registered {
		schema.reach(r.Type, all)
	}
	maps.DeleteFunc(all, func(name string, _ bool) bool { return fromWire[name] })
	return all
}

// reach adds the keys of types that an expression leads to.
func (s *committed) reach(expression string, reached map[string]bool) {
	for _, name := range strings.FieldsFunc(expression, func(r rune) bool { return strings.ContainsRune("*[]{}", r) }) {
		t, ok := s.Types[name]
		if !ok || reached[name] {
			continue
		}
		reached[name] = true
		s.reach(t.Type, reached)
		for _, f := range t.Fields {
			s.reach(f.Type, reached)
		}
	}
}

// comparison holds the definitions of one stream against the schema.
type comparison struct {
	schema   *committed
	types    map[int64]gobType
	compared map[string]bool
	visited  map[string]bool
}

// fields compares a struct's fields: the same names in the same order, each of the same type.
func (c *comparison) fields(fields []committedField, sent gobType) error {
	if sent.kind != gobStruct {
		return fmt.Errorf("gob sends a %v", sent.kind)
	}
	var have, want []string
	for _, f := range fields {
		have = append(have, f.Name)
	}
	for _, f := range sent.fields {
		want = append(want, f.name)
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("the schema has the fields %v, gob sends %v", have, want)
	}
	for i, f := range fields {
		if err := c.expression(f.Type, sent.fields[i].id); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// leafKinds are gob's names for the type expressions that need no definition.
var leafKinds = map[string]string{
	"bool": "bool", "string": "string", "bytes": "bytes", "json": "bytes", "any": "interface", "error": "interface",
	"int": "int", "int8": "int", "int16": "int", "int32": "int", "int64": "int",
	"uint": "uint", "uint8": "uint", "uint16": "uint", "uint32": "uint", "uint64": "uint",
	"float32": "float", "float64": "float",
}

// expression compares a type expression with the type of an id. gob flattens pointers and sends named types as what they are.
func (c *comparison) expression(expression string, id int64) error {
	expression = strings.TrimLeft(expression, "*")
	sent := c.types[id]
	if kind, ok := leafKinds[expression]; ok {
		if gobBuiltin[id] != kind {
			return fmt.Errorf("the schema has %s, gob sends %s", expression, c.describe(id))
		}
		return nil
	}
	if named, ok := c.schema.Types[expression]; ok {
		return c.named(expression, named.Kind, named.Type, named.Encoding, named.Fields, id)
	}
	if expression == "struct{}" {
		return c.fields(nil, sent)
	}
	if kind := map[string]gobKind{"time": gobEncoder, "url": gobBinaryMarshaler}[expression]; kind != 0 {
		return c.kind(expression, kind, id)
	}
	if elem, ok := strings.CutPrefix(expression, "[]"); ok {
		if err := c.kind(expression, gobSlice, id); err != nil {
			return err
		}
		return c.expression(elem, sent.elem)
	}
	if rest, ok := strings.CutPrefix(expression, "map["); ok {
		if err := c.kind(expression, gobMap, id); err != nil {
			return err
		}
		key, elem, _ := strings.Cut(rest, "]") // no key contains a bracket
		if err := c.expression(key, sent.key); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		return c.expression(elem, sent.elem)
	}
	return fmt.Errorf("unknown type expression %q", expression)
}

func (c *comparison) named(name, kind, underlying, encoding string, fields []committedField, id int64) error {
	visit := fmt.Sprint(name, " ", id)
	if c.visited[visit] {
		return nil
	}
	c.visited[visit], c.compared[name] = true, true
	var err error
	switch {
	case kind == kindStruct:
		err = c.fields(fields, c.types[id])
	case encoding != "":
		err = c.kind(name, map[string]gobKind{"gob": gobEncoder, "binary": gobBinaryMarshaler}[encoding], id)
	default:
		err = c.expression(underlying, id)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *comparison) kind(expression string, want gobKind, id int64) error {
	if c.types[id].kind != want {
		return fmt.Errorf("the schema has %s, gob sends %s", expression, c.describe(id))
	}
	return nil
}

func (c *comparison) describe(id int64) string {
	if name := gobBuiltin[id]; name != "" {
		return name
	}
	return fmt.Sprintf("%v %s", c.types[id].kind, c.types[id].name)
}

// TestComparisonNotices makes sure that TestDefinitions can fail: it damages the schema in each way that would matter.
func TestComparisonNotices(t *testing.T) {
	vectors := readVectors(t)
	index := slices.IndexFunc(vectors, func(v vector) bool { return v.Type == "MessageWillBePostedArgs" })
	if index < 0 {
		t.Fatal("no golden value of MessageWillBePostedArgs")
	}
	types, id, err := definitions(vectors[index].Gob)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(fields []committedField) []committedField{
		"a missing field": func(f []committedField) []committedField { return f[1:] },
		"another name":    func(f []committedField) []committedField { f[0].Name += "x"; return f },
		"another kind":    func(f []committedField) []committedField { f[0].Type = "int64"; return f },
		"a slice of it":   func(f []committedField) []committedField { f[0].Type = "[]" + f[0].Type; return f },
		"unsigned":        func(f []committedField) []committedField { f[1].Type = "uint64"; return f },
	} {
		schema := readCommitted(t)
		post := schema.Types["Post"]
		post.Fields = damage(slices.Clone(post.Fields))
		schema.Types["Post"] = post
		c := comparison{schema: schema, types: types, compared: map[string]bool{}, visited: map[string]bool{}}
		if err := c.fields(schema.Wire["MessageWillBePostedArgs"].Fields, types[id]); err == nil {
			t.Errorf("%s was not noticed", name)
		}
	}
}
