package main

import "fmt"

// Schema is the content of mattermost.json; schema/README.md says what each part means.
type Schema struct {
	Mattermost string
	API        []Method
	Hooks      []Method
	Driver     []Method
	Types      map[string]*Type
	Wire       map[string][]Field
	Constants  map[string][]Constant
	Registered []Registration
}

// Method is a method of the API, a hook, or a method of the database driver.
type Method struct {
	Name    string
	ID      *int64 // the hook's number; nil for everything else
	Tags    []string
	Since   string
	Params  []Param
	Results []Param
	RPCName string // "" if the RPC has the method's name
	Args    string
	Returns string
}

// Param is a parameter or a result of a method.
type Param struct {
	Name     string
	Type     string
	Stream   bool
	Variadic bool
}

// The kinds of a Type.
const (
	kindStruct = "struct"
	kindNamed  = "named"
)

// Type is a struct or another named type.
type Type struct {
	Kind       string
	Package    string
	GoName     string // the name in Go, where the key in the schema is another one
	Fields     []Field
	Underlying string
	Encoding   string // "gob" or "binary" for a type that encodes itself into bytes
	Constants  []Constant
}

// Field is one field of a struct that gob sends.
type Field struct {
	Name      string
	JSON      string
	Type      string
	OmitEmpty bool
	Embedded  bool
}

// Constant is a named string or integer; Value is its JSON text.
type Constant struct {
	Name  string
	Value string
}

// Registration is a name under which a concrete type travels in gob interface values.
type Registration struct {
	Name string
	Type string
}

// summary says in one line how much was found.
func (s *Schema) summary() string {
	structs, fields, named, constants := 0, 0, 0, 0
	for _, t := range s.Types {
		if t.Kind == kindStruct {
			structs++
			fields += len(t.Fields)
		} else {
			named++
		}
		constants += len(t.Constants)
	}
	for _, group := range s.Constants {
		constants += len(group)
	}
	return fmt.Sprintf("Mattermost %s: %d API methods, %d hooks, %d driver methods, %d structs with %d fields, %d named types, %d wire structs, %d constants in %d groups, %d registered names",
		s.Mattermost, len(s.API), len(s.Hooks), len(s.Driver), structs, fields, named, len(s.Wire), constants, len(s.Constants), len(s.Registered))
}
