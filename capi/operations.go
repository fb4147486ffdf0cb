package main

import "C"

import (
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/socket"
)

// C: int socket_bind(socket_handle socket, const socket_address *address)
//
// socket_bind opens a TCP client or UDP socket and gives it a local address: a
// numeric one (IPv6 link-local with its zone: "fe80::1%eth0") or "localhost" (127.0.0.1;
// with SOCKET_FAMILY_IPV6 ::1). Port 0 takes a free one: see socket_get_local_address. On UDP the listening event
// follows and datagrams can be sent and received. Errors: 401 address, port or
// family, 2301098 in use, 2301099 not an address of this machine, 2301013
// privileged port, 2301022 already open, 2301114 closing, 2301095 kind.
//
//export goSocketBind
func goSocketBind(handle int64, address uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	sa, code := localAddress(s, address)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.Bind(sa))
}

// C: int socket_listen(socket_handle socket, const socket_listen_options *options)
//
// socket_listen opens a server: it is bound with SO_REUSEADDR and listens. The
// listening event follows, then a connect event for each client, whose connection
// is a handle of its own; without a connect listener clients wait in the backlog.
// Errors: 401 options, 2303198 in use, 2303199 not an address of this machine,
// 2303113 privileged port, 2303122 already listening, 2303214 closing, 2301095 kind; TLS:
// those of socket_tls_set_secure_options, 2303505 no certificate was given. A TLS
// server's connect event comes when the client's handshake is done; one that fails is
// an error event of the server, which goes on.
//
//export goSocketListen
func goSocketListen(handle int64, options uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	var o ListenOptions
	if code := readStruct(options, &o); code != errcode.OK {
		return fail(code)
	}
	sa, code := s.LocalAddress(cString(o.Address.Address), o.Address.Port, netaddr.Family(o.Address.Family))
	if code != errcode.OK {
		return fail(code)
	}
	secure, code := readSecure(s, o.TLS, "listen")
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.ListenSecure(sa, o.Backlog, secure))
}

// C: int socket_connect(socket_handle socket, const socket_connect_options *options, socket_completion completion, void *user_data)
//
// socket_connect connects a TCP client, or gives a UDP socket its one peer. A name
// is looked up, both families at once; 50 ms after the first question what one of them
// has is tried without the other. All addresses are tried, the families in turn, each 250 ms
// after the one before or as soon as that has failed, all within the time limit; a socket
// that was bound tries one after the other, each for its share of the time. With TLS a
// handshake that fails, but for certificates, has the next address tried. "localhost" is
// 127.0.0.1 (with SOCKET_FAMILY_IPV6 ::1), then ::1 for a TCP client. On success the connect event, then the completion (error 0). On failure the
// completion only, with the reason: 2301111 refused, 2301110 out of time, 2301101 or
// 2301113 unreachable, 2300004 name not found, 2301125 cancelled by close or abort;
// the socket is as before (if it was bound it is still open, and socket_run waits for
// it) and can connect again. Sends made meanwhile are queued. TLS: the handshake is
// part of it, the codes above are 2303100 + errno, and there are 2303504 a certificate
// was refused, by this side or the peer, and 2303505 every other failure of the handshake;
// socket_get_error_detail has the reason.
// Errors: 401 options, 2301106 connected, 2301114 connecting or closing, 2301095 kind;
// TLS: those of socket_tls_set_secure_options.
//
//export goSocketConnect
func goSocketConnect(handle int64, options, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	var o ConnectOptions
	if code := readStruct(options, &o); code != errcode.OK {
		return fail(code)
	}
	target, code := s.RemoteTarget(cString(o.Address.Address), o.Address.Port, netaddr.Family(o.Address.Family))
	if code != errcode.OK {
		return fail(code)
	}
	secure, code := readSecure(s, o.TLS, "connect")
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.ConnectSecure(target, o.TimeoutMs, secure, socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_send(socket_handle socket, const void *data, size_t size, socket_completion completion, void *user_data)
//
// socket_send sends bytes, copying what the kernel does not take at once; data is the
// caller's again when it returns. The completion runs when the kernel has taken all
// of them, or the connection has failed. A connected UDP socket sends one datagram.
// TCP: size 0 succeeds and sends nothing. UDP: it is an empty datagram. Errors:
// 401 data NULL with a size, 2301011 the queue is full (wait for drain), 2301009 not
// open, 2301107 not connected, 2301089 UDP not connected, 2301108 after end or close,
// or the error that has ended the connection; on connections of a server 2303100 +
// errno (2303208 after end or close).
//
//export goSocketSend
func goSocketSend(thread uintptr, handle int64, data, size, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(s.Send(socket.Thread(thread), data, size, socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_sendv(socket_handle socket, const socket_buffer *buffers, int count, socket_completion completion, void *user_data)
//
// socket_sendv sends the bytes of several buffers (0 to 1024) as one send. A
// connected UDP socket sends them as one datagram. Errors: as socket_send, and 401
// count, or sizes that add up to more than 2 GiB.
//
//export goSocketSendv
func goSocketSendv(thread uintptr, handle int64, buffers uintptr, count int32, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	if count < 0 || count > maxBuffers || buffers == 0 && count > 0 || buffers%8 != 0 {
		return fail(errcode.Parameter)
	}
	return fail(s.SendVector(socket.Thread(thread), bufferSlice(buffers, count), socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_send_to(socket_handle socket, const socket_address *address, const void *data, size_t size, socket_completion completion, void *user_data)
//
// socket_send_to sends one datagram from a bound UDP socket to a numeric address or
// "localhost" (look names up with socket_connect). Errors: 401 address or data,
// 2301009 not bound, 2301022 port 0, 2301011 the queue is full, 2301108 closing,
// 2301095 kind. Its completion has the datagram's own errors: 2301090 too long,
// 2301013 broadcast without the option, 2301101 unreachable.
//
//export goSocketSendTo
func goSocketSendTo(thread uintptr, handle int64, address, data, size, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	sa, code := receiver(s, socket.Thread(thread), address)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.SendTo(socket.Thread(thread), sa, data, size, socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_flush(socket_handle socket)
//
// socket_flush writes at once what sends on the loop's thread have gathered. Errors:
// 2301009 not open, 2301107 not connected.
//
//export goSocketFlush
func goSocketFlush(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Flush)
}

// C: int socket_end(socket_handle socket, socket_completion completion, void *user_data)
//
// socket_end says that no more will be sent: the queue is sent, then a FIN, then the
// completion runs. Receiving goes on; when the peer ends too, the socket closes.
// Errors: 2301009 not open, 2301107 not connected, 2301108 ended before, 2301095 kind.
//
//export goSocketEnd
func goSocketEnd(handle int64, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(s.End(socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_close(socket_handle socket, socket_completion completion, void *user_data)
//
// socket_close ends the open period: what is queued is sent, then a FIN; input is read
// and discarded until the peer ends too, at most for the close timeout; then the
// descriptor is closed, the close event and the completion come, and the handle can
// be used anew. A connect with nothing queued behind it is cancelled (2301125). The
// completion's error is 0, or the one that kept queued bytes from being sent. A
// server's connections stay open. Errors: 2300999 not open.
//
//export goSocketClose
func goSocketClose(handle int64, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(s.Close(socket.Completion{Func: completion, UserData: userData}))
}

// C: int socket_abort(socket_handle socket)
//
// socket_abort ends the open period without sending what is queued: TCP resets the
// connection, pending operations complete with 2301125, then the close event comes.
// Errors: 2300999 not open.
//
//export goSocketAbort
func goSocketAbort(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Abort)
}

// C: int socket_pause(socket_handle socket)
//
// socket_pause stops reading (on a server: accepting) until socket_resume; what
// arrives waits in the kernel. The peer's end is still reported when nothing is unread,
// and then the library closes unless SOCKET_OPTION_ALLOW_HALF_OPEN is set. It stays in force over close. Called on the loop's
// thread, no message comes after it.
//
//export goSocketPause
func goSocketPause(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Pause)
}

// C: int socket_resume(socket_handle socket)
//
// socket_resume ends socket_pause.
//
//export goSocketResume
func goSocketResume(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Resume)
}

// C: int socket_adopt(socket_handle socket, int fd)
//
// socket_adopt opens a socket with an existing descriptor: a connected one for a TCP
// client, a listening one for a server (systemd socket activation), a bound or
// connected one for UDP. On success it belongs to the library, is made non-blocking
// and close-on-exec, and the connect or listening event follows; otherwise it stays the
// caller's. TLS: a client with a connected one is bound, and socket_connect makes the
// handshake only, taking its address for the name to verify; a server has to have been
// given its secure options. Errors: 2301088 (servers 2303188) not a socket, 2301091 (2303191) of
// another kind or state, 2301022 already open, 2301114 closing.
//
//export goSocketAdopt
func goSocketAdopt(handle int64, fd int32) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(s.Adopt(int(fd)))
}
