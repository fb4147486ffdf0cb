package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// A move is a connection that changes hands: from a TCP client to a TLS client. The descriptor
// moves under the locks of both sockets, on the caller's thread. What the loop's thread has of it
// (its place in the set, what it is ready for, timers, bytes just received) belongs to the taker
// from then on: the loop's thread completes the move as soon as it comes to either socket, and
// before it does anything else for the TCP socket, which may be open again.
type move struct {
	from, to *Socket

	// The loop's thread's own.
	complete bool
	received *buffer.Block // by it, when the descriptor was taken
	failure  errcode.Code  // that it had met, OK: none
}

// ConstructOver makes a TLS client of a connected TCP client, whose descriptor it takes.
func ConstructOver(tcp *Socket) (*Socket, errcode.Code) {
	if tcp.kind().upgrades == 0 {
		return nil, tcp.Refuse("construct_tls_over", "not a TCP client")
	}
	s, code := Construct(tcp.loop, tcp.kind().upgrades)
	if code != errcode.OK {
		return nil, code
	}
	if _, code = s.beginOpen("construct_tls_over"); code == errcode.OK {
		code = s.take(tcp)
	}
	if code != errcode.OK {
		s.Release()
		return nil, code
	}
	return s, errcode.OK
}

func (s *Socket) isCarried() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == stateAttached && !s.isClosing()
}

// take moves the descriptor, if the TCP socket has nothing under way. The loop's thread
// learns of it by workOpen.
func (s *Socket) take(tcp *Socket) errcode.Code {
	if !s.loop.addOpen(s) {
		s.unclaim()
		return errcode.BadFD
	}
	tcp.mu.Lock()
	code := errcode.OK
	switch {
	case tcp.released, tcp.isClosing(), !tcp.state.isOpen():
		code = errcode.TLSBadFD
	case tcp.state != stateConnected, tcp.peerEnded, tcp.half != halfSending, tcp.fatal != errcode.OK:
		code = errcode.TLSNotConnected
	case tcp.out.Size() > 0, tcp.out.IsWriting(), tcp.refs > 0:
		code = errcode.Again
	}
	if code != errcode.OK {
		tcp.mu.Unlock()
		s.loop.removeOpen(s)
		s.unclaim()
		return code
	}
	s.mu.LockSecond()
	s.beginPeriodLocked(int(tcp.fd), stateAttached)
	s.opts = tcp.opts
	s.remote = tcp.remote
	if r := tcp.extraLocked(); r.move == nil {
		r.move = &move{from: tcp, to: s}
		s.move = r.move
	} // else the loop has not seen this descriptor yet: what it has is the first taker's
	tcp.listeners.Store(nil)
	tcp.out.HandOver()
	tcp.pendingWork &^= workDrain // it would come in the next period
	tcp.fd = -1
	tcp.become(stateReopening) // nobody's, until it is off the list
	s.queueWorkLocked(workOpen)
	s.unlock()
	tcp.mu.Unlock()
	tcp.loop.removeOpen(tcp)
	tcp.mu.Lock()
	tcp.become(stateClosed)
	tcp.mu.Unlock()
	return errcode.OK
}

// leavingLocked returns the move by which the socket's descriptor has gone, as long as the loop's
// thread has not completed it; nil if there is none.
func (s *Socket) leavingLocked() *move {
	if s.rare == nil || s.move == nil || s.move.from != s {
		return nil
	}
	return s.move
}

// arrived returns the move by which a TLS client has its descriptor, nil if it has another.
func (s *Socket) arrived() *move {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.move
}

// hasLeft reports whether another socket has taken the descriptor, which has all of it then.
func (s *Socket) hasLeft() bool {
	s.mu.Lock()
	m := s.leavingLocked()
	s.mu.Unlock()
	if m != nil {
		m.handOver()
	}
	return m != nil
}

// handOver completes the move: it gives the taker what the loop's thread has of the connection.
func (m *move) handOver() {
	if m.complete {
		return
	}
	m.complete = true
	from, to := m.from, m.to
	from.mu.Lock()
	from.move = nil
	from.mu.Unlock()
	to.token, from.token = from.token, 0
	to.ready, from.ready = to.ready|from.ready, 0
	to.active = from.active
	from.stopTimers()
	if to.token != 0 {
		to.loop.reactor.Replace(to.token, to)
	}
}

// claim returns the peer's address, and whether bytes that the loop's thread has just received are
// still the socket's. If its descriptor was taken meanwhile they are the taker's, and it has them.
func (s *Socket) claim(data []byte) (from netaddr.Sockaddr, mine bool) {
	if s.kind().upgrades == 0 {
		return s.remote.Sockaddr(), true
	}
	s.mu.Lock()
	m := s.leavingLocked()
	from = s.remote.Sockaddr()
	s.mu.Unlock()
	if m == nil {
		return from, true
	}
	m.handOver()
	m.keep(data)
	return from, false
}

// keep keeps bytes for the handshake.
func (m *move) keep(data []byte) {
	if m.received = buffer.NewBlock(len(data)); m.received == nil {
		m.failure = errcode.FromErrno(errcode.Client, unix.ENOMEM)
		return
	}
	m.received.Append(data)
}

// end keeps what the loop's thread has learned of the connection: its end, or an error that the
// kernel tells once.
func (m *move) end(e unix.Errno) {
	m.handOver()
	m.to.ready |= pollIn | unix.EPOLLRDHUP
	if e != 0 && m.failure == errcode.OK {
		m.failure = errcode.FromErrno(errcode.Client, e)
	}
}

// takeReceived returns what was received before the connection was taken, nil if nothing was.
func (s *Socket) takeReceived() *buffer.Block {
	m := s.arrived()
	if m == nil {
		return nil
	}
	b := m.received
	m.received = nil
	return b
}

// dropMove forgets how a TLS client has come to its descriptor, and what no handshake has asked
// for.
func (s *Socket) dropMove() {
	if !s.kind().isSecureClient() {
		return
	}
	if b := s.takeReceived(); b != nil {
		b.Free()
	}
	s.mu.Lock()
	s.move = nil
	s.mu.Unlock()
}
