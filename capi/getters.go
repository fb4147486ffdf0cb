package main

import "C"

import (
	"unsafe"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/socket"
)

// C: int socket_get_state(socket_handle socket, socket_state_info *state)
//
// socket_get_state writes whether the socket is bound, connected and closed. All are 0 before it
// is opened.
// Errors:
//   - SOCKET_ERROR_PARAMETER: state is NULL, or its struct_size is unknown.
//
//export goSocketGetState
func goSocketGetState(handle int64, state uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		bound, connected, closed := s.State()
		code := writeStruct(state, &abi.StateInfo{IsBound: truth(bound), IsConnected: truth(connected), IsClose: truth(closed)})
		if code == errcode.Parameter {
			s.Refuse("get_state", "state is NULL or not aligned, or begin with SOCKET_STATE_INFO_INIT")
		}
		return code
	})
}

// C: int socket_get_local_address(socket_handle socket, char *text, size_t capacity, int *port, int *family)
//
// socket_get_local_address writes the numeric local address, NUL-terminated and cut to capacity,
// the port and the family (SOCKET_FAMILY_IPV4 or _IPV6). Any pointer may be NULL. 64 bytes are
// enough. Returns the length of the whole text without the NUL.
// Errors:
//   - SOCKET_ERROR_BADF: the socket is not open.
//
//export goSocketGetLocalAddress
func goSocketGetLocalAddress(handle int64, text, capacity, port, family uintptr) (result int32) {
	defer guard(&result)
	return getAddress(handle, (*socket.Socket).LocalAddr, text, capacity, port, family)
}

// C: int socket_get_remote_address(socket_handle socket, char *text, size_t capacity, int *port, int *family)
//
// socket_get_remote_address writes the peer's address, as socket_get_local_address.
// Errors:
//   - SOCKET_ERROR_BADF: the socket is not open.
//   - SOCKET_ERROR_NOTCONN: it is not connected.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketGetRemoteAddress
func goSocketGetRemoteAddress(handle int64, text, capacity, port, family uintptr) (result int32) {
	defer guard(&result)
	return getAddress(handle, (*socket.Socket).RemoteAddr, text, capacity, port, family)
}

// C: int socket_get_fd(socket_handle socket)
//
// socket_get_fd returns the descriptor, to look at (getsockopt), not to close, read or write. It is
// valid until the close event. Connecting by name may change it.
// Errors:
//   - SOCKET_ERROR_BADF: the socket is not open.
//
//export goSocketGetFD
func goSocketGetFD(handle int64) (result int32) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		fd, code := s.FD()
		return int32(fd), code
	})
}

// C: int64_t socket_get_send_queue_length(socket_handle socket)
//
// socket_get_send_queue_length returns how many bytes of sends the kernel has not taken yet. It
// returns 0 if the socket is not open.
//
//export goSocketGetSendQueueLength
func goSocketGetSendQueueLength(handle int64) (result int64) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int64, errcode.Code) {
		return s.QueueLength(), errcode.OK
	})
}

// C: int socket_get_kind(socket_handle socket)
//
// socket_get_kind returns the kind of the socket (SOCKET_KIND_*).
//
//export goSocketGetKind
func goSocketGetKind(handle int64) (result int32) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		return int32(s.Kind()), errcode.OK
	})
}

// C: socket_loop socket_get_loop(socket_handle socket)
//
// socket_get_loop returns the loop of the socket, which may be a default loop: to post functions
// to its thread, or to set timers there. Only host-driven loops can be run, polled and closed.
//
//export goSocketGetLoop
func goSocketGetLoop(handle int64) (result int64) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int64, errcode.Code) {
		return s.Loop().Handle(), errcode.OK
	})
}

// C: int64_t socket_get_client_id(socket_handle socket)
//
// socket_get_client_id returns the number of a server's connection. The server's first client has
// number 1; no number is used again.
// Errors:
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketGetClientID
func goSocketGetClientID(handle int64) (result int64) {
	defer guard(&result)
	return answer(handle, (*socket.Socket).ClientID)
}

// C: int socket_get_error_detail(socket_handle socket, char *text, size_t capacity)
//
// socket_get_error_detail writes the text of the socket's last failure, which says more than its
// code: "connect 127.0.0.1:9: Connection refused". The text is NUL-terminated and cut to capacity,
// and "" if nothing has failed. Calls that cannot work as made (SOCKET_CATEGORY_USAGE) do not
// change it, unless an address or an option is wrong, or the socket is open already. Returns the
// length of the whole text.
//
//export goSocketGetErrorDetail
func goSocketGetErrorDetail(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		return writeText(s.ErrorDetail(), text, capacity), errcode.OK
	})
}

func getAddress(handle int64, get func(*socket.Socket) (netaddr.Sockaddr, errcode.Code), text, capacity, port, family uintptr) int32 {
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		sa, code := get(s)
		if code != errcode.OK {
			return 0, code
		}
		if port != 0 {
			*(*int32)(pointer(port)) = int32(sa.Port())
		}
		if family != 0 {
			*(*int32)(pointer(family)) = int32(sa.AddressFamily())
		}
		var b [64]byte
		t := sa.AppendText(b[:0])
		return writeText(unsafe.String(unsafe.SliceData(t), len(t)), text, capacity), errcode.OK
	})
}
