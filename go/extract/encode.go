package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// encode writes the schema as JSON with a fixed order and one field, constant or list of parameters a line, so that the difference
// between two versions of Mattermost can be read.
func (s *Schema) encode() []byte {
	var out bytes.Buffer
	out.WriteString("{\n\"format\": 1,\n")
	out.WriteString("\"mattermost\": " + quote(s.Mattermost) + ",\n")
	for _, list := range []struct {
		key     string
		methods []Method
	}{{"api", s.API}, {"hooks", s.Hooks}, {"driver", s.Driver}} {
		out.WriteString(quote(list.key) + ": ")
		writeLines(&out, "[", "]", "", list.methods, Method.json)
		out.WriteString(",\n")
	}
	writeMap(&out, "types", s.Types, func(t *Type) string { return t.json() })
	writeMap(&out, "wire", s.Wire, func(fields []Field) string {
		return `{"fields": ` + lines(" ", fields, Field.json) + "}"
	})
	writeMap(&out, "constants", s.Constants, func(group []Constant) string {
		return lines(" ", group, Constant.json)
	})
	out.WriteString(`"registered": `)
	writeLines(&out, "[", "]", "", s.Registered, Registration.json)
	out.WriteString("\n}\n")
	return out.Bytes()
}

func (m Method) json() string {
	head := object{}.with("name", quote(m.Name))
	if m.ID != nil {
		head = head.with("id", strconv.FormatInt(*m.ID, 10))
	}
	head = head.with("tags", list(m.Tags, quote)).with("since", quote(m.Since))
	rpc := object{}.with("args", quote(m.Args)).with("returns", quote(m.Returns)).String()
	tail := object{}
	if m.RPCName != "" {
		tail = tail.with("rpc_name", quote(m.RPCName))
	}
	tail = tail.with("rpc", rpc)
	return strings.Join([]string{
		strings.TrimSuffix(head.String(), "}") + ",",
		`   "params": ` + list(m.Params, Param.json) + ",",
		`   "results": ` + list(m.Results, Param.json) + ",",
		"   " + strings.TrimPrefix(tail.String(), "{"),
	}, "\n")
}

func (p Param) json() string {
	o := object{}
	if p.Name != "" {
		o = o.with("name", quote(p.Name))
	}
	return o.with("type", quote(p.Type)).flag("stream", p.Stream).flag("variadic", p.Variadic).String()
}

func (t *Type) json() string {
	o := object{}.with("kind", quote(t.Kind)).with("package", quote(t.Package))
	if t.GoName != "" {
		o = o.with("go_name", quote(t.GoName))
	}
	if t.Kind == kindStruct {
		return o.with("fields", lines(" ", t.Fields, Field.json)).String()
	}
	o = o.with("type", quote(t.Underlying))
	if t.Encoding != "" {
		o = o.with("encoding", quote(t.Encoding))
	}
	return o.with("constants", lines(" ", t.Constants, Constant.json)).String()
}

func (f Field) json() string {
	o := object{}.with("name", quote(f.Name))
	if f.JSON != "" {
		o = o.with("json", quote(f.JSON))
	}
	return o.with("type", quote(f.Type)).flag("omitempty", f.OmitEmpty).flag("embedded", f.Embedded).String()
}

func (c Constant) json() string {
	return object{}.with("name", quote(c.Name)).with("value", c.Value).String()
}

func (r Registration) json() string {
	return object{}.with("name", quote(r.Name)).with("type", quote(r.Type)).String()
}

// object is the text of a JSON object's members so far; its keys keep the order in which they were added.
type object struct {
	members string
}

func (o object) with(key, value string) object {
	if o.members != "" {
		o.members += ", "
	}
	return object{o.members + quote(key) + ": " + value}
}

func (o object) flag(key string, set bool) object {
	if !set {
		return o
	}
	return o.with(key, "true")
}

func (o object) String() string {
	return "{" + o.members + "}"
}

func list[T any](items []T, text func(T) string) string {
	var all []string
	for _, item := range items {
		all = append(all, text(item))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// lines is a list with one item a line, or `[]`.
func lines[T any](indent string, items []T, text func(T) string) string {
	var out bytes.Buffer
	writeLines(&out, "[", "]", indent, items, text)
	return out.String()
}

func writeLines[T any](out *bytes.Buffer, open, closing, indent string, items []T, text func(T) string) {
	out.WriteString(open)
	for i, item := range items {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n " + indent + text(item))
	}
	if len(items) > 0 {
		out.WriteString("\n" + indent)
	}
	out.WriteString(closing)
}

func writeMap[T any](out *bytes.Buffer, key string, items map[string]T, text func(T) string) {
	names := slices.Sorted(maps.Keys(items))
	out.WriteString(quote(key) + ": ")
	writeLines(out, "{", "}", "", names, func(name string) string {
		return quote(name) + ": " + text(items[name])
	})
	out.WriteString(",\n")
}

// quote is a JSON string that keeps <, > and & readable.
func quote(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic(err) // a string can always be encoded
	}
	return strings.TrimSuffix(out.String(), "\n")
}
