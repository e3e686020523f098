package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// tree is the type-checked source of server/public: the packages plugin and model and what they import from the same module.
//
// Function bodies are not checked. The standard library is read from GOROOT, so that constants and interfaces are known. Packages
// of other modules are not there at all: each is stood in for by an empty package whose names are types, see standIn.
type tree struct {
	root     string
	module   string
	fset     *token.FileSet
	info     *types.Info
	packages map[string]*sourcePackage
	loading  map[string]bool
	outside  map[string]*types.Package
	problems *problems
}

// sourcePackage is one package of the tree with its files in the order of their names.
type sourcePackage struct {
	types *types.Package
	files []*ast.File
}

func loadTree(root string) (*tree, error) {
	module, err := moduleName(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	setTarget()
	fset := token.NewFileSet()
	t := &tree{
		root:     filepath.Clean(root),
		module:   module,
		fset:     fset,
		info:     &types.Info{Defs: map[*ast.Ident]types.Object{}},
		packages: map[string]*sourcePackage{},
		loading:  map[string]bool{},
		outside:  map[string]*types.Package{},
		problems: &problems{},
	}
	for _, name := range []string{"plugin", "model"} {
		if _, err := t.Import(module + "/" + name); err != nil {
			if problems := t.problems.err(); problems != nil {
				return nil, problems
			}
			return nil, err
		}
	}
	return t, t.problems.err()
}

// standard imports packages of the standard library from their source. It keeps what it has read, for every tree of the process.
var standard = sync.OnceValue(func() types.Importer {
	setTarget()
	return importer.ForCompiler(token.NewFileSet(), "source", nil)
})

// setTarget makes go/build choose files as for a Linux server without cgo, whatever machine this runs on.
func setTarget() {
	build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled = "linux", "amd64", false
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)"?`)

func moduleName(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("not a Mattermost server/public directory: %w", err)
	}
	match := moduleLine.FindSubmatch(text)
	if match == nil {
		return "", fmt.Errorf("%s:1: there is no module line", file)
	}
	return string(match[1]), nil
}

// source is the package of the tree with this path relative to server/public.
func (t *tree) source(name string) *sourcePackage {
	return t.packages[t.module+"/"+name]
}

// sources are all packages that were read, in the order of their paths.
func (t *tree) sources() []*sourcePackage {
	var all []*sourcePackage
	for _, importPath := range slices.Sorted(maps.Keys(t.packages)) {
		all = append(all, t.packages[importPath])
	}
	return all
}

// inside tells whether a package belongs to server/public.
func (t *tree) inside(p *types.Package) bool {
	return p != nil && t.packages[p.Path()] != nil
}

func (t *tree) position(pos token.Pos) token.Position {
	return t.fset.Position(pos)
}

// Import implements types.Importer.
func (t *tree) Import(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if relative, ok := strings.CutPrefix(importPath, t.module+"/"); ok {
		return t.importSource(importPath, filepath.Join(t.root, filepath.FromSlash(relative)))
	}
	if !isStandard(importPath) {
		return t.outsidePackage(importPath), nil
	}
	return standard().Import(importPath)
}

func (t *tree) importSource(importPath, directory string) (*types.Package, error) {
	if p := t.packages[importPath]; p != nil {
		return p.types, nil
	}
	if t.loading[importPath] {
		return nil, fmt.Errorf("the package imports itself by way of others")
	}
	t.loading[importPath] = true
	files, err := t.parse(directory)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		t.standIn(file)
	}
	initialisers := variableInitialisers(files)
	config := types.Config{
		Importer:         t,
		IgnoreFuncBodies: true,
		Error: func(err error) {
			e, ok := err.(types.Error)
			if !ok {
				t.problems.add(token.Position{Filename: directory}, "%v", err)
				return
			}
			// What a package-level variable is initialised with may come from an absent module, and no variable is described.
			if !initialisers.contain(e.Pos) {
				t.problems.add(t.position(e.Pos), "%s", e.Msg)
			}
		},
	}
	checked, _ := config.Check(importPath, t.fset, files, t.info) // its errors went to config.Error
	t.packages[importPath] = &sourcePackage{types: checked, files: files}
	return checked, nil
}

// parse reads the Go files of a directory that belong to a server's build.
func (t *tree) parse(directory string) ([]*ast.File, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("%s:1: a package is missing: %w", directory, err)
	}
	var files []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		wanted, err := build.Default.MatchFile(directory, name)
		if err != nil {
			return nil, fmt.Errorf("%s:1: %w", filepath.Join(directory, name), err)
		}
		if !wanted {
			continue
		}
		file, err := parser.ParseFile(t.fset, filepath.Join(directory, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.syntaxErrors(err)
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s:1: a package is missing: there are no Go files", directory)
	}
	return files, nil
}

// syntaxErrors puts the parser's errors among the problems: as an import's error they would be reported at the import.
func (t *tree) syntaxErrors(err error) {
	var list scanner.ErrorList
	if errors.As(err, &list) {
		for _, e := range list {
			t.problems.add(e.Pos, "%s", e.Msg)
		}
	}
}

// spans are the ranges of the source in which type errors do not matter.
type spans []ast.Expr

func (s spans) contain(pos token.Pos) bool {
	return slices.ContainsFunc(s, func(e ast.Expr) bool { return e.Pos() <= pos && pos < e.End() })
}

func variableInitialisers(files []*ast.File) spans {
	var all spans
	for _, file := range files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				all = append(all, spec.(*ast.ValueSpec).Values...)
			}
		}
	}
	return all
}
