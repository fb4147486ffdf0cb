package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_bind(socket_handle socket, const socket_address *address)
//
// socket_bind opens a TCP client or UDP socket and gives it a local address: a numeric one (IPv6
// link-local with its zone: "fe80::1%eth0") or "localhost" (127.0.0.1; with SOCKET_FAMILY_IPV6
// ::1). Port 0 takes a free port: see socket_get_local_address. A UDP socket then has its
// listening event, and can send and receive datagrams.
// Errors:
//   - SOCKET_ERROR_PARAMETER: the address, port or family is not valid.
//   - SOCKET_ERROR_ADDRINUSE: the address is in use, or at port 0 no port is free.
//   - SOCKET_ERROR_ADDRNOTAVAIL: it is not an address of this machine.
//   - SOCKET_ERROR_ACCES: the port is privileged.
//   - SOCKET_ERROR_NODEV: there is no interface of that zone.
//   - SOCKET_ERROR_INVAL: the socket is open already, or the kernel says so of the address (a
//     link-local one without a zone).
//   - SOCKET_ERROR_ALREADY: the socket is closing.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketBind
func goSocketBind(handle int64, address uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		sa, code := localAddress(s, address)
		if code != errcode.OK {
			return code
		}
		return s.Bind(sa)
	})
}

// C: int socket_listen(socket_handle socket, const socket_listen_options *options)
//
// socket_listen opens a server: it binds with SO_REUSEADDR and listens. The listening event
// follows, then one connect event for each client. Its connection is a handle of its own. Without
// a connect listener clients wait in the backlog. A TLS server's connect event comes when the
// client's handshake is done. If a handshake fails, the server has an error event and goes on.
// Errors:
//   - SOCKET_ERROR_PARAMETER: an option is out of range.
//   - SOCKET_ERROR_SERVER_ADDRINUSE: the address is in use, or at port 0 no port is free.
//   - SOCKET_ERROR_SERVER_ADDRNOTAVAIL: it is not an address of this machine.
//   - SOCKET_ERROR_SERVER_ACCES: the port is privileged.
//   - SOCKET_ERROR_SERVER_INVAL: it is listening already.
//   - SOCKET_ERROR_SERVER_ALREADY: the socket is closing.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//   - TLS: those of socket_tls_set_secure_options, and SOCKET_ERROR_TLS_SYSTEM_CALL: no
//     certificate was given.
//
//export goSocketListen
func goSocketListen(handle int64, options uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		var o abi.ListenOptions
		if code := readOptions(s, "listen", "SOCKET_LISTEN_OPTIONS_INIT", options, &o); code != errcode.OK {
			return code
		}
		sa, code := s.LocalAddress(cString(o.Address.Address), o.Address.Port, abi.Family(o.Address.Family))
		if code != errcode.OK {
			return code
		}
		secure, code := readSecure(s, o.TLS, "listen")
		if code != errcode.OK {
			return code
		}
		return s.ListenSecure(sa, o.Backlog, secure)
	})
}

// C: int socket_connect(socket_handle socket, const socket_connect_options *options, socket_completion completion, void *user_data)
//
// socket_connect connects a TCP client, or gives a UDP socket its one peer. All addresses of a name
// are tried within the time limit. The name is looked up in both families at once; after 50 ms the
// addresses of one family are tried without those of the other. The families take turns. Each
// address is tried 250 ms after the one before, or as soon as that has failed. A socket that was
// bound tries one after the other, each for its share of the time. If a TLS handshake fails for
// another reason than certificates, the next address is tried. "localhost" is 127.0.0.1 (with
// SOCKET_FAMILY_IPV6 ::1), then ::1 for a TCP client.
//
// On success the connect event comes, then the completion (error 0). On failure only the completion
// comes. The socket is then as before and can connect again; if it was bound it is still open, and
// socket_run waits for it. Sends made meanwhile are queued. TLS: the handshake is a part of it.
//
// Errors of the completion (TLS: SOCKET_ERROR_SERVER_ instead of SOCKET_ERROR_):
//   - SOCKET_ERROR_CONNREFUSED: the peer refused.
//   - SOCKET_ERROR_TIMEDOUT: the time limit has passed.
//   - SOCKET_ERROR_NETUNREACH, SOCKET_ERROR_HOSTUNREACH: there is no way to the peer.
//   - SOCKET_ERROR_ADDRNOTAVAIL: no local port or address is left to connect from.
//   - SOCKET_ERROR_AFNOSUPPORT: the socket is bound to an address of another family.
//   - SOCKET_ERROR_INVAL: the address needs a zone, as in fe80::1%eth0.
//   - SOCKET_ERROR_RESOLVE: the name was not found (TLS: the same code).
//   - SOCKET_ERROR_CANCELED: socket_close or socket_abort was called.
//   - SOCKET_ERROR_TLS_CERTIFICATE: a certificate was refused, by this side or by the peer.
//   - SOCKET_ERROR_TLS_SYSTEM_CALL: the handshake failed for another reason, which
//     socket_get_error_detail has.
//
// Errors:
//   - SOCKET_ERROR_PARAMETER: an option is out of range.
//   - SOCKET_ERROR_NODEV: there is no interface of the address's zone.
//   - SOCKET_ERROR_ISCONN: it is connected.
//   - SOCKET_ERROR_ALREADY: it is connecting or closing.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//   - TLS: those of socket_tls_set_secure_options.
//
//export goSocketConnect
func goSocketConnect(handle int64, options, completion, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		var o abi.ConnectOptions
		if code := readOptions(s, "connect", "SOCKET_CONNECT_OPTIONS_INIT", options, &o); code != errcode.OK {
			return code
		}
		target, code := s.RemoteTarget(cString(o.Address.Address), o.Address.Port, abi.Family(o.Address.Family))
		if code != errcode.OK {
			return code
		}
		secure, code := readSecure(s, o.TLS, "connect")
		if code != errcode.OK {
			return code
		}
		return s.ConnectSecure(target, o.TimeoutMs, secure, abi.Completion{Func: completion, UserData: userData})
	})
}

// C: int socket_send(socket_handle socket, const void *data, size_t size, socket_completion completion, void *user_data)
//
// socket_send sends bytes, or one datagram on a connected UDP socket. It copies what the kernel
// does not take at once, so data is the caller's again when it returns. The completion runs when
// the kernel has taken all bytes, or when the connection has failed. If size is 0, TCP sends
// nothing and UDP sends an empty datagram.
// Errors:
//   - SOCKET_ERROR_PARAMETER: data is NULL with a size.
//   - SOCKET_ERROR_AGAIN: the queue is full (wait for drain).
//   - SOCKET_ERROR_BADF: the socket is not open.
//   - SOCKET_ERROR_NOTCONN: it is not connected.
//   - SOCKET_ERROR_DESTADDRREQ: a UDP socket is not connected.
//   - SOCKET_ERROR_SHUTDOWN: socket_end or socket_close was called.
//   - The error that has ended the connection.
//   - Connections of a server have SOCKET_ERROR_SERVER_SHUTDOWN and so on instead.
//
//export goSocketSend
func goSocketSend(thread uintptr, handle int64, data, size, completion, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.Send(abi.Thread(thread), data, size, abi.Completion{Func: completion, UserData: userData})
	})
}

// C: int socket_sendv(socket_handle socket, const socket_buffer *buffers, int count, socket_completion completion, void *user_data)
//
// socket_sendv sends the bytes of several buffers (0 to 1024) as one send. A connected UDP socket
// sends them as one datagram.
// Errors:
//   - Those of socket_send.
//   - SOCKET_ERROR_PARAMETER: count is out of range, or the sizes add up to more than 2 GiB.
//
//export goSocketSendv
func goSocketSendv(thread uintptr, handle int64, buffers uintptr, count int32, completion, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		if count < 0 || count > maxBuffers || buffers == 0 && count > 0 || buffers%8 != 0 {
			return s.Refuse("sendv", "buffers is NULL or not aligned, or count is not from 0 to 1024")
		}
		return s.SendVector(abi.Thread(thread), bufferSlice(buffers, count), abi.Completion{Func: completion, UserData: userData})
	})
}

// C: int socket_send_to(socket_handle socket, const socket_address *address, const void *data, size_t size, socket_completion completion, void *user_data)
//
// socket_send_to sends one datagram from a bound UDP socket to a numeric address or "localhost"
// (look names up with socket_connect).
// Errors:
//   - SOCKET_ERROR_PARAMETER: the address is not valid, or data is NULL with a size.
//   - SOCKET_ERROR_BADF: the socket is not bound.
//   - SOCKET_ERROR_INVAL: the port is 0.
//   - SOCKET_ERROR_AGAIN: the queue is full.
//   - SOCKET_ERROR_SHUTDOWN: the socket is closing.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
// Errors of the completion:
//   - SOCKET_ERROR_MSGSIZE: the datagram is too long.
//   - SOCKET_ERROR_ACCES: it is a broadcast, without the option.
//   - SOCKET_ERROR_NETUNREACH, SOCKET_ERROR_HOSTUNREACH: there is no way to the address.
//   - SOCKET_ERROR_INVAL: the address needs a zone, as in fe80::1%eth0.
//
//export goSocketSendTo
func goSocketSendTo(thread uintptr, handle int64, address, data, size, completion, userData uintptr) (result int32) {
	defer guard(&result)
	s := socket.Lookup(handle) // not through with: a program calls this for each datagram
	if s == nil {
		return fail(errcode.BadFD)
	}
	sa, code := receiver(s, abi.Thread(thread), address)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(s.SendTo(abi.Thread(thread), sa, data, size, abi.Completion{Func: completion, UserData: userData}))
}

// C: int socket_flush(socket_handle socket)
//
// socket_flush writes at once what sends on the loop's thread have gathered.
// Errors:
//   - SOCKET_ERROR_BADF: the socket is not open.
//   - SOCKET_ERROR_NOTCONN: it is not connected.
//
//export goSocketFlush
func goSocketFlush(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Flush)
}

// C: int socket_end(socket_handle socket, socket_completion completion, void *user_data)
//
// socket_end ends the sending half of the connection; receiving goes on. The library sends what
// is queued, then a FIN, then the completion runs. When the peer ends too, the socket closes.
// Errors:
//   - SOCKET_ERROR_BADF: the socket is not open.
//   - SOCKET_ERROR_NOTCONN: it is not connected.
//   - SOCKET_ERROR_SHUTDOWN: socket_end was called before.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketEnd
func goSocketEnd(handle int64, completion, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.End(abi.Completion{Func: completion, UserData: userData})
	})
}

// C: int socket_close(socket_handle socket, socket_completion completion, void *user_data)
//
// socket_close sends what is queued, then closes the socket; the handle stays. A FIN follows the
// last byte. The library reads and discards input until the peer ends too, but not longer than the
// close timeout. Then it closes the descriptor, and the close event and the completion come. From
// the close event on, inside it too, the handle can be opened again. A connect with nothing queued
// behind it is cancelled (SOCKET_ERROR_CANCELED). The completion has the error that kept queued
// bytes from being sent, or 0. A server's connections stay open.
// Errors:
//   - SOCKET_ERROR_OTHER: the socket is not open.
//
//export goSocketClose
func goSocketClose(handle int64, completion, userData uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.Close(abi.Completion{Func: completion, UserData: userData})
	})
}

// C: int socket_abort(socket_handle socket)
//
// socket_abort closes the socket at once and drops what is queued. TCP resets the connection,
// pending operations complete with SOCKET_ERROR_CANCELED, then the close event comes.
// Errors:
//   - SOCKET_ERROR_OTHER: the socket is not open.
//
//export goSocketAbort
func goSocketAbort(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Abort)
}

// C: int socket_pause(socket_handle socket)
//
// socket_pause stops reading (a server: accepting) until socket_resume. Data that arrives waits in
// the kernel. If nothing is unread, the peer's end is still reported, and the library then closes
// the socket unless SOCKET_OPTION_ALLOW_HALF_OPEN is set. A pause outlasts a close. If it is
// called on the loop's thread, no message comes after it.
//
//export goSocketPause
func goSocketPause(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Pause)
}

// C: int socket_resume(socket_handle socket)
//
// socket_resume starts reading again after socket_pause (a server: accepting).
//
//export goSocketResume
func goSocketResume(handle int64) (result int32) {
	defer guard(&result)
	return with(handle, (*socket.Socket).Resume)
}

// C: int socket_adopt(socket_handle socket, int fd)
//
// socket_adopt opens a socket with an existing descriptor: a connected one for a TCP client, a
// listening one for a server (systemd socket activation), a bound or connected one for UDP. If it
// succeeds, the descriptor belongs to the library, which makes it non-blocking and close-on-exec,
// and the connect or listening event follows. If it fails, the descriptor stays the caller's.
//
// TLS: a client with a connected descriptor is bound. socket_connect then makes the handshake
// only, and verifies the name in its address. A server must have been given its secure options
// before.
// Errors:
//   - SOCKET_ERROR_NOTSOCK: fd is not a socket (servers: SOCKET_ERROR_SERVER_NOTSOCK).
//   - SOCKET_ERROR_PROTOTYPE: it is of another kind or state (servers:
//     SOCKET_ERROR_SERVER_PROTOTYPE).
//   - SOCKET_ERROR_INVAL: the socket is open already.
//   - SOCKET_ERROR_ALREADY: the socket is closing.
//
//export goSocketAdopt
func goSocketAdopt(handle int64, fd int32) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		return s.Adopt(int(fd))
	})
}
