package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// sourceConst is an exported constant of the tree, with where it comes from.
type sourceConst struct {
	Constant
	declared  *types.TypeName // its type, if that is one of the tree
	pkg       *types.Package
	qualified string // package.Name, what a group's pattern is compared with
	file      string // base name without .go
}

// readConstants collects the exported string and integer constants of the tree in the order of the source.
// Constants of types from elsewhere (time.Duration) and of other kinds (floating point) are not part of the schema.
func (x *extractor) readConstants() {
	for _, p := range x.tree.sources() {
		for _, file := range p.files {
			for _, declaration := range file.Decls {
				if general, ok := declaration.(*ast.GenDecl); ok {
					for _, ident := range constantNames(general) {
						x.readConstant(ident)
					}
				}
			}
		}
	}
}

func constantNames(declaration *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	if declaration.Tok != token.CONST {
		return nil
	}
	for _, spec := range declaration.Specs {
		names = append(names, spec.(*ast.ValueSpec).Names...)
	}
	return names
}

func (x *extractor) readConstant(ident *ast.Ident) {
	object, ok := x.tree.info.Defs[ident].(*types.Const)
	if !ok || !object.Exported() {
		return
	}
	basic, ok := object.Type().Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsString|types.IsInteger) == 0 {
		return
	}
	var declared *types.TypeName
	if named, ok := types.Unalias(object.Type()).(*types.Named); ok {
		if !x.tree.inside(named.Obj().Pkg()) {
			return
		}
		declared = named.Obj()
	}
	value := object.Val().ExactString()
	if basic.Info()&types.IsString != 0 {
		value = quote(constant.StringVal(object.Val()))
	}
	file := filepath.Base(x.tree.position(ident.Pos()).Filename)
	x.constants = append(x.constants, sourceConst{
		Constant:  Constant{Name: object.Name(), Value: value},
		declared:  declared,
		pkg:       object.Pkg(),
		qualified: object.Pkg().Name() + "." + object.Name(),
		file:      strings.TrimSuffix(file, ".go"),
	})
}

// constantsOf are the constants of a type of the tree.
func (x *extractor) constantsOf(declared *types.TypeName) []Constant {
	var list []Constant
	for _, c := range x.constants {
		if c.declared == declared {
			list = append(list, c.Constant)
		}
	}
	return list
}

// constantGroups sorts the constants of the packages model and plugin that belong to no type of the schema: first by the patterns in overrides.toml; then by their
// type, if they have one; then by the file that declares them.
func (x *extractor) constantGroups() map[string][]Constant {
	groups := map[string][]Constant{}
	model, plugin := x.tree.source("model").types, x.tree.source("plugin").types
	for _, c := range x.constants {
		if c.pkg != model && c.pkg != plugin {
			continue
		}
		if c.declared != nil && x.objects[c.declared.Name()] == c.declared {
			continue
		}
		group := x.groupByPattern(c.qualified)
		if group == "" && c.declared != nil {
			group = snakeCase(c.declared.Name())
		}
		if group == "" {
			group = c.file
		}
		groups[group] = append(groups[group], c.Constant)
	}
	return groups
}

func (x *extractor) groupByPattern(qualified string) string {
	for i := range x.overrides.groups {
		g := &x.overrides.groups[i]
		if matched, err := path.Match(g.pattern, qualified); err == nil && matched {
			g.used = true
			return g.group
		}
	}
	return ""
}

// snakeCase turns WebsocketEventType into websocket_event_type.
func snakeCase(name string) string {
	var out strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		startsWord := unicode.IsUpper(r) && i > 0 &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if startsWord {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
