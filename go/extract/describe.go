package main

import (
	"go/types"
	"reflect"
	"strings"
)

// describe adds a reached type of the tree to the schema.
func (x *extractor) describe(t *types.Named) {
	object := t.Obj()
	described := &Type{Package: object.Pkg().Name()}
	if structure, ok := t.Underlying().(*types.Struct); ok {
		described.Kind = kindStruct
		described.Fields = x.fields(structure)
		if structure.NumFields() > 0 && len(described.Fields) == 0 {
			x.report(object.Pos(), "gob cannot send %s: none of its fields is exported", object.Name())
		}
	} else {
		described.Kind = kindNamed
		described.Underlying = x.expression(t.Underlying(), object.Pos())
		described.Constants = x.constantsOf(object)
	}
	x.types[object.Name()] = described
}

// fields are those fields of a struct that gob sends, as encoding/gob's isSent decides: exported, neither functions nor channels nor
// pointers to them. An embedded type is a field with the type's name.
func (x *extractor) fields(structure *types.Struct) []Field {
	fields := []Field{}
	for i := range structure.NumFields() {
		variable := structure.Field(i)
		if !variable.Exported() || neverSent(variable.Type()) {
			continue
		}
		field := Field{Name: variable.Name(), Type: x.expression(variable.Type(), variable.Pos())}
		field.JSON, field.OmitEmpty = jsonTag(reflect.StructTag(structure.Tag(i)))
		field.Embedded = variable.Embedded() && isStruct(variable.Type())
		fields = append(fields, field)
	}
	return fields
}

func neverSent(t types.Type) bool {
	for {
		switch u := t.Underlying().(type) {
		case *types.Pointer:
			t = u.Elem()
		case *types.Chan, *types.Signature:
			return true
		default:
			return false
		}
	}
}

func isStruct(t types.Type) bool {
	if pointer, ok := t.Underlying().(*types.Pointer); ok {
		t = pointer.Elem()
	}
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

// wire describes the structs that carry arguments and results: those of package plugin whose names start with Z_.
func (x *extractor) wire() map[string][]Field {
	all := map[string][]Field{}
	plugin := x.tree.source("plugin")
	scope := plugin.types.Scope()
	for _, name := range scope.Names() {
		key, ok := strings.CutPrefix(name, wirePrefix)
		if !ok {
			continue
		}
		object := scope.Lookup(name)
		structure, ok := object.Type().Underlying().(*types.Struct)
		if _, isType := object.(*types.TypeName); !ok || !isType {
			x.report(object.Pos(), "%s is not a struct", name)
			continue
		}
		all[key] = x.fields(structure)
	}
	if len(all) == 0 {
		x.missing(plugin, "struct whose name starts with "+wirePrefix)
	}
	return all
}
