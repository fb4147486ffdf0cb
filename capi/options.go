package main

import "C"

import (
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_set_extra_options(socket_handle socket, const socket_extra_options *options)
//
// socket_set_extra_options sets the options that fields names on an open socket: call
// it after socket_bind, socket_listen or socket_connect. On a server they are for its
// connections, present and future, and for itself. They are set in the order of the struct
// until one fails. Errors: 401 options or a boolean that is neither 0 nor 1, 2301009
// not open (a server: 2303109), 2301033 socket_timeout_ms negative, 2301000 + errno
// (a server: 2303100 + errno).
//
//export goSocketSetExtraOptions
func goSocketSetExtraOptions(handle int64, options uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	var o ExtraOptions
	if code := readStruct(options, &o); code != errcode.OK {
		return fail(code)
	}
	extra, code := o.extra()
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.SetExtraOptions(extra))
}

// C: int socket_set_option(socket_handle socket, int option, int64_t value)
//
// socket_set_option sets an option of the library (SOCKET_OPTION_*), whether the socket
// is open or not; those marked "before bind" count from the next bind on. A server
// hands its options on to the clients it accepts later. Errors: 401 option or value.
//
//export goSocketSetOption
func goSocketSetOption(handle int64, option int32, value int64) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(s.SetOption(socket.Option(option), value))
}

// C: int64_t socket_get_option(socket_handle socket, int option)
//
// socket_get_option returns the value of an option of the library. Errors: 401 option.
//
//export goSocketGetOption
func goSocketGetOption(handle int64, option int32) (result int64) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return -int64(errcode.BadFD)
	}
	value, code := s.Option(socket.Option(option))
	if code != errcode.OK {
		return -int64(code)
	}
	return value
}
