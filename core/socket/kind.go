package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// code turns an errno into the code of this kind of socket.
func (s *Socket) code(e unix.Errno) errcode.Code {
	if e == unix.EBADF && s.kind.IsTLS() {
		return errcode.TLSNotBound
	}
	if s.kind == abi.KindTCPServer || s.kind.IsTLS() {
		return errcode.FromErrno(errcode.Server, e)
	}
	return errcode.FromErrno(errcode.Client, e)
}

// getterCode is for getters, whose codes are those of clients on TCP servers too.
func (s *Socket) getterCode(e unix.Errno) errcode.Code {
	if s.kind.IsTLS() {
		return s.code(e)
	}
	return errcode.FromErrno(errcode.Client, e)
}

// sendCode moves a code of sending, or of an event, into the range of servers, their
// connections and TLS.
func (s *Socket) sendCode(c errcode.Code) errcode.Code {
	switch {
	case c == errcode.BadFD:
		return c // the handle is not valid any more
	case s.kind.IsTLS() && c == errcode.NotConnected:
		return errcode.TLSSession
	case s.kind == abi.KindTCP || s.kind == abi.KindUDP:
		return c
	}
	return c.Rebase(errcode.Server)
}

// neverOpened is the code of closing what is not open.
func (s *Socket) neverOpened() errcode.Code {
	if s.kind.IsTLS() {
		return errcode.TLSNotBound
	}
	return errcode.Other
}
