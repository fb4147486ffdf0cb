package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
)

// A source reads Go files and type-checks them, so that the values of constants and
// the layout of structs are the compiler's. A package may be loaded from some of its
// files only; packages loaded earlier can be imported by later ones.
type source struct {
	root   string
	fset   *token.FileSet
	loaded map[string]*types.Package
}

// A pkg is what was loaded of a package.
type pkg struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// sizes gives the layout. It is that of every 64-bit platform.
var sizes = types.SizesFor("gc", "amd64")

func newSource(root string) *source {
	return &source{root, token.NewFileSet(), map[string]*types.Package{}}
}

// Import implements types.Importer.
func (s *source) Import(path string) (*types.Package, error) {
	if p := s.loaded[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s was not loaded", path)
}

func (s *source) load(path string, files ...string) (*pkg, error) {
	return s.check(path, nil, files)
}

// loadLoosely loads a package whose imports are not needed for what is read of it.
func (s *source) loadLoosely(path string, files ...string) *pkg {
	p, _ := s.check(path, func(error) {}, files)
	return p
}

func (s *source) check(path string, ignore func(error), files []string) (*pkg, error) {
	p := &pkg{s.fset, nil, &types.Info{Defs: map[*ast.Ident]types.Object{}}}
	for _, name := range files {
		f, err := parser.ParseFile(s.fset, filepath.Join(s.root, name), nil, parser.ParseComments)
		if err != nil {
			return p, err
		}
		p.files = append(p.files, f)
	}
	c := types.Config{Importer: s, Sizes: sizes, Error: ignore}
	checked, err := c.Check(path, s.fset, p.files, p.info)
	if err == nil {
		s.loaded[path] = checked
	}
	return p, err
}
