package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// permissionGroup is the group of constants that the permissions are in.
const permissionGroup = "permissions"

// permissions are the package-level variables of type *model.Permission. They are no constants: functions of the package assign a
// struct literal to each of them, and its field Id is the value.
func (x *extractor) permissions() []Constant {
	model := x.tree.source("model")
	assigned := x.permissionIDs(model)
	var list []Constant
	for _, file := range model.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if !name.IsExported() || !isPermission(x.tree.info.Defs[name], model) {
						continue
					}
					id, ok := assigned[name.Name]
					if !ok {
						x.report(name.Pos(), "no function of the package model assigns a &Permission{...} to %s", name.Name)
						continue
					}
					list = append(list, Constant{Name: name.Name, Value: quote(id)})
				}
			}
		}
	}
	return list
}

func isPermission(object types.Object, model *sourcePackage) bool {
	if object == nil {
		return false
	}
	pointer, ok := object.Type().(*types.Pointer)
	if !ok {
		return false
	}
	named, ok := pointer.Elem().(*types.Named)
	return ok && named.Obj().Name() == "Permission" && named.Obj().Pkg() == model.types
}

// permissionIDs finds every assignment `Variable = &Permission{id, ...}` in the package.
func (x *extractor) permissionIDs(p *sourcePackage) map[string]string {
	ids := map[string]string{}
	for _, file := range p.files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.AssignStmt:
				if len(node.Lhs) == 1 && len(node.Rhs) == 1 {
					if name, ok := node.Lhs[0].(*ast.Ident); ok {
						x.permissionID(p, ids, name, node.Rhs[0])
					}
				}
			case *ast.ValueSpec:
				for i, value := range node.Values {
					x.permissionID(p, ids, node.Names[i], value)
				}
			}
			return true
		})
	}
	return ids
}

func (x *extractor) permissionID(p *sourcePackage, ids map[string]string, name *ast.Ident, value ast.Expr) {
	address, ok := value.(*ast.UnaryExpr)
	if !ok || address.Op != token.AND {
		return
	}
	literal, ok := address.X.(*ast.CompositeLit)
	if !ok || len(literal.Elts) == 0 {
		return
	}
	if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "Permission" {
		return
	}
	id := literal.Elts[0]
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Id" {
				id = pair.Value
			}
		}
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	err := types.CheckExpr(x.tree.fset, p.types, id.Pos(), id, info)
	if known := info.Types[id].Value; err == nil && known != nil && known.Kind() == constant.String {
		ids[name.Name] = constant.StringVal(known)
		return
	}
	x.report(id.Pos(), "the id of %s is not a constant string", name.Name)
}
