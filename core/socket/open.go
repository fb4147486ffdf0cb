package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

const (
	pollIn     = unix.EPOLLIN
	pollOut    = unix.EPOLLOUT
	pollUrgent = unix.EPOLLPRI
	pollGone   = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// beginOpen claims an idle socket for a call that makes its descriptor, and returns the options
// that it is to have.
func (s *Socket) beginOpen(operation string) (*options, errcode.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.released:
		return nil, errcode.BadFD
	case s.isClosing(), s.state.isClaimed():
		return nil, s.errnoCode(opSetup, unix.EALREADY)
	case !s.state.isIdle():
		s.noteOpenLocked(operation)
		return nil, s.errnoCode(opSetup, unix.EINVAL)
	}
	s.become(s.state.claimed())
	return s.opts, errcode.OK
}

// unclaim gives a socket back that was claimed.
func (s *Socket) unclaim() {
	s.mu.Lock()
	s.become(s.state.unclaimed())
	s.mu.Unlock()
}

// noteOpenLocked remembers for ErrorDetail that the socket is open already, and where.
func (s *Socket) noteOpenLocked(operation string) {
	text := "the socket is open already"
	if s.fd >= 0 {
		if local, e := sys.LocalAddr(int(s.fd)); e == 0 {
			text = "already bound to " + local.String()
		}
	}
	s.extraLocked().failure = &failure{operation: operation, code: s.errnoCode(opSetup, unix.EINVAL), text: text}
}

// endOpen gives the socket its descriptor, which has the options o, or the idle state back.
func (s *Socket) endOpen(fd int, o *options, to state, e unix.Errno, operation string, sa netaddr.Sockaddr) errcode.Code {
	if e == 0 && !s.loop.addOpen(s) {
		e = unix.EBADF
	}
	if e == 0 {
		s.lockCaughtUp(fd, o)
	} else {
		s.mu.Lock()
	}
	code := s.errnoCode(opSetup, e)
	if code != errcode.OK {
		s.become(s.state.unclaimed())
		s.noteFailureLocked(operation, sa, "", code)
		s.unlock()
		if fd >= 0 && operation != "adopt" {
			sys.Close(fd) // an adopted one stays the caller's
		}
		s.forgetSecure() // of one that was released meanwhile
		return code
	}
	s.beginPeriodLocked(fd, to)
	if !to.isBound() || s.kind().isDatagram() {
		s.queueWorkLocked(workOpen)
	}
	if s.released {
		// Released by another thread meanwhile.
		s.beginCloseLocked(orderly)
	}
	s.unlock()
	return errcode.OK
}

// newDescriptor makes a descriptor with every option it is to have.
func (s *Socket) newDescriptor(o *options, family int) (int, unix.Errno) {
	fd, e := sys.Socket(family, s.kind().transport.socketType)
	if e != 0 {
		return -1, e
	}
	if e = o.setBefore(fd, s.kind(), family); e == 0 {
		e = o.setAll(fd, s.kind())
	}
	if e != 0 {
		sys.Close(fd)
		return -1, e
	}
	return fd, 0
}

// bound makes a descriptor and binds it.
func (s *Socket) bound(o *options, sa netaddr.Sockaddr) (int, unix.Errno) {
	fd, e := s.newDescriptor(o, sa.Family())
	if e != 0 {
		return -1, e
	}
	e = sys.Bind(fd, &sa)
	if s.compatPort(e) {
		free := sa.WithPort(0)
		e = sys.Bind(fd, &free)
	}
	if e != 0 {
		sys.Close(fd)
		return -1, e
	}
	return fd, 0
}

// Bind opens a client or UDP socket with a local address.
func (s *Socket) Bind(sa netaddr.Sockaddr) errcode.Code {
	if !s.kind().connects() {
		return errcode.NotSupported
	}
	if s.isCarried() {
		return errcode.OK // its connection has an address, as the API has it
	}
	o, code := s.beginOpen("bind")
	if code != errcode.OK {
		return code
	}
	fd, e := s.bound(o, sa)
	return s.endOpen(fd, o, stateBound, e, "bind", sa)
}

// begin has the loop watch a descriptor that was opened on another thread, and
// reports it.
func (s *Socket) begin() {
	s.mu.Lock()
	fd := int(s.fd)
	to := s.state
	s.mu.Unlock()
	if s.kind().isSecureClient() {
		if m := s.arrived(); m != nil {
			m.handOver()
		}
		return // it is watched, and reported, when it is connected
	}
	if s.hasSession() && s.tls.phase == phaseReady {
		// What has happened since the handshake was not looked at, see readyEarly.
		s.tls.phase = phaseOpen
		s.ready |= pollIn
		s.schedule(workFlush | workRead | workTimer)
		return
	}
	if s.token != 0 {
		return
	}
	if fd < 0 {
		if to == stateBound || to == stateListening {
			s.emit(abi.EventListening, errcode.OK, nil) // it was closed at once: freePort
		}
		return
	}
	if !s.attach(fd) || s.hasLeft() {
		return
	}
	switch {
	case s.kind().isAccepted():
	case to == stateConnected:
		s.emit(abi.EventConnect, errcode.OK, nil)
	default:
		s.emit(abi.EventListening, errcode.OK, nil)
	}
	s.setTimer()
}

// attach puts the descriptor into the loop's set. If the kernel will not have it the
// socket fails.
func (s *Socket) attach(fd int) bool {
	if e := s.watch(fd); e != 0 {
		s.mu.Lock()
		if s.leavingLocked() != nil {
			s.mu.Unlock()
			return false
		}
		s.failLocked(e)
		s.beginCloseLocked(orderly)
		s.unlock()
		return false
	}
	return true
}

func (s *Socket) watch(fd int) unix.Errno {
	token, e := s.loop.reactor.Add(fd, s)
	if e != 0 {
		return e
	}
	s.token = token
	s.ready = 0
	s.active = reactor.Clock()
	return 0
}
