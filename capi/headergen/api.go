package main

import (
	"fmt"
	"strings"

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

// A Section is a part of the header: the functions of one kind of object.
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

// files are the Go files that have functions of the API.
var files = []string{
	"construct.go", "operations.go", "multicast.go", "listeners.go", "options.go", "getters.go", "tls.go", "loops.go", "library.go",
}

// sections are the parts of the header, by the object that a program has at hand, and their
// functions.
var sections = []struct {
	title     string
	functions string
}{
	{"Sockets of every kind", `
		socket_construct socket_release
		socket_on socket_off socket_subscribe
		socket_set_option socket_get_option socket_set_extra_options
		socket_adopt socket_pause socket_resume socket_close socket_abort
		socket_get_state socket_get_kind socket_get_loop socket_get_fd socket_get_local_address
		socket_get_send_queue_length socket_get_error_detail`},
	{"Clients and connections", `
		socket_construct_tcp socket_bind socket_connect
		socket_send socket_sendv socket_flush socket_end
		socket_get_remote_address socket_get_client_id`},
	{"Servers", "socket_construct_tcp_server socket_listen"},
	{"UDP", `
		socket_construct_udp socket_construct_multicast socket_send_to
		socket_join_group socket_leave_group`},
	{"TLS", `
		socket_construct_tls socket_construct_tls_server socket_construct_tls_over
		socket_tls_set_secure_options
		socket_tls_get_certificate socket_tls_get_remote_certificate socket_tls_get_protocol
		socket_tls_get_cipher_suite socket_tls_get_signature_algorithms socket_tls_get_alpn
		socket_tls_get_server_name socket_tls_get_group socket_tls_get_remote_chain socket_tls_is_resumed
		socket_tls_set_keylog socket_tls_library`},
	{"Loops", `
		socket_loop_create socket_loop_close socket_loop_fd socket_loop_run socket_loop_poll
		socket_loop_flush socket_loop_post socket_loop_set_timer socket_loop_clear_timer`},
	{"The library", `
		socket_run socket_shutdown socket_set_dispatch_threads socket_set_compat socket_set_total_queue_limit socket_get_stats
		socket_strerror socket_error_name socket_error_category socket_version socket_version_number`},
}

// inGo are the structs of core/abi that only Go sees.
var inGo = []string{"Listener", "Completion", "Function", "Caller"}

// arrange puts the functions into their sections.
func arrange(functions []Function) ([]Section, error) {
	byName := map[string]Function{}
	for _, f := range functions {
		byName[f.Name] = f
	}
	var all []Section
	for _, s := range sections {
		section := Section{Title: s.title}
		for name := range strings.FieldsSeq(s.functions) {
			f, ok := byName[name]
			if !ok {
				return nil, fmt.Errorf("section %q: there is no function %s", s.title, name)
			}
			delete(byName, name)
			section.Functions = append(section.Functions, f)
		}
		all = append(all, section)
	}
	for name := range byName {
		return nil, fmt.Errorf("%s is in no section: see sections in api.go", name)
	}
	return all, nil
}

func readAPI(root string) (*API, error) {
	api := &API{Errors: errcode.Table()}
	functions := inC
	for _, file := range files {
		inGo, err := readFunctions(root + "/capi/" + file)
		if err != nil {
			return nil, err
		}
		functions = append(functions[:len(functions):len(functions)], inGo...)
	}
	var err error
	if api.Sections, err = arrange(functions); err != nil {
		return nil, err
	}

	src := newSource(root)
	abi, err := src.load("core/abi")
	if err != nil {
		return nil, err
	}
	categories, err := src.load("core/errcode", "category.go")
	if err != nil {
		return nil, err
	}
	for _, e := range []struct{ prefix, prefixC string }{
		{"Kind", "SOCKET_KIND_"},
		{"Family", "SOCKET_FAMILY_"},
		{"Event", "SOCKET_EVENT_"},
		{"Operation", "SOCKET_OPERATION_"},
		{"Loop", "SOCKET_LOOP_"},
		{"Extra", "SOCKET_EXTRA_"},
		{"Option", "SOCKET_OPTION_"},
		{"Protocol", "SOCKET_PROTOCOL_"},
	} {
		enum, err := abi.enum(e.prefix, e.prefixC)
		if err != nil {
			return nil, err
		}
		api.Enums = append(api.Enums, enum)
	}
	if api.Categories, err = categories.enum("Category", "SOCKET_CATEGORY_"); err != nil {
		return nil, err
	}
	api.Structs, err = abi.structs(inGo)
	return api, err
}
