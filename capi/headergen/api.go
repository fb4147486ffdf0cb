package main

import (
	"ohsocket/core/errcode"
)

// An API is everything that the outputs are made of.
type API struct {
	Sections   []Section
	Enums      []Enum // in the order of the header
	Categories Enum
	Structs    []Struct // a struct stands after those it contains
	Errors     []errcode.Entry
}

// A Section is a part of the header: the functions of one Go file, or those
// written in C.
type Section struct {
	Title     string
	Functions []Function
}

// A Function is one function of the header.
type Function struct {
	Name       string // "socket_bind"
	Result     string // "int"
	Parameters []Parameter
	Doc        string
	GoName     string // "goSocketBind"; "" when it is written in C
	Thread     bool   // the Go function wants the calling thread first
}

// A Parameter is a parameter of a Function.
type Parameter struct {
	Type, Name string // "const void *", "data"
}

// A Struct is a public struct.
type Struct struct {
	Name    string // "socket_event"
	Doc     string
	Members []Member
	Size    int64
}

// A Member is a member of a Struct. Array is 0 when it is none.
type Member struct {
	Type, Name, Doc string
	Array           int64
	Offset          int64
	Struct          string // the C name of its type, when that is a struct
}

// An Enum is a group of constants.
type Enum struct {
	Doc    string
	Values []Value
}

// A Value is a constant of an Enum. Bit is set when it is written as a shift.
type Value struct {
	Name, Doc string
	Number    int64
	Bit       bool
}

// sections are the Go files of the API in the order of the header.
var sections = []struct{ file, title string }{
	{"construct.go", "Handles"},
	{"operations.go", "Operations"},
	{"listeners.go", "Listeners and subscriptions"},
	{"options.go", "Options"},
	{"getters.go", "Getters"},
	{"tls.go", "TLS"},
	{"loops.go", "Loops"},
	{"library.go", "The library"},
}

func readAPI(root string) (*API, error) {
	api := &API{Errors: errcode.Table()}
	for _, s := range sections {
		functions, err := readFunctions(root + "/capi/" + s.file)
		if err != nil {
			return nil, err
		}
		api.Sections = append(api.Sections, Section{s.title, functions})
	}
	api.Sections = append(api.Sections, Section{"Errors and version", inC})

	src := newSource(root)
	socket, err := src.load("ohsocket/core/socket", "core/socket/event.go", "core/socket/optionid.go")
	if err != nil {
		return nil, err
	}
	netaddr := src.loadLoosely("ohsocket/core/netaddr", "core/netaddr/parse.go")
	categories, err := src.load("ohsocket/core/errcode", "core/errcode/category.go")
	if err != nil {
		return nil, err
	}
	capi, err := src.load("ohsocket/capi", "capi/types.go")
	if err != nil {
		return nil, err
	}
	for _, e := range []struct {
		from            *pkg
		prefix, prefixC string
	}{
		{socket, "Kind", "SOCKET_KIND_"},
		{netaddr, "Family", "SOCKET_FAMILY_"},
		{socket, "Event", "SOCKET_EVENT_"},
		{socket, "Operation", "SOCKET_OPERATION_"},
		{socket, "Loop", "SOCKET_LOOP_"},
		{capi, "Extra", "SOCKET_EXTRA_"},
		{socket, "Option", "SOCKET_OPTION_"},
		{capi, "Protocol", "SOCKET_PROTOCOL_"},
	} {
		enum, err := e.from.enum(e.prefix, e.prefixC)
		if err != nil {
			return nil, err
		}
		api.Enums = append(api.Enums, enum)
	}
	if api.Categories, err = categories.enum("Category", "SOCKET_CATEGORY_"); err != nil {
		return nil, err
	}
	for _, p := range []*pkg{socket, capi} {
		structs, err := p.structs()
		if err != nil {
			return nil, err
		}
		api.Structs = append(api.Structs, structs...)
	}
	return api, nil
}
