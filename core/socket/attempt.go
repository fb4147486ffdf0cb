package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// attempt is one descriptor on its way to one address.
type attempt struct {
	c       *connector
	fd      int
	address netaddr.Sockaddr
	token   reactor.Token
	opts    *options // what the descriptor has
}

// start makes the descriptor and connects it; UDP is connected at once.
func (a *attempt) start() unix.Errno {
	s := a.c.s
	s.mu.Lock()
	o, fd := s.opts, int(s.fd)
	s.mu.Unlock()
	if fd < 0 {
		var e unix.Errno
		if fd, e = s.newDescriptor(o, a.address.Family()); e != 0 {
			return e
		}
	}
	a.fd, a.opts = fd, o
	a.c.text = ""
	e := sys.Connect(fd, &a.address)
	if e == unix.EAGAIN {
		e = unix.EADDRNOTAVAIL // no port is free: of TCP the kernel says so
	}
	if s.kind().isDatagram() {
		if e == 0 && s.token == 0 {
			e = s.watch(fd)
		}
		if e == 0 {
			a.c.succeed(a, 0)
		}
		return e
	}
	if e != 0 && e != unix.EINPROGRESS && e != unix.EINTR {
		return e
	}
	a.token, e = s.loop.reactor.Add(fd, a)
	if e != 0 {
		return e
	}
	return 0
}

// Ready learns how the attempt has ended.
func (a *attempt) Ready(events uint32) {
	c := a.c
	if c.over {
		return
	}
	if c.shaking == a {
		c.readyToShake(events)
		return
	}
	e, e2 := sys.GetInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if e2 != 0 {
		e = int(e2)
	}
	if e == 0 && events&(pollOut|unix.EPOLLHUP|unix.EPOLLERR) == 0 {
		return
	}
	if e == 0 && a.isSelfConnected() {
		sys.SetReset(a.fd) // otherwise the port would stay in use for a minute
		e = int(unix.ECONNREFUSED)
	}
	if e == 0 && c.s.kind().isSecureClient() {
		c.beginTLS(a, events)
		return
	}
	if e == 0 {
		c.succeed(a, events)
		return
	}
	for i, t := range c.trying {
		if t == a {
			c.trying = append(c.trying[:i], c.trying[i+1:]...)
			break
		}
	}
	c.s.loop.reactor.Remove(a.token, a.fd)
	c.attemptFailed(a, unix.Errno(e))
	c.next()
}

// isSelfConnected reports whether the kernel has given the descriptor the very port that it
// connects to: nobody listens there, but TCP lets both ends be one. A bound socket is asking for
// it.
func (a *attempt) isSelfConnected() bool {
	if a.c.bound {
		return false
	}
	local, e := sys.LocalAddr(a.fd)
	if e != 0 || local.Port() != a.address.Port() {
		return false
	}
	remote, e := sys.RemoteAddr(a.fd)
	return e == 0 && local == remote
}

// attemptFailed gives the descriptor back. A bound socket gets a fresh one with the
// same address: the kernel would take the port away from the old one.
func (c *connector) attemptFailed(a *attempt, e unix.Errno) {
	c.outcome = outcome{errcode.FromErrno(errcode.Client, routeErrno(e, a.address)), a.address, c.text}
	if a.fd < 0 || c.s.kind().isDatagram() && c.bound {
		return
	}
	if !c.bound {
		sys.Close(a.fd)
		return
	}
	c.rebind(a.fd)
}

// rebind replaces the socket's descriptor by a fresh one bound to the same address and
// port. Both allow the address to be shared for that moment, so that nobody else can
// take it. If the kernel refuses, the old descriptor stays.
func (c *connector) rebind(old int) {
	s := c.s
	s.mu.Lock()
	o := s.opts
	s.mu.Unlock()
	fd, e := s.newDescriptor(o, c.local.Family())
	if e != 0 {
		return
	}
	sys.SetInt(old, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	sys.SetInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if e = sys.Bind(fd, &c.local); e != 0 {
		sys.Close(fd)
		return
	}
	sys.SetInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, o.reuseAddress.value())
	s.lockCaughtUp(fd, o)
	if s.refs > 0 {
		// Another thread looks at the old one just now.
		s.mu.Unlock()
		sys.Close(fd)
		return
	}
	s.fd = int32(fd)
	s.mu.Unlock()
	sys.Close(old)
}
