package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
)

// extractor walks from the plugin interface to every type that can travel over it.
type extractor struct {
	tree      *tree
	overrides *overrides
	problems  *problems
	types     map[string]*Type           // what was reached so far
	objects   map[string]*types.TypeName // which type of the tree a key of types stands for
	pending   []*types.Named             // reached, but not yet described
	constants []sourceConst
}

func newExtractor(t *tree, o *overrides) *extractor {
	return &extractor{
		tree:      t,
		overrides: o,
		problems:  t.problems,
		types:     map[string]*Type{},
		objects:   map[string]*types.TypeName{},
	}
}

func (x *extractor) schema() *Schema {
	s := &Schema{
		Mattermost: x.version(),
		API:        x.methods("API", "apiRPCServer"),
		Hooks:      x.methods("Hooks", "hooksRPCServer"),
		Driver:     x.methods("Driver", "dbRPCServer"),
		Wire:       x.wire(),
		Registered: x.registered(),
	}
	x.numberHooks(s.Hooks)
	x.readConstants()
	for len(x.pending) > 0 {
		next := x.pending[0]
		x.pending = x.pending[1:]
		x.describe(next)
	}
	s.Types = x.types
	s.Constants = x.constantGroups()
	s.Constants[permissionGroup] = append(x.permissions(), s.Constants[permissionGroup]...)
	x.checkOverrides()
	return s
}

func (x *extractor) report(pos token.Pos, format string, args ...any) {
	x.problems.add(x.tree.position(pos), format, args...)
}

// missing reports that a package does not declare what the extractor starts from.
func (x *extractor) missing(p *sourcePackage, what string) {
	x.report(p.files[0].Package, "the package %s has no %s", p.types.Path(), what)
}

// version is the first entry of the list of versions in model/version.go, which is the tree's own version.
func (x *extractor) version() string {
	model := x.tree.source("model")
	for _, file := range model.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				value := spec.(*ast.ValueSpec)
				if value.Names[0].Name != "versions" || len(value.Values) != 1 {
					continue
				}
				if list, ok := value.Values[0].(*ast.CompositeLit); ok && len(list.Elts) > 0 {
					if first, ok := list.Elts[0].(*ast.BasicLit); ok && first.Kind == token.STRING {
						version, err := strconv.Unquote(first.Value)
						if err == nil {
							return version
						}
					}
				}
				x.report(value.Pos(), "versions is not a list that starts with the tree's version")
				return ""
			}
		}
	}
	x.missing(model, "variable versions")
	return ""
}

// checkOverrides reports what overrides.toml says about things that the source does not have.
func (x *extractor) checkOverrides() {
	o := x.overrides
	for _, key := range slices.Sorted(maps.Keys(o.types)) {
		if t := o.types[key]; !t.used {
			x.problems.add(o.position(t.line), "the type %s is declared here, but nothing refers to %s.%s", key, t.path, t.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.rpc)) {
		if !o.rpc[name].used {
			x.problems.add(o.position(o.rpc[name].line), "there is no method %s", name)
		}
	}
	for _, g := range o.groups {
		if !g.used {
			x.problems.add(o.position(g.line), "no constant that is not part of a type in the schema matches %s", g.pattern)
		}
	}
}
