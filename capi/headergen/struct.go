package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// structs returns the exported structs of p, but for those left out, in the order of the source.
func (p *pkg) structs(leftOut []string) ([]Struct, error) {
	var all []Struct
	for _, f := range p.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				spec := s.(*ast.TypeSpec)
				expr, ok := spec.Type.(*ast.StructType)
				if !ok || !spec.Name.IsExported() || slices.Contains(leftOut, spec.Name.Name) {
					continue
				}
				t, err := p.newStruct(spec.Name, expr)
				if err != nil {
					return nil, err
				}
				all = append(all, t)
			}
		}
	}
	return all, nil
}

func (p *pkg) newStruct(name *ast.Ident, expr *ast.StructType) (Struct, error) {
	t := p.info.Defs[name].Type().Underlying().(*types.Struct)
	s := Struct{Name: structName(name.Name), Size: sizes.Sizeof(t)}
	s.Doc = structDoc(p.typeDoc(name.Name), name.Name, s.Name)

	var fields []*types.Var
	for i := range t.NumFields() {
		fields = append(fields, t.Field(i))
	}
	offsets := sizes.Offsetsof(fields)
	docs := fieldDocs(expr)
	reserved, end := 0, int64(0)
	for i, f := range fields {
		if offsets[i] != end {
			return s, fmt.Errorf("%s.%s: padding before it; name it with a field _", name.Name, f.Name())
		}
		end = offsets[i] + sizes.Sizeof(f.Type())
		m, err := newMember(f, reflect.StructTag(t.Tag(i)))
		if err != nil {
			return s, fmt.Errorf("%s.%w", name.Name, err)
		}
		m.Offset = offsets[i]
		m.Doc = prose(docs[i])
		if f.Name() == "_" {
			reserved++
			m.Name = "reserved"
			if reserved > 1 {
				m.Name = fmt.Sprintf("reserved%d", reserved)
			}
			m.Doc = ""
		}
		s.Members = append(s.Members, m)
	}
	if end != s.Size {
		return s, fmt.Errorf("%s: padding at its end; name it with a field _", name.Name)
	}
	return s, nil
}

// fieldDocs returns the comments of all fields.
func fieldDocs(expr *ast.StructType) []string {
	var docs []string
	for _, f := range expr.Fields.List {
		doc := f.Doc.Text()
		if doc == "" {
			doc = f.Comment.Text()
		}
		for range f.Names {
			docs = append(docs, doc)
		}
	}
	return docs
}

func newMember(f *types.Var, tag reflect.StructTag) (Member, error) {
	m := Member{Name: lowerSnake(f.Name()), Type: tag.Get("c")}
	t := f.Type()
	if a, ok := t.(*types.Array); ok {
		m.Array, t = a.Len(), a.Elem()
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		m.Struct = structName(t.(*types.Named).Obj().Name())
		m.Type = m.Struct
	case *types.Basic:
		if m.Type != "" {
			break
		}
		if u.Kind() == types.Uintptr || !strings.HasSuffix(u.Name(), "32") && !strings.HasSuffix(u.Name(), "64") {
			return m, fmt.Errorf("%s: %s needs a tag c", f.Name(), t)
		}
		m.Type = u.Name() + "_t"
	default:
		return m, fmt.Errorf("%s: %s has no C type", f.Name(), t)
	}
	return m, nil
}
