package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// A connection changes hands under the locks of both sockets, on the caller's thread. What the
// loop's thread has of it (its place in the set, what it is ready for, timers, bytes just
// received) is the heir's from then on: the loop's thread gives it over as soon as it comes to
// either socket, and before it does anything else for the TCP socket, which may be open again.

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
	if r := tcp.extraLocked(); r.heir == nil {
		s.giver = tcp
		r.heir = s
	} // else the loop has not seen this descriptor yet: what it has is the first heir's
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

// successorLocked returns the socket that has taken the descriptor, as long as the loop's thread
// has not given it the rest; nil if there is none.
func (s *Socket) successorLocked() *Socket {
	if s.rare == nil {
		return nil
	}
	return s.heir
}

// handedOver reports whether there is a successor, which has what is its own then.
func (s *Socket) handedOver() bool {
	s.mu.Lock()
	heir := s.successorLocked()
	s.mu.Unlock()
	if heir != nil {
		heir.takeOver(s)
	}
	return heir != nil
}

// takeOver gives the socket what the loop's thread has of the connection that it has taken.
func (s *Socket) takeOver(tcp *Socket) {
	s.mu.Lock()
	s.giver = nil
	s.mu.Unlock()
	tcp.mu.Lock()
	mine := tcp.successorLocked() == s
	if mine {
		tcp.heir = nil
	}
	tcp.mu.Unlock()
	if !mine {
		return
	}
	s.token, tcp.token = tcp.token, 0
	s.ready, tcp.ready = s.ready|tcp.ready, 0
	s.active = tcp.active
	tcp.stopTimers()
	if s.token != 0 {
		s.loop.reactor.Replace(s.token, s)
	}
}

// claim returns the peer's address, and whether bytes that the loop's thread has just received are
// still the socket's. If its descriptor was taken meanwhile they are the heir's, and it has them.
func (s *Socket) claim(data []byte) (from netaddr.Sockaddr, mine bool) {
	if s.kind().upgrades == 0 {
		return s.remote.Sockaddr(), true
	}
	s.mu.Lock()
	heir := s.successorLocked()
	from = s.remote.Sockaddr()
	s.mu.Unlock()
	if heir == nil {
		return from, true
	}
	heir.takeOver(s)
	heir.inherit(data)
	return from, false
}

// inherit keeps bytes for the handshake.
func (s *Socket) inherit(data []byte) {
	b := buffer.NewBlock(len(data))
	if b == nil {
		s.inheritedError = errcode.FromErrno(errcode.Client, unix.ENOMEM)
		return
	}
	b.Append(data)
	s.inherited = b
}

// inheritEnd keeps what the loop's thread has learned of the connection: its end, or an error
// that the kernel tells once.
func (s *Socket) inheritEnd(tcp *Socket, e unix.Errno) {
	s.takeOver(tcp)
	s.ready |= pollIn | unix.EPOLLRDHUP
	if e != 0 && s.inheritedError == errcode.OK {
		s.inheritedError = errcode.FromErrno(errcode.Client, e)
	}
}

// dropInherited frees what no handshake has asked for.
func (s *Socket) dropInherited() {
	if !s.kind().isSecureClient() {
		return
	}
	if s.inherited != nil {
		s.inherited.Free()
		s.inherited = nil
	}
	s.inheritedError = errcode.OK
}
