package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

// manual is the comment at the top of the header.
//
//go:embed manual.txt
var manual string

const width = 96

// renderHeader returns include/ohsocket.h.
func renderHeader(api *API) []byte {
	h := &printer{}
	h.print(block(fill(manual, width-len(" * ")), ""))
	h.line("#ifndef OHSOCKET_H")
	h.line("#define OHSOCKET_H")
	h.line("")
	h.line("#include <stddef.h>")
	h.line("#include <stdint.h>")
	h.line("")
	h.line("#include \"ohsocket_errors.h\"")
	h.line("")
	h.line("#ifdef __cplusplus")
	h.line(`extern "C" {`)
	h.line("#endif")

	h.heading("Version")
	h.version()
	h.heading("Handles")
	h.note("A socket: positive, below 2^52, so exact as a double. 0 is never a handle. Valid until " +
		"socket_release; the number does not soon come back.")
	h.line("typedef int64_t socket_handle;")
	h.line("")
	h.note("A loop: positive, below 2^53. 0 stands for the default loops where a function allows it.")
	h.line("typedef int64_t socket_loop;")
	h.heading("Constants")
	for _, e := range api.Enums {
		h.enum(e)
		if e.Values[0].Name == "SOCKET_EVENT_CONNECT" {
			h.note("The bit of an event in the mask of socket_subscribe.")
			h.line("#define SOCKET_EVENT_MASK(type) (1u << (type))")
			h.line("")
		}
	}
	h.categories(api)
	h.heading("Structs")
	for _, s := range api.Structs {
		h.structure(s)
	}
	for _, s := range api.Structs {
		h.initializer(api, s)
	}
	h.heading("Callbacks")
	h.callbacks()
	for _, s := range api.Sections {
		h.heading(s.Title)
		for _, f := range s.Functions {
			h.note(f.Doc)
			h.line(f.declaration(width) + ";")
			h.line("")
		}
	}
	h.line("#ifdef __cplusplus")
	h.line("}")
	h.line("#endif")
	h.line("")
	h.line("#endif")
	return h.bytes()
}

// renderErrors returns include/ohsocket_errors.h.
func renderErrors(api *API) []byte {
	h := &printer{}
	h.note("ohsocket_errors.h - the error codes of ohsocket.h, which includes this file.\n\n" +
		"A function returns minus one of them. Completions and events have it negative, too: error == " +
		"-SOCKET_ERROR_TIMEDOUT. Most stand for an errno: SOCKET_ERROR_x is 2301000 + errno and comes from TCP " +
		"clients and UDP sockets; SOCKET_ERROR_SERVER_x is 2303100 + errno and comes from TCP servers, their " +
		"connections and TLS sockets.\n\n" +
		"socket_strerror returns the text of a code, socket_error_name its name, socket_error_category " +
		"what a program can do about it.\n\nSPDX-License-Identifier: Apache-2.0")
	h.line("#ifndef OHSOCKET_ERRORS_H")
	h.line("#define OHSOCKET_ERRORS_H")
	h.line("")
	h.line("enum {")
	for i, e := range api.Errors {
		value := fmt.Sprintf("    %s = %d%s", e.Name, e.Code, comma(i, len(api.Errors)))
		if remark := " /* " + e.Text + " */"; len(value)+len(remark) <= width {
			h.line("%s", value+remark)
		} else {
			h.print(comment(e.Text, "    ", width))
			h.line("%s", value)
		}
	}
	h.line("};")
	h.line("")
	h.line("#endif")
	return h.bytes()
}

// A printer collects a generated file.
type printer struct{ bytes.Buffer }

func (h *printer) print(text string) { h.WriteString(text) }

func (h *printer) line(format string, a ...any) {
	if len(a) > 0 {
		format = fmt.Sprintf(format, a...)
	}
	h.WriteString(format + "\n")
}

func (h *printer) note(text string) { h.print(comment(text, "", width)) }

// heading separates the parts of the header.
func (h *printer) heading(title string) {
	h.line("")
	h.line("/* ---- " + title + " " + strings.Repeat("-", width-len(title)-len("/* ----  */")-1) + " */")
	h.line("")
}

// bytes returns the file without double or trailing empty lines.
func (h *printer) bytes() []byte {
	b := h.Bytes()
	for bytes.Contains(b, []byte("\n\n\n")) {
		b = bytes.ReplaceAll(b, []byte("\n\n\n"), []byte("\n\n"))
	}
	return b
}

func (h *printer) version() {
	h.note("The version of this header. Within one major version programs go on working with later " +
		"libraries without being compiled again.")
	h.line("#define SOCKET_VERSION_MAJOR %d", major)
	h.line("#define SOCKET_VERSION_MINOR %d", minor)
	h.line("#define SOCKET_VERSION_PATCH %d", patch)
	h.line("#define SOCKET_VERSION_HEX 0x%02x%02x%02x", major, minor, patch)
	h.line("#define SOCKET_VERSION_STRING \"%d.%d.%d\"", major, minor, patch)
}

func (h *printer) enum(e Enum) {
	h.note(e.Doc)
	h.line("enum {")
	for i, v := range e.Values {
		if v.Doc != "" {
			h.print(comment(v.Doc, "    ", width))
		}
		number := fmt.Sprint(v.Number)
		if v.Bit {
			number = fmt.Sprintf("0x%x", v.Number)
		}
		h.line("    %s = %s%s", v.Name, number, comma(i, len(e.Values)))
	}
	h.line("};")
	h.line("")
}

// comma separates the i-th of n.
func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

func (h *printer) categories(api *API) {
	e := api.Categories
	e.Doc = "What a program can do about an error: socket_error_category."
	h.enum(e)
}

func (h *printer) structure(s Struct) {
	h.note(s.Doc)
	h.line("typedef struct %s {", s.Name)
	for _, m := range s.Members {
		h.print(comment(m.Doc, "    ", width))
		h.line("    %s;", m.declaration())
	}
	h.line("} %s;", s.Name)
	h.line("")
}

func (m *Member) declaration() string {
	text := join(m.Type, m.Name)
	if m.Array > 0 {
		text += fmt.Sprintf("[%d]", m.Array)
	}
	return text
}

func (m *Member) pointer() bool { return strings.HasSuffix(m.Type, "*") }

// versioned says whether the struct begins with its size.
func (s *Struct) versioned() bool { return s.Members[0].Name == "struct_size" }

// initializer defines the _INIT macro of a struct that begins with its size.
func (h *printer) initializer(api *API, s Struct) {
	if s.versioned() {
		h.line("#define %s_INIT \\", strings.ToUpper(s.Name))
		h.line("    %s", strings.Join(fill(api.zeros(s), width-len("     \\")), " \\\n    "))
	}
}

// zeros returns the initializer of a struct with every member spelled, since C++11
// compilers warn about those that are left out.
func (api *API) zeros(s Struct) string {
	var values []string
	for i, m := range s.Members {
		switch {
		case i == 0 && s.versioned():
			values = append(values, "sizeof("+s.Name+")")
		case m.Struct != "":
			values = append(values, api.zeros(api.structNamed(m.Struct)))
		case m.pointer():
			values = append(values, "NULL")
		case m.Array > 0:
			values = append(values, "{ "+strings.TrimSuffix(strings.Repeat("0, ", int(m.Array)), ", ")+" }")
		default:
			values = append(values, "0")
		}
	}
	return "{ " + strings.Join(values, ", ") + " }"
}

func (api *API) structNamed(name string) Struct {
	for _, s := range api.Structs {
		if s.Name == name {
			return s
		}
	}
	panic("no struct " + name)
}

func (h *printer) callbacks() {
	h.note("A listener may call anything. event and what it points to are valid until it returns. " +
		"user_data is what was given to socket_on; the library never looks at it. It may be freed once " +
		"the listener cannot be called any more: in the completion of close, or after socket_off or " +
		"socket_release on the loop's thread. Do not leave a callback by longjmp, pthread_exit or a C++ " +
		"exception.")
	h.line("typedef void (*socket_listener)(const socket_event *event, void *user_data);")
	h.line("")
	h.note("A completion (see Completions above). error is 0 or a negative code. Pass NULL if no completion " +
		"is wanted.")
	h.line("typedef void (*socket_completion)(socket_handle socket, int error, void *user_data);")
	h.line("")
	h.note("A posted function or the function of a timer.")
	h.line("typedef void (*socket_function)(void *user_data);")
	h.line("")
	h.note("Pass this as the completion when the socket's loop is in record mode. The completion then " +
		"arrives as a SOCKET_EVENT_COMPLETION record with the operation's user_data. Any other value but " +
		"NULL has the same effect there; it is never called.")
	h.line("#define SOCKET_RECORD ((socket_completion)1)")
}
