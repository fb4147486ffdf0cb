package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// readFunctions returns the functions of a Go file that have a C prototype in their
// comment.
func readFunctions(path string) ([]Function, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var functions []Function
	for _, d := range file.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		prototype, doc, ok := cComment(decl.Doc)
		if !ok {
			continue
		}
		f, err := parsePrototype(prototype)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, decl.Name.Name, err)
		}
		f.Doc, f.GoName = prose(doc), decl.Name.Name
		if err := f.match(decl); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, decl.Name.Name, err)
		}
		functions = append(functions, f)
	}
	if len(functions) == 0 {
		return nil, fmt.Errorf("%s: no functions with a comment \"C: ...\"", path)
	}
	if !importsC(file) {
		return nil, fmt.Errorf("%s: without import \"C\" its //export comments do nothing", path)
	}
	return functions, nil
}

func importsC(file *ast.File) bool {
	return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"C"` })
}

// cComment splits the comment of an exported function.
func cComment(doc *ast.CommentGroup) (prototype, text string, ok bool) {
	first, rest, _ := strings.Cut(doc.Text(), "\n")
	prototype, ok = strings.CutPrefix(first, "C: ")
	return prototype, rest, ok
}

var (
	prototypeForm = regexp.MustCompile(`^(\w+(?: \w+)* \**)(\w+)\((.*)\)$`)
	parameterForm = regexp.MustCompile(`^(\w+(?: \w+)*(?: \**| ))(\w+)$`)
)

func parsePrototype(text string) (Function, error) {
	m := prototypeForm.FindStringSubmatch(text)
	if m == nil {
		return Function{}, fmt.Errorf("not a prototype: %s", text)
	}
	f := Function{Result: strings.TrimSpace(m[1]), Name: m[2]}
	if m[3] == "void" {
		return f, nil
	}
	for p := range strings.SplitSeq(m[3], ", ") {
		m := parameterForm.FindStringSubmatch(p)
		if m == nil {
			return f, fmt.Errorf("not a parameter: %s", p)
		}
		f.Parameters = append(f.Parameters, Parameter{strings.TrimSpace(m[1]), m[2]})
	}
	return f, nil
}

// goTypes are the Go types in which C values travel; pointers are uintptr.
var goTypes = map[string]string{
	"int": "int32", "uint32_t": "uint32", "int64_t": "int64", "size_t": "uintptr",
	"socket_handle": "int64", "socket_loop": "int64",
	"socket_listener": "uintptr", "socket_completion": "uintptr", "socket_function": "uintptr",
}

func goType(c string) string {
	if strings.HasSuffix(c, "*") {
		return "uintptr"
	}
	return goTypes[c]
}

// match compares the prototype with the Go function.
func (f *Function) match(decl *ast.FuncDecl) error {
	var have, want []string
	for i, field := range decl.Type.Params.List {
		for j, name := range field.Names {
			if i == 0 && j == 0 && name.Name == "thread" {
				f.Thread = true
				continue
			}
			have = append(have, typeName(field.Type))
		}
	}
	for _, p := range f.Parameters {
		want = append(want, goType(p.Type))
	}
	if h, w := strings.Join(have, ", "), strings.Join(want, ", "); h != w {
		return fmt.Errorf("has the parameters (%s), the prototype needs (%s)", h, w)
	}
	results := decl.Type.Results
	if results == nil || len(results.List) != 1 || typeName(results.List[0].Type) != goType(f.Result) {
		return fmt.Errorf("the prototype needs the result %s", goType(f.Result))
	}
	if !strings.Contains(commentText(decl.Doc), "\n//export "+f.GoName) {
		return fmt.Errorf("no //export %s", f.GoName)
	}
	return nil
}

func typeName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}

// commentText returns a comment with its directives.
func commentText(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString("\n" + c.Text)
	}
	return b.String()
}

// declaration returns the prototype, on several lines if it is long.
func (f *Function) declaration(width int) string {
	head := join(f.Result, f.Name) + "("
	if len(f.Parameters) == 0 {
		return head + "void)"
	}
	lines, line := []string{}, head
	for i, p := range f.Parameters {
		text := join(p.Type, p.Name)
		if i < len(f.Parameters)-1 {
			text += ","
		} else {
			text += ")"
		}
		space := " "
		if i == 0 {
			space = ""
		}
		if i > 0 && len(line)+len(space)+len(text)+1 > width {
			lines, line, space = append(lines, line), "    ", ""
		}
		line += space + text
	}
	return strings.Join(append(lines, line), "\n")
}

// join writes a type and a name: "const void *data".
func join(t, name string) string {
	if strings.HasSuffix(t, "*") {
		return t + name
	}
	return t + " " + name
}

// sortedFunctions returns the names of all functions.
func (api *API) sortedFunctions() []string {
	var names []string
	for _, s := range api.Sections {
		for _, f := range s.Functions {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
