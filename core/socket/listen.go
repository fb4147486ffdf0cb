package socket

import (
	"math"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// acceptor holds the fields that only servers have.
type acceptor struct {
	server  *Socket
	clients int64        // ever accepted; the last one's id
	live    atomic.Int64 // open connections
	tlsAcceptor
	// full: no descriptors or memory were left; said once, tried again by timer
	full  bool
	gone  int // clients that had gone when they were accepted, one after the other
	retry *reactor.Timer
}

const (
	// acceptBudget clients are taken at a time, then other sockets have their turn.
	acceptBudget = 64
	// acceptRetry is the time that a server without descriptors waits.
	acceptRetry = 100e6
)

// Listen opens a server.
func (s *Socket) Listen(sa netaddr.Sockaddr, backlog int32) errcode.Code {
	return s.ListenSecure(sa, backlog, nil)
}

// ListenSecure is Listen with secure options; nil: those that the socket has.
func (s *Socket) ListenSecure(sa netaddr.Sockaddr, backlog int32, x *TLSConfig) errcode.Code {
	defer func() { x.drop() }()
	if !s.kind().isServer() {
		return errcode.NotSupported
	}
	if backlog < 0 || backlog > math.MaxUint16 {
		return s.refuseArgument("backlog", strconv.Itoa(int(backlog)), "not from 0 to 65535")
	}
	if x == nil {
		var code errcode.Code
		if x, code = s.serverSecure(); code != errcode.OK {
			return code
		}
	}
	o, code := s.beginOpen("listen")
	if code != errcode.OK {
		return code
	}
	fd, e := s.bound(o, sa)
	if e == 0 {
		if backlog == 0 {
			backlog = math.MaxUint16 // the kernel cuts it to its maximum
		}
		if e = sys.Listen(fd, int(backlog)); e == unix.EADDRINUSE && s.compat {
			// The port was free to bind but is listened on by another socket.
			sys.Close(fd)
			if fd, e = s.bound(o, sa.WithPort(0)); e == 0 {
				e = sys.Listen(fd, int(backlog))
			}
		}
	}
	if e == 0 && x != nil {
		s.mu.Lock()
		s.setSecure(x)
		s.mu.Unlock()
	}
	return s.endOpen(fd, o, stateListening, e, "listen", sa)
}

// accept takes clients while somebody wants them.
func (s *Socket) accept() {
	for turn := (budget{reads: acceptBudget}); s.ready != 0; {
		s.mu.Lock()
		fd := int(s.fd)
		off := s.isClosing() || s.paused || s.state != stateListening
		o := s.opts
		s.mu.Unlock()
		if off || !wants(s.listeners.Load(), abi.EventConnect) {
			return
		}
		if s.kind().isSecureServer() && s.accepts.isCrowded(o.mostHandshakes()) {
			return
		}
		if turn.isSpent() || !s.loop.hasRoom() {
			s.readLater()
			return
		}
		fd, remote, e := sys.Accept(fd)
		switch acceptOutcomeOf(e) {
		case acceptedClient:
			s.accepts.gone = 0
			s.accepts.full = false
			s.acceptClient(fd, remote)
		case acceptedNone:
			s.accepts.gone = 0
			s.ready = 0
		case clientGone:
			if s.accepts.gone++; s.accepts.gone >= acceptBudget {
				s.accepts.gone = 0
				s.acceptLater(e) // it was not the clients
				return
			}
		case acceptShort:
			s.acceptLater(e)
			return
		case listenerDead:
			s.acceptNever(e)
			return
		}
	}
}

// acceptOutcome says how accept(2) ended.
type acceptOutcome uint8

const (
	acceptedClient acceptOutcome = iota
	acceptedNone                 // the backlog is empty
	clientGone                   // already, or a signal has come: there may be others
	acceptShort                  // something is missing, or not allowed, that may be there later
	listenerDead                 // no client will ever come
)

// acceptOutcomeOf tells them apart. Linux hands on what the network says of a client (accept(2)).
func acceptOutcomeOf(e unix.Errno) acceptOutcome {
	switch e {
	case 0:
		return acceptedClient
	case unix.EAGAIN:
		return acceptedNone
	case unix.EINTR, unix.ECONNABORTED, unix.ECONNRESET, unix.ETIMEDOUT, unix.EPIPE, unix.EPROTO, unix.ENOPROTOOPT,
		unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENONET:
		return clientGone
	case unix.EINVAL, unix.EBADF, unix.ENOTSOCK, unix.EOPNOTSUPP, unix.ENOSYS, unix.EFAULT:
		return listenerDead
	}
	return acceptShort
}

// acceptNever ends a server whose listening descriptor has ceased to be one.
func (s *Socket) acceptNever(e unix.Errno) {
	told := e
	if errcode.FromErrno(errcode.Client, e).Category() == errcode.CategoryUsage && e != unix.EBADF && e != unix.ENOTSOCK {
		told = unix.EIO // not the program has done it
	}
	s.mu.Lock()
	s.fatal = errcode.FromErrno(errcode.Client, told)
	s.noteFailureLocked("accept", netaddr.Sockaddr{}, "", s.errnoCode(opSetup, told))
	if e == unix.EINVAL {
		s.failure.text = "somebody who shares the listening descriptor has shut it down"
	}
	s.beginCloseLocked(orderly)
	s.unlock()
}

// acceptLater reports once that clients cannot be accepted, and tries again later.
func (s *Socket) acceptLater(e unix.Errno) {
	a := s.accepts
	if a.retry == nil {
		a.retry = &reactor.Timer{Owner: s}
	}
	s.loop.reactor.SetTimer(a.retry, reactor.Clock()+acceptRetry)
	if a.full {
		return
	}
	a.full = true
	s.mu.Lock()
	s.noteFailureLocked("accept", netaddr.Sockaddr{}, "", s.errnoCode(opSetup, e))
	s.mu.Unlock()
	s.emit(abi.EventError, s.errnoCode(opSetup, e), nil)
}

// acceptClient makes a connection of an accepted descriptor. Over TLS the handshake comes first.
func (s *Socket) acceptClient(fd int, remote netaddr.Sockaddr) {
	l := library.defaults.beside(s.loop)
	c := newSocket(l, s.kind().accepts, s.handOn(fd))
	c.compat = s.compat
	c.server = s
	c.remote = remote.Keep()
	if c.kind().secure {
		s.acceptSecure(c, fd)
		return
	}
	c.parked = true
	c.beginPeriodLocked(fd, stateConnected)
	if !l.addOpen(c) {
		sys.Close(fd)
		return
	}
	if !s.announce(c) {
		l.removeOpen(c)
		sys.Close(fd)
	}
}

// announce shows a connection to the server's listeners; only then may it have events of its own.
// It reports false if there are no handles left.
func (s *Socket) announce(c *Socket) bool {
	a := s.accepts
	c.clientID = a.clients + 1
	// Now it is complete, and others may find it.
	if !library.sockets.Publish(c, &c.handle) {
		s.acceptLater(unix.EMFILE)
		return false
	}
	s.inform(c)
	if c.kind().secure {
		library.establishing.Leave()
	}
	a.clients++
	a.live.Add(1)
	library.accepted.Add(1)
	if !s.emit(abi.EventConnect, errcode.OK, c) {
		// The last listener has gone meanwhile: nobody would ever close it.
		c.Abort()
	}
	s.loop.sink.whenSeen(c)
	return true
}

// handOn gives an accepted descriptor the server's options, and returns them. The kernel has handed
// on those that the listening one had when the client connected, which may be long ago.
func (s *Socket) handOn(fd int) *options {
	s.mu.Lock()
	o := s.opts
	s.mu.Unlock()
	o.setAll(fd, traitsOf(s.kind().accepts))
	return o
}

// inform gives a connection what was set on its server since its client was accepted. From
// now on extraToConnections finds it.
func (s *Socket) inform(c *Socket) {
	for {
		s.mu.Lock()
		o := s.opts
		s.mu.Unlock()
		c.mu.Lock()
		if c.opts == o {
			c.mu.Unlock()
			return
		}
		c.opts = o
		c.queueWorkLocked(workTimer)
		fd := c.increfLocked()
		c.unlock()
		if fd >= 0 {
			o.setAll(fd, c.kind())
			c.decref()
		}
	}
}

// unpark lets an accepted connection begin: its server's listeners have seen it.
func (s *Socket) unpark() {
	s.mu.Lock()
	s.parked = false
	s.queueWorkLocked(workOpen)
	s.unlock()
}
