package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: socket_handle socket_construct_tcp(void)
//
// socket_construct_tcp makes a TCP client on a default loop. The loop's thread starts with the
// first socket. The socket has no descriptor until it is bound or connected. Returns its handle;
// give it to socket_release in the end.
//
//export goSocketConstructTCP
func goSocketConstructTCP() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindTCP)
}

// C: socket_handle socket_construct_tcp_server(void)
//
// socket_construct_tcp_server makes a TCP server on a default loop.
//
//export goSocketConstructTCPServer
func goSocketConstructTCPServer() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindTCPServer)
}

// C: socket_handle socket_construct_udp(void)
//
// socket_construct_udp makes a UDP socket on a default loop.
//
//export goSocketConstructUDP
func goSocketConstructUDP() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindUDP)
}

// C: socket_handle socket_construct_multicast(void)
//
// socket_construct_multicast makes a UDP socket for multicast groups on a default loop. It has all
// that a UDP socket has. socket_join_group opens it: no bind is needed. Several of them, in several
// processes, may have one port, and each receives what is sent to the groups that it has joined.
//
//export goSocketConstructMulticast
func goSocketConstructMulticast() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindMulticast)
}

// C: socket_handle socket_construct_tls(void)
//
// socket_construct_tls makes a TLS client on a default loop.
//
//export goSocketConstructTLS
func goSocketConstructTLS() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindTLS)
}

// C: socket_handle socket_construct_tls_server(void)
//
// socket_construct_tls_server makes a TLS server on a default loop.
//
//export goSocketConstructTLSServer
func goSocketConstructTLSServer() (result int64) {
	defer guard(&result)
	return construct(0, abi.KindTLSServer)
}

// C: socket_handle socket_construct_tls_over(socket_handle tcp)
//
// socket_construct_tls_over makes a TLS client of a connected TCP client (STARTTLS), on its loop.
// The new socket takes over the connection and the bytes that are unread on it, and is bound.
// socket_connect then makes the handshake only, and verifies the name in its address. The TCP
// socket is not open any more and has no close event. Its listeners are removed (a message
// callback may still be running on the loop's thread). It can be opened again; release it as any
// other. If the handshake fails, the connection ends: after the completion of socket_connect come
// error and close.
// Errors:
//   - SOCKET_ERROR_PARAMETER: it is not a TCP client.
//   - SOCKET_ERROR_TLS_BADFD: it is not open or not valid.
//   - SOCKET_ERROR_TLS_NOT_CONNECTED: it is not connected, or its peer has ended.
//   - SOCKET_ERROR_AGAIN: it has something queued (wait for the completion of its last send).
//
//export goSocketConstructTLSOver
func goSocketConstructTLSOver(tcp int64) (result int64) {
	defer guard(&result)
	under := socket.Lookup(tcp)
	if under == nil {
		return -int64(errcode.TLSBadFD)
	}
	s, code := socket.ConstructOver(under)
	if code != errcode.OK {
		return -int64(code)
	}
	return s.Handle()
}

// C: socket_handle socket_construct(socket_loop loop, int kind)
//
// socket_construct makes a socket of a kind (SOCKET_KIND_*) on a loop; loop 0 is a default loop.
// A program can make kinds TCP, TCP_SERVER, UDP, MULTICAST, TLS and TLS_SERVER.
// Errors:
//   - SOCKET_ERROR_PARAMETER: kind is none of these.
//   - SOCKET_ERROR_BADF: the loop is not valid.
//   - SOCKET_ERROR_MFILE: no handle (of about a million) or descriptor is left.
//
//export goSocketConstruct
func goSocketConstruct(loop int64, kind int32) (result int64) {
	defer guard(&result)
	if kind != int32(abi.Kind(kind)) {
		return -int64(errcode.Parameter)
	}
	return construct(loop, abi.Kind(kind))
}

// C: int socket_release(socket_handle socket)
//
// socket_release gives the handle back; a socket that is open is closed as by socket_close, which
// sends what is queued. The handle is invalid when this returns. Its listeners are not called any
// more, not even for the close event; a call on another thread may still be running. Completions
// that were promised still come.
//
//export goSocketRelease
func goSocketRelease(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Release)
}
