package main

import (
	"go/ast"
	"go/constant"
	"go/types"
	"regexp"
	"strings"
)

// streamTypes cannot be sent: what flows through them travels beside the RPC.
var streamTypes = map[string]string{
	"io.Reader":               "Reader",
	"io.ReadCloser":           "ReadCloser",
	"io.Writer":               "Writer",
	"net/http.ResponseWriter": "ResponseWriter",
	"*net/http.Request":       "*Request",
	"*net/http.Response":      "*Response",
}

// methods describes an interface of package plugin together with the RPC server that receives its calls.
func (x *extractor) methods(interfaceName, serverName string) []Method {
	plugin := x.tree.source("plugin")
	declared := x.interfaceMethods(plugin, interfaceName)
	server := x.serverMethods(plugin, serverName)
	if declared == nil || server == nil {
		return nil
	}
	var methods []Method
	known := map[string]bool{}
	for _, field := range declared {
		if len(field.Names) != 1 {
			x.report(field.Pos(), "the interface %s embeds another one, which is not handled", interfaceName)
			continue
		}
		method := x.method(field)
		known[method.Name] = true
		rpcName := method.Name
		if name, ok := x.overrides.rpc[method.Name]; ok {
			name.used = true
			rpcName, method.RPCName = name.value, name.value
		}
		known[rpcName] = true
		receiver := server[rpcName]
		if receiver == nil {
			x.report(field.Pos(), "%s.%s has no RPC: %s has no method %s", interfaceName, method.Name, serverName, rpcName)
		} else {
			method.Args, method.Returns = x.rpc(receiver)
		}
		methods = append(methods, method)
	}
	for name, receiver := range server {
		if !known[name] {
			x.report(receiver.Pos(), "%s.%s serves a method that the interface %s does not have", serverName, name, interfaceName)
		}
	}
	return methods
}

// interfaceMethods are the methods of an interface in the order of the source.
func (x *extractor) interfaceMethods(p *sourcePackage, name string) []*ast.Field {
	for _, file := range p.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.Name == name {
					if declared, ok := spec.Type.(*ast.InterfaceType); ok {
						return declared.Methods.List
					}
				}
			}
		}
	}
	x.missing(p, "interface "+name)
	return nil
}

// serverMethods are the exported methods of an RPC server by name.
func (x *extractor) serverMethods(p *sourcePackage, name string) map[string]*types.Func {
	object, ok := p.types.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		x.missing(p, "type "+name)
		return nil
	}
	methods := map[string]*types.Func{}
	for method := range object.Type().(*types.Named).Methods() {
		if method.Exported() {
			methods[method.Name()] = method
		}
	}
	return methods
}

func (x *extractor) method(field *ast.Field) Method {
	name := field.Names[0]
	signature := x.tree.info.Defs[name].(*types.Func).Signature()
	method := Method{Name: name.Name}
	method.Tags, method.Since = x.documented(field)
	for i := range signature.Params().Len() {
		param := x.param(signature.Params().At(i))
		if param.Name == "" || param.Name == "_" {
			x.report(field.Pos(), "a parameter of %s has no name", name.Name)
		}
		param.Variadic = signature.Variadic() && i == signature.Params().Len()-1
		method.Params = append(method.Params, param)
	}
	for result := range signature.Results().Variables() {
		method.Results = append(method.Results, x.param(result))
	}
	return method
}

func (x *extractor) param(v *types.Var) Param {
	full := types.TypeString(types.Unalias(v.Type()), nil)
	if stream := streamTypes[full]; stream != "" {
		return Param{Name: v.Name(), Type: stream, Stream: true}
	}
	return Param{Name: v.Name(), Type: x.expression(v.Type(), v.Pos())}
}

var (
	tagLine     = regexp.MustCompile(`^@tag\s+(\S+)$`)
	sinceLine   = regexp.MustCompile(`^Minimum server version: v?([0-9]+(?:\.[0-9]+)*)$`)
	sinceMarker = "minimum server version"
)

// documented reads a method's tags and minimum server version from its comment.
func (x *extractor) documented(field *ast.Field) (tags []string, since string) {
	for _, line := range strings.Split(field.Doc.Text(), "\n") {
		line = strings.TrimSpace(line)
		if match := tagLine.FindStringSubmatch(line); match != nil {
			tags = append(tags, match[1])
		} else if match := sinceLine.FindStringSubmatch(line); match != nil {
			since = match[1]
		} else if strings.HasPrefix(line, "@tag") || strings.HasPrefix(strings.ToLower(line), sinceMarker) {
			x.report(field.Pos(), "the comment of %s has a line that is not understood: %s", field.Names[0].Name, line)
		}
	}
	return tags, since
}

// rpc is what an RPC method takes and fills in. net/rpc wants the form func(args T, reply *U) error; T may be a pointer, which makes
// no difference on the wire.
func (x *extractor) rpc(method *types.Func) (args, returns string) {
	signature := method.Signature()
	params, results := signature.Params(), signature.Results()
	if params.Len() != 2 || results.Len() != 1 || results.At(0).Type().String() != "error" {
		x.report(method.Pos(), "%s does not have the form of an RPC method: (args, *reply) error", method.Name())
		return "", ""
	}
	reply, ok := params.At(1).Type().(*types.Pointer)
	if !ok {
		x.report(method.Pos(), "%s does not have the form of an RPC method: the reply is not a pointer", method.Name())
		return "", ""
	}
	taken := params.At(0).Type()
	if pointer, ok := taken.(*types.Pointer); ok {
		taken = pointer.Elem()
	}
	return x.expression(taken, method.Pos()), x.expression(reply.Elem(), method.Pos())
}

// withoutNumber is the one hook that has no number: it is always called, to ask for the others.
const withoutNumber = "Implemented"

// numberHooks gives every hook the value of its constant, <Hook>ID, and reports a number that belongs to no hook.
func (x *extractor) numberHooks(hooks []Method) {
	plugin := x.tree.source("plugin")
	scope := plugin.types.Scope()
	numbered := map[string]bool{}
	for i := range hooks {
		name := hooks[i].Name + "ID"
		numbered[name] = true
		declared, ok := scope.Lookup(name).(*types.Const)
		if !ok {
			if hooks[i].Name != withoutNumber {
				x.missing(plugin, "constant "+name+", the hook's number")
			}
			continue
		}
		number, exact := constant.Int64Val(constant.ToInt(declared.Val()))
		if !exact {
			x.report(declared.Pos(), "%s is not a number", name)
			continue
		}
		hooks[i].ID = &number
	}
	x.checkHookNumbers(numbered)
}

// checkHookNumbers looks at the block of constants that declares the numbers of hooks. Retired ones are not exported; the total is
// the only other exported name in it.
func (x *extractor) checkHookNumbers(numbered map[string]bool) {
	for _, file := range x.tree.source("plugin").files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			names := constantNames(general)
			hooks := 0
			for _, name := range names {
				if numbered[name.Name] {
					hooks++
				}
			}
			if hooks == 0 {
				continue
			}
			for _, name := range names {
				if name.IsExported() && !numbered[name.Name] && name.Name != "TotalHooksID" {
					x.report(name.Pos(), "%s numbers a hook that the interface Hooks does not have", name.Name)
				}
			}
		}
	}
}
