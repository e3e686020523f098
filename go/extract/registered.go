package main

import (
	"go/ast"
	"go/constant"
	"go/types"
)

// registered lists the calls of gob.Register and gob.RegisterName in all packages of the tree, in the order of the source.
func (x *extractor) registered() []Registration {
	var list []Registration
	for _, p := range x.tree.sources() {
		for _, file := range p.files {
			ast.Inspect(file, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok {
					if function := x.gobFunction(p, call); function != "" {
						list = append(list, x.registration(p, function, call))
					}
				}
				return true
			})
		}
	}
	if len(list) == 0 {
		x.missing(x.tree.source("plugin"), "call of gob.Register")
	}
	return list
}

// gobFunction is the name of the registering function that a call means, or "".
func (x *extractor) gobFunction(p *sourcePackage, call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Register" && selector.Sel.Name != "RegisterName" {
		return ""
	}
	left, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	_, object := p.types.Scope().Innermost(call.Pos()).LookupParent(left.Name, call.Pos())
	imported, ok := object.(*types.PkgName)
	if !ok || imported.Imported().Path() != "encoding/gob" {
		return ""
	}
	return selector.Sel.Name
}

func (x *extractor) registration(p *sourcePackage, function string, call *ast.CallExpr) Registration {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	for _, argument := range call.Args {
		if err := types.CheckExpr(x.tree.fset, p.types, call.Pos(), argument, info); err != nil {
			x.report(argument.Pos(), "the type registered here is not known: %v", err)
			return Registration{}
		}
	}
	value := call.Args[len(call.Args)-1]
	t := info.Types[value].Type
	name := gobName(t)
	if function == "RegisterName" {
		given := info.Types[call.Args[0]].Value
		if given == nil || given.Kind() != constant.String {
			x.report(call.Pos(), "the name registered here is not a constant string")
			return Registration{}
		}
		name = constant.StringVal(given)
	}
	return Registration{Name: name, Type: x.expression(t, value.Pos())}
}

// gobName is the name that gob.Register chooses: a named type's import path and name; for everything else, pointers to named types
// included, what reflect.Type.String answers, which has the package's name and not its path.
func gobName(t types.Type) string {
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != nil {
		return types.TypeString(t, nil)
	}
	return reflectString(t)
}

func reflectString(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Pointer:
		return "*" + reflectString(t.Elem())
	case *types.Slice:
		return "[]" + reflectString(t.Elem())
	case *types.Map:
		return "map[" + reflectString(t.Key()) + "]" + reflectString(t.Elem())
	case *types.Interface:
		return "interface {}"
	}
	return types.TypeString(types.Unalias(t), func(p *types.Package) string { return p.Name() })
}
