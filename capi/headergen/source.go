package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// A source reads Go files and type-checks them, so that the values of constants and
// the layout of structs are the compiler's. What it reads imports nothing.
type source struct {
	root string
	fset *token.FileSet
}

// A pkg holds the files of a package and their types.
type pkg struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// sizes gives the layout. It is that of every 64-bit platform.
var sizes = types.SizesFor("gc", "amd64")

func newSource(root string) *source { return &source{root, token.NewFileSet()} }

// load reads a package of the module, or some of its files.
func (s *source) load(folder string, files ...string) (*pkg, error) {
	if len(files) == 0 {
		files = []string{"*.go"}
	}
	p := &pkg{s.fset, nil, &types.Info{Defs: map[*ast.Ident]types.Object{}}}
	for _, pattern := range files {
		paths, err := filepath.Glob(filepath.Join(s.root, folder, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(s.fset, path, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			p.files = append(p.files, f)
		}
	}
	c := types.Config{Sizes: sizes}
	_, err := c.Check("ohsocket/"+folder, s.fset, p.files, p.info)
	return p, err
}
