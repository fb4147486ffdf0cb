package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_on(socket_handle socket, int event, socket_listener listener, void *user_data)
//
// socket_on adds a listener of an event (SOCKET_EVENT_CONNECT to _LISTENING), at any time.
// Listeners of one event are called in the order in which they were added. Adding the same
// listener and user_data again changes nothing. A listener added inside a callback is first called
// for the next event. If a listener closes the socket, the remaining listeners still receive the
// current event. The first message listener starts reading, the first connect listener of a server
// starts accepting.
// Errors:
//   - SOCKET_ERROR_PARAMETER: no such event, or no listener.
//   - SOCKET_ERROR_NOTSUP: the socket's loop is in record mode.
//
//export goSocketOn
func goSocketOn(handle int64, event int32, listener, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.On(abi.EventType(event), abi.Listener{Func: listener, UserData: userData})
	})
}

// C: int socket_off(socket_handle socket, int event, socket_listener listener, void *user_data)
//
// socket_off removes the listener that was added with this function and user_data, or, if listener
// is NULL, all listeners of the event. If it is called on the loop's thread, the listener is not
// called again. On another thread one call may still be running. Removing a listener that was not
// added succeeds.
// Errors:
//   - SOCKET_ERROR_PARAMETER: there is no such event.
//   - SOCKET_ERROR_BADF: the handle is not valid (harmless).
//
//export goSocketOff
func goSocketOff(handle int64, event int32, listener, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.Off(abi.EventType(event), abi.Listener{Func: listener, UserData: userData})
	})
}

// C: int socket_subscribe(socket_handle socket, uint32_t event_mask, void *user_data)
//
// socket_subscribe sets which events of a socket become records: the bits SOCKET_EVENT_MASK(type).
// The mask replaces the one before. Records carry user_data. SOCKET_EVENT_MESSAGE starts reading
// as a listener would.
// Errors:
//   - SOCKET_ERROR_PARAMETER: a bit that is no event.
//   - SOCKET_ERROR_NOTSUP: the socket's loop is not in record mode.
//
//export goSocketSubscribe
func goSocketSubscribe(handle int64, mask uint32, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.Subscribe(mask, userData)
	})
}
