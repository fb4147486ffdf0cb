package socket

import (
	"ohsocket/core/errcode"
)

// ConstructOver makes a TLS client of a connected TCP client, whose descriptor it takes.
func ConstructOver(tcp *Socket) (*Socket, errcode.Code) {
	if tcp.kind != KindTCP {
		return nil, errcode.Parameter
	}
	s, code := Construct(tcp.loop, KindTLS)
	if code != errcode.OK {
		return nil, code
	}
	if code = s.take(tcp); code != errcode.OK {
		s.Release()
		return nil, code
	}
	return s, errcode.OK
}

func (s *Socket) isCarried() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kind == KindTLS && s.carried && !s.closing && s.state == stateBound
}

// take moves the descriptor, if the TCP socket has nothing under way. The loop's thread
// learns of it by workOpen.
func (s *Socket) take(tcp *Socket) errcode.Code {
	if !s.loop.opened(s) {
		return errcode.BadFD
	}
	tcp.mu.Lock()
	code := errcode.OK
	switch {
	case tcp.released, tcp.closing, tcp.state == stateIdle, tcp.state == stateOpening:
		code = errcode.TLSBadFD
	case tcp.state != stateConnected, tcp.ended, tcp.endQueued, tcp.fatal != errcode.OK:
		code = errcode.TLSNotConnected
	case tcp.out.size > 0, tcp.out.writing, tcp.users > 0:
		code = errcode.Again
	}
	if code != errcode.OK {
		tcp.mu.Unlock()
		s.loop.closed(s)
		return code
	}
	s.mu.Lock()
	s.opening(int(tcp.fd), stateBound)
	s.opts = tcp.opts
	s.remote = tcp.remote
	s.carried = true
	s.giver = tcp
	tcp.rarely().heir = s
	tcp.listeners.Store(nil)
	tcp.fd = -1
	tcp.state = stateOpening // nobody's, until it is off the list
	tcp.closed = true
	s.leave(workOpen)
	s.unlock()
	tcp.mu.Unlock()
	tcp.loop.closed(tcp)
	tcp.mu.Lock()
	tcp.state = stateIdle
	tcp.mu.Unlock()
	return errcode.OK
}

// takeOver gives the loop's thread the descriptor that was taken.
func (s *Socket) takeOver(tcp *Socket) {
	s.mu.Lock()
	fresh := s.giver == tcp
	s.giver = nil
	s.mu.Unlock()
	tcp.mu.Lock()
	tcp.heir = nil
	tcp.mu.Unlock()
	if !fresh {
		return
	}
	s.token, tcp.token = tcp.token, 0
	tcp.ready = 0
	tcp.stopTimers()
	if s.token != 0 {
		s.loop.reactor.Replace(s.token, s)
	}
}
