package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_set_extra_options(socket_handle socket, const socket_extra_options *options)
//
// socket_set_extra_options sets the members that fields names, on an open socket: call it after
// socket_bind, socket_listen or socket_connect. A server sets them for itself and for its
// connections, present and future. During a connect they are for its connection. They are set in
// the order of the struct until one fails.
// Errors:
//   - SOCKET_ERROR_PARAMETER: an option is out of range.
//   - SOCKET_ERROR_BADF: the socket is not open (a server: SOCKET_ERROR_SERVER_BADF).
//   - SOCKET_ERROR_DOM: socket_timeout_ms is negative.
//   - The errno of setsockopt (a server: as SOCKET_ERROR_SERVER_).
//
//export goSocketSetExtraOptions
func goSocketSetExtraOptions(handle int64, options uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		var o abi.ExtraOptions
		if code := readOptions(s, "set_extra_options", "SOCKET_EXTRA_OPTIONS_INIT", options, &o); code != errcode.OK {
			return code
		}
		extra, why, code := readExtra(&o)
		if code != errcode.OK {
			s.Refuse("set_extra_options", why)
			return code
		}
		return s.SetExtraOptions(extra)
	})
}

// C: int socket_set_option(socket_handle socket, int option, int64_t value)
//
// socket_set_option sets an option of the library (SOCKET_OPTION_*), whether the socket is open or
// not. Options marked "before bind" take effect at the next bind. A server passes its options to
// the clients that it accepts later.
// Errors:
//   - SOCKET_ERROR_PARAMETER: no such option, or the value is out of range.
//
//export goSocketSetOption
func goSocketSetOption(handle int64, option int32, value int64) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.SetOption(abi.Option(option), value)
	})
}

// C: int64_t socket_get_option(socket_handle socket, int option)
//
// socket_get_option returns the value of an option of the library.
// Errors:
//   - SOCKET_ERROR_PARAMETER: there is no such option.
//
//export goSocketGetOption
func goSocketGetOption(handle int64, option int32) (result int64) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int64, errcode.Code) {
		return s.Option(abi.Option(option))
	})
}
