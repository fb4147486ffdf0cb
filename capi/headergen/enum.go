package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// enum returns the constants of p whose names begin with prefix.
func (p *pkg) enum(prefix, prefixC string) (Enum, error) {
	e := Enum{}
	for _, f := range p.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for _, name := range v.Names {
					if c, ok := p.info.Defs[name].(*types.Const); ok && isOne(name.Name, prefix) {
						value, err := newValue(c, v, prefix, prefixC)
						if err != nil {
							return e, err
						}
						e.Values = append(e.Values, value)
						if e.Doc == "" {
							e.Doc = p.enumDoc(c, g, prefixC)
						}
					}
				}
			}
		}
	}
	if len(e.Values) == 0 {
		return e, fmt.Errorf("no constants %s*", prefix)
	}
	return e, nil
}

// isOne says whether name is prefix and a word.
func isOne(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z'
}

func newValue(c *types.Const, spec *ast.ValueSpec, prefix, prefixC string) (Value, error) {
	n, ok := constant.Int64Val(constant.ToInt(c.Val()))
	if !ok {
		return Value{}, fmt.Errorf("%s is not an integer", c.Name())
	}
	doc := spec.Doc.Text()
	if doc == "" {
		doc = spec.Comment.Text()
	}
	doc = strings.TrimPrefix(doc, c.Name()+":")
	v := Value{prefixC + upperSnake(strings.TrimPrefix(c.Name(), prefix)), prose(doc), n, false}
	if len(spec.Values) == 1 {
		b, ok := spec.Values[0].(*ast.BinaryExpr)
		v.Bit = ok && b.Op == token.SHL
	}
	if !v.Bit { // the comments of bits begin with the name of a member
		v.Doc = sentence(v.Doc)
	}
	return v, nil
}

// enumDoc returns the comment of a group of constants, or that of their type.
func (p *pkg) enumDoc(c *types.Const, g *ast.GenDecl, prefixC string) string {
	if doc := g.Doc.Text(); doc != "" {
		return prose(doc)
	}
	named, ok := c.Type().(*types.Named)
	if !ok {
		return ""
	}
	name := named.Obj().Name()
	doc := p.typeDoc(name)
	for _, article := range []string{"", "A ", "An "} {
		if rest, ok := strings.CutPrefix(doc, article+name+" "); ok {
			return prose(prefixC + "* " + rest)
		}
	}
	return prose(doc)
}

// typeDoc returns the comment of a type.
func (p *pkg) typeDoc(name string) string {
	for _, f := range p.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				if t := s.(*ast.TypeSpec); t.Name.Name == name {
					if t.Doc != nil {
						return t.Doc.Text()
					}
					return g.Doc.Text()
				}
			}
		}
	}
	return ""
}
