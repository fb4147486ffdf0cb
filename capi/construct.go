package main

import "C"

import "ohsocket/core/socket"

// C: socket_handle socket_construct_tcp(void)
//
// socket_construct_tcp makes a TCP client on a default loop, whose thread starts
// with the first socket. It has no descriptor until it is bound or connected.
// Returns its handle, to be given to socket_release in the end.
//
//export goSocketConstructTCP
func goSocketConstructTCP() (result int64) {
	defer guard(&result)
	return construct(0, socket.KindTCP)
}

// C: socket_handle socket_construct_tcp_server(void)
//
// socket_construct_tcp_server makes a TCP server on a default loop.
//
//export goSocketConstructTCPServer
func goSocketConstructTCPServer() (result int64) {
	defer guard(&result)
	return construct(0, socket.KindTCPServer)
}

// C: socket_handle socket_construct_udp(void)
//
// socket_construct_udp makes a UDP socket on a default loop.
//
//export goSocketConstructUDP
func goSocketConstructUDP() (result int64) {
	defer guard(&result)
	return construct(0, socket.KindUDP)
}

// C: socket_handle socket_construct(socket_loop loop, int kind)
//
// socket_construct makes a socket of a kind (SOCKET_KIND_TCP, _TCP_SERVER or _UDP)
// on a loop; loop 0 is a default loop. Errors: 401 kind, 2301009 loop, 2301024 no
// handles (about a million) or descriptors are left.
//
//export goSocketConstruct
func goSocketConstruct(loop int64, kind int32) (result int64) {
	defer guard(&result)
	return construct(loop, socket.Kind(kind))
}

// C: int socket_release(socket_handle socket)
//
// socket_release gives the handle back: it is invalid when this returns. An open
// socket is closed as by socket_close, sending what is queued. Its listeners are
// not called any more (a call on another thread may still be running), the close
// event included; promised completions still come.
//
//export goSocketRelease
func goSocketRelease(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Release)
}
