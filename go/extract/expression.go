package main

import (
	"go/token"
	"go/types"
	"strings"
)

// wirePrefix starts the names of the structs in package plugin that carry an RPC's arguments and results.
const wirePrefix = "Z_"

// expression writes a type in the schema's form and puts the named types in it on the list of what is to be described. A type that
// cannot be expressed is reported at pos.
func (x *extractor) expression(t types.Type, pos token.Pos) string {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return x.basic(t, pos)
	case *types.Named:
		return x.named(t, pos)
	case *types.Pointer:
		return "*" + x.expression(t.Elem(), pos)
	case *types.Slice:
		// gob looks at the element's kind only: a slice of any one-byte unsigned type is a byte slice.
		if isByte(t.Elem()) {
			return "bytes"
		}
		return "[]" + x.expression(t.Elem(), pos)
	case *types.Map:
		return "map[" + x.expression(t.Key(), pos) + "]" + x.expression(t.Elem(), pos)
	case *types.Interface:
		if !t.IsMethodSet() {
			break
		}
		// gob treats every interface alike: the name of a registered type and its value.
		return "any"
	case *types.Struct:
		if t.NumFields() == 0 {
			return "struct{}"
		}
		x.report(pos, "a struct type without a name cannot be described")
		return ""
	}
	x.report(pos, "unknown type expression %s", t)
	return ""
}

func (x *extractor) basic(t *types.Basic, pos token.Pos) string {
	if t.Kind() == types.Invalid {
		// The type checker has reported this one, unless it stands in a function's body.
		x.report(pos, "the type is not known")
		return ""
	}
	name := types.Typ[t.Kind()].Name() // byte and rune by their own names
	if !isLeaf(name) {
		x.report(pos, "unknown type expression %s", t)
	}
	return name
}

func isByte(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Uint8
}

// standardLeaves are the types of the standard library that have a type expression of their own.
var standardLeaves = map[string]string{
	"time.Time":                "time",
	"net/url.URL":              "url",
	"encoding/json.RawMessage": "json",
}

func (x *extractor) named(t *types.Named, pos token.Pos) string {
	object := t.Obj()
	if object.Pkg() == nil {
		if object.Name() == "error" {
			return "error"
		}
		return x.expression(t.Underlying(), pos)
	}
	full := object.Pkg().Path() + "." + object.Name()
	if leaf := standardLeaves[full]; leaf != "" {
		return leaf
	}
	if outside := x.overrides.byGo[full]; outside != nil {
		x.useOutside(outside)
		return outside.key
	}
	if method := ownEncoding(t); method != "" {
		x.report(pos, "%s encodes itself (%s): declare it in overrides.toml", full, method)
		return ""
	}
	if !x.tree.inside(object.Pkg()) {
		return x.namedOutside(t, full, pos)
	}
	if name, ok := strings.CutPrefix(object.Name(), wirePrefix); ok && object.Pkg() == x.tree.source("plugin").types {
		return name
	}
	if t.TypeArgs().Len() > 0 {
		return x.instance(t, pos)
	}
	if _, ok := t.Underlying().(*types.Interface); ok {
		return x.expression(t.Underlying(), pos)
	}
	return x.reach(t, pos)
}

// namedOutside expresses a type of the standard library by what it is; a struct must be declared by hand, and so must everything
// from other modules.
func (x *extractor) namedOutside(t *types.Named, full string, pos token.Pos) string {
	_, isStruct := t.Underlying().(*types.Struct)
	if isStruct {
		x.report(pos, "%s is declared outside server/public: describe it in overrides.toml", full)
		return ""
	}
	return x.expression(t.Underlying(), pos)
}

// instance expresses a generic type with its type arguments by what it is.
func (x *extractor) instance(t *types.Named, pos token.Pos) string {
	if _, isStruct := t.Underlying().(*types.Struct); isStruct {
		x.report(pos, "the generic struct %s cannot be described", t)
		return ""
	}
	return x.expression(t.Underlying(), pos)
}

// ownEncoding is the method by which a type takes its encoding into its own hands, or "". gob looks for these two and, since the
// other two would change the wire format of existing programs, not for MarshalText or MarshalJSON.
func ownEncoding(t *types.Named) string {
	for _, name := range []string{"GobEncode", "MarshalBinary"} {
		object, _, _ := types.LookupFieldOrMethod(types.NewPointer(t), true, t.Obj().Pkg(), name)
		if _, ok := object.(*types.Func); ok {
			return name
		}
	}
	return ""
}

// reach notes a type of the tree for description and answers its key. Keys have no package, so two types of one name are a conflict.
func (x *extractor) reach(t *types.Named, pos token.Pos) string {
	object := t.Obj()
	name := object.Name()
	if isLeaf(name) {
		x.report(object.Pos(), "the type %s has the name of a built-in type expression", name)
		return ""
	}
	switch other := x.objects[name]; {
	case other == nil && x.overrides.types[name] == nil:
		x.objects[name] = object
		x.pending = append(x.pending, t)
	case other != object:
		x.report(pos, "two types are called %s: one of them is %s.%s", name, object.Pkg().Path(), name)
	}
	return name
}

// useOutside puts a type that is declared by hand, and those that it refers to, into the schema.
func (x *extractor) useOutside(t *outsideType) {
	if t.used {
		return
	}
	t.used = true
	described := &Type{Kind: kindNamed, Package: t.path, Underlying: t.underlying, Encoding: t.encoding}
	if t.fields != nil || t.underlying == "" {
		described = &Type{Kind: kindStruct, Package: t.path, Fields: t.fields}
	}
	if t.name != t.key {
		described.GoName = t.name
	}
	x.types[t.key] = described
	for _, name := range t.refers {
		next := x.overrides.types[name.value]
		if next == nil {
			x.problems.add(x.overrides.position(name.line), "%s refers to %s, which this file does not declare", t.key, name.value)
			continue
		}
		x.useOutside(next)
	}
}
