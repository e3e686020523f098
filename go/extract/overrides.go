package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// overrides are the extractor's sections of overrides.toml:
//
//	[rpc]            # method = "name of the RPC", where it is not the method's
//	[constants]      # group = "pattern" or ["pattern", ...]; a pattern is package.Name with * for any text
//	[types.KEY]      # a type from another module or the standard library
//	go = "import/path.Name"
//	struct = '''Go fields, in the schema's type expressions'''   # or
//	type = "underlying type expression"                          # or
//	encoding = "gob" | "binary"    # the type encodes itself into bytes
//
// Everything else in the file belongs to others and is ignored.
type overrides struct {
	file   string
	rpc    map[string]*overridden
	groups []groupPattern
	types  map[string]*outsideType // by key
	byGo   map[string]*outsideType // by import path and name
}

// overridden is a value and the line it stands on.
type overridden struct {
	value string
	line  int
	used  bool
}

// groupPattern sorts constants into a group.
type groupPattern struct {
	group   string
	pattern string
	line    int
	used    bool
}

// outsideType is a type that is declared by hand.
type outsideType struct {
	key        string
	path       string // import path
	name       string // name in Go
	line       int
	fields     []Field
	underlying string
	encoding   string
	refers     []overridden // the names its expressions mention
	used       bool
}

func readOverrides(file string) (*overrides, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tables, err := readTOML(file, text)
	if err != nil {
		return nil, err
	}
	o := &overrides{
		file:  file,
		rpc:   map[string]*overridden{},
		types: map[string]*outsideType{},
		byGo:  map[string]*outsideType{},
	}
	for _, table := range tables {
		if err := o.readTable(table); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *overrides) position(line int) token.Position {
	return token.Position{Filename: o.file, Line: line, Offset: line}
}

func (o *overrides) fail(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", o.file, line, fmt.Sprintf(format, args...))
}

func (o *overrides) readTable(table tomlTable) error {
	switch {
	case slices.Equal(table.name, []string{"rpc"}):
		return o.readRPC(table)
	case slices.Equal(table.name, []string{"constants"}):
		return o.readGroups(table)
	case len(table.name) == 2 && table.name[0] == "types":
		return o.readType(table)
	}
	return nil
}

func (o *overrides) readRPC(table tomlTable) error {
	for _, entry := range table.entries {
		if entry.value.kind != tomlString {
			return o.fail(entry.line, "%s must be a string", entry.key)
		}
		o.rpc[entry.key] = &overridden{value: entry.value.text, line: entry.line}
	}
	return nil
}

func (o *overrides) readGroups(table tomlTable) error {
	for _, entry := range table.entries {
		values := entry.value.list
		if entry.value.kind == tomlString {
			values = []tomlValue{entry.value}
		}
		for _, value := range values {
			_, err := path.Match(value.text, "")
			if value.kind != tomlString || !strings.Contains(value.text, ".") || err != nil {
				return o.fail(entry.line, "a pattern for constants is a string like package.Name*")
			}
			o.groups = append(o.groups, groupPattern{group: entry.key, pattern: value.text, line: entry.line})
		}
		if len(values) == 0 {
			return o.fail(entry.line, "%s must be a pattern or a list of patterns", entry.key)
		}
	}
	return nil
}

func (o *overrides) readType(table tomlTable) error {
	t := &outsideType{key: table.name[1], line: table.line}
	if o.types[t.key] != nil {
		return o.fail(t.line, "the type %s is declared twice", t.key)
	}
	var forms int
	for _, entry := range table.entries {
		if entry.value.kind != tomlString {
			return o.fail(entry.line, "%s must be a string", entry.key)
		}
		var err error
		switch text := entry.value.text; entry.key {
		case "go":
			dot := strings.LastIndex(text, ".")
			if dot < 0 {
				return o.fail(entry.line, "go must be an import path, a dot and a name")
			}
			t.path, t.name = text[:dot], text[dot+1:]
		case "struct":
			forms++
			err = o.readFields(t, text, entry.line)
		case "type":
			forms++
			err = o.readUnderlying(t, text, entry.line)
		case "encoding":
			forms++
			t.underlying, t.encoding = "bytes", text
			if text != "gob" && text != "binary" {
				return o.fail(entry.line, `encoding must be "gob" or "binary"`)
			}
		default:
			return o.fail(entry.line, "unknown key %s; a type has go and one of struct, type, encoding", entry.key)
		}
		if err != nil {
			return err
		}
	}
	if t.path == "" || forms != 1 {
		return o.fail(t.line, "the type %s must have go and exactly one of struct, type, encoding", t.key)
	}
	if o.byGo[t.path+"."+t.name] != nil {
		return o.fail(t.line, "%s.%s is declared twice", t.path, t.name)
	}
	o.types[t.key] = t
	o.byGo[t.path+"."+t.name] = t
	return nil
}

// readFields reads the text of a struct, one Go field a line. Go's parser reads it.
func (o *overrides) readFields(t *outsideType, text string, line int) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, o.file, "package p; type t struct {\n"+text+"}", parser.SkipObjectResolution)
	var syntax scanner.ErrorList
	if errors.As(err, &syntax) {
		return o.fail(line+syntax[0].Pos.Line-1, "the fields of %s are not Go: %s", t.key, syntax[0].Msg)
	}
	if err != nil {
		return o.fail(line, "the fields of %s are not Go: %v", t.key, err)
	}
	structure := file.Decls[0].(*ast.GenDecl).Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	for _, declared := range structure.Fields.List {
		at := line + fset.Position(declared.Pos()).Line - 1
		expression, err := o.expression(t, declared.Type, at)
		if err != nil {
			return err
		}
		jsonName, omitEmpty := "", false
		if declared.Tag != nil {
			tag, err := strconv.Unquote(declared.Tag.Value)
			if err != nil {
				return o.fail(at, "wrong tag: %v", err)
			}
			jsonName, omitEmpty = jsonTag(reflect.StructTag(tag))
		}
		field := Field{JSON: jsonName, Type: expression, OmitEmpty: omitEmpty}
		for _, name := range declared.Names {
			field.Name = name.Name
			t.fields = append(t.fields, field)
		}
		if len(declared.Names) == 0 {
			field.Name, field.Embedded = strings.TrimPrefix(expression, "*"), true
			t.fields = append(t.fields, field)
		}
	}
	return nil
}

func (o *overrides) readUnderlying(t *outsideType, text string, line int) error {
	parsed, err := parser.ParseExpr(text)
	if err != nil {
		return o.fail(line, "%q is not a type expression: %v", text, err)
	}
	t.underlying, err = o.expression(t, parsed, line)
	return err
}

// expression writes a parsed type expression in the schema's form and notes the types that it refers to.
func (o *overrides) expression(t *outsideType, e ast.Expr, line int) (string, error) {
	switch e := e.(type) {
	case *ast.Ident:
		if !isLeaf(e.Name) {
			t.refers = append(t.refers, overridden{value: e.Name, line: line})
		}
		return e.Name, nil
	case *ast.StarExpr:
		inner, err := o.expression(t, e.X, line)
		return "*" + inner, err
	case *ast.ArrayType:
		if e.Len != nil {
			break
		}
		if elem, ok := e.Elt.(*ast.Ident); ok && (elem.Name == "byte" || elem.Name == "uint8") {
			return "bytes", nil
		}
		inner, err := o.expression(t, e.Elt, line)
		return "[]" + inner, err
	case *ast.MapType:
		key, err := o.expression(t, e.Key, line)
		if err != nil {
			return "", err
		}
		value, err := o.expression(t, e.Value, line)
		return "map[" + key + "]" + value, err
	}
	return "", o.fail(line, "unknown type expression in %s", t.key)
}

// leaves are the type expressions that are not keys of `types`.
var leaves = strings.Fields("bool int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 float32 float64 string bytes any error time url json")

func isLeaf(name string) bool {
	return slices.Contains(leaves, name)
}

// jsonTag is the name that a json tag gives ("" if none, "-" if it excludes the field) and whether it has omitempty.
func jsonTag(tag reflect.StructTag) (name string, omitEmpty bool) {
	name, options, _ := strings.Cut(tag.Get("json"), ",")
	return name, slices.Contains(strings.Split(options, ","), "omitempty")
}
