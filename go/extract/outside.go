package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"strings"
)

// isStandard tells whether a package is one of the standard library: only the paths of modules start with a host, which has a dot.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// outsidePackage is the stand-in for a package of another module.
func (t *tree) outsidePackage(importPath string) *types.Package {
	p := t.outside[importPath]
	if p == nil {
		p = types.NewPackage(importPath, guessName(importPath))
		p.MarkComplete()
		t.outside[importPath] = p
	}
	return p
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// guessName is the name by which a package is known where it is imported without giving one: the last part of its path without a
// major version and without the `go-` that repositories, but not packages, carry.
func guessName(importPath string) string {
	base := path.Base(importPath)
	if majorVersion.MatchString(base) {
		base = path.Base(path.Dir(importPath))
	}
	return strings.TrimPrefix(base, "go-")
}

// standIn declares every name that the file uses from an absent package as a type there, so that references to it can be checked and
// the type is found again by its package's path and its name.
func (t *tree) standIn(file *ast.File) {
	absent := map[string]*types.Package{}
	for _, spec := range file.Imports {
		importPath := strings.Trim(spec.Path.Value, `"`)
		if isStandard(importPath) || strings.HasPrefix(importPath, t.module+"/") {
			continue
		}
		p := t.outsidePackage(importPath)
		if spec.Name != nil {
			absent[spec.Name.Name] = p
		} else {
			absent[p.Name()] = p
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if left, ok := selector.X.(*ast.Ident); ok && absent[left.Name] != nil {
			declareType(absent[left.Name], selector.Sel.Name)
		}
		return true
	})
}

func declareType(p *types.Package, name string) {
	if p.Scope().Lookup(name) != nil {
		return
	}
	object := types.NewTypeName(token.NoPos, p, name, nil)
	types.NewNamed(object, types.NewStruct(nil, nil), nil)
	p.Scope().Insert(object)
}
