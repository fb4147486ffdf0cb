package socket

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// Adopt opens a socket with an existing descriptor.
func (s *Socket) Adopt(fd int) errcode.Code {
	if s.kind().isAccepted() {
		return errcode.NotSupported
	}
	if fd < 0 {
		return s.Refuse("adopt", fmt.Sprintf("descriptor is %d", fd))
	}
	x, code := s.serverSecure()
	if code != errcode.OK {
		return code
	}
	defer x.drop()
	o, code := s.beginOpen("adopt")
	if code != errcode.OK {
		return code
	}
	to, remote, e := s.examine(fd)
	if e == 0 {
		e = sys.SetNonblockCloexec(fd)
	}
	if e != 0 {
		// The descriptor stays the caller's.
		return s.endOpen(-1, o, stateFresh, e, "adopt", netaddr.Sockaddr{})
	}
	s.mu.Lock()
	s.remote = remote.Keep()
	if x != nil {
		s.setSecure(x)
	}
	s.mu.Unlock()
	o.setAll(fd, s.kind())
	return s.endOpen(fd, o, to, 0, "adopt", netaddr.Sockaddr{})
}

// examine finds out what a descriptor is and whether this kind of socket can have it.
func (s *Socket) examine(fd int) (state, netaddr.Sockaddr, unix.Errno) {
	var none netaddr.Sockaddr
	socketType, e := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if e != 0 {
		return stateFresh, none, e
	}
	local, e := sys.LocalAddr(fd)
	if e != 0 {
		return stateFresh, none, e
	}
	listening, e := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if e != 0 {
		return stateFresh, none, e
	}
	remote, e := sys.RemoteAddr(fd)
	connected := e == 0 && remote.IsValid()
	switch {
	case !local.IsValid():
	case socketType != s.kind().transport.socketType:
	case s.kind().isServer() && listening == 1:
		return stateListening, none, 0
	case s.kind().isSecureClient() && connected:
		return stateAttached, remote, 0 // until the handshake is made
	case s.kind().connects() && connected:
		return stateConnected, remote, 0
	case s.kind().isDatagram() && local.Port() != 0:
		return stateBound, none, 0
	}
	return stateFresh, none, unix.EPROTOTYPE
}
