package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

// readTLS decrypts what the kernel holds and delivers it.
func (s *Socket) readTLS() {
	l, t := s.loop, s.tls
	if t.phase != phaseOpen {
		return // nobody has seen the connection yet
	}
	for budget := l.readBudget(); s.tls != nil; {
		how, fd, set, failed := s.reads()
		switch {
		case how == readNever && t.writeDeferred:
			s.readDeferred(fd)
			return
		case how == readNever:
			s.checkReset()
			return
		case how == readDiscard:
			t.freeInput()
			s.readStream()
			return
		case how == readOff:
			s.lookAhead(fd, failed)
			return
		case t.waiting > cipherLimit && !failed:
			t.readThrottled = true
			return
		case budget.isSpent() || !l.hasRoom():
			s.readLater()
			return
		case how == readSettle:
			s.settleSends()
			continue
		}
		if t.lookahead != nil {
			if !s.deliverAhead(set) {
				return
			}
			continue
		}
		in, what, e := s.nextInput(fd)
		if what != arrivedBytes {
			s.onNoInput(fd, what, e)
			return
		}
		plain := l.sink.buffer()
		consumed, n, status := t.session.Read(in, plain, l.cipherOut)
		if e := s.digestOpen(fd, in, consumed); e != 0 {
			s.streamFailed(e)
			return
		}
		if n > 0 {
			l.sink.message(s, set, plain[:n], s.remote.Sockaddr())
		}
		if !s.readOn(status) {
			return
		}
	}
}

// finishStep keeps what was not consumed and sends what the operation has made.
func (s *Socket) finishStep(fd int, in []byte, consumed int) unix.Errno {
	e := s.tls.keepInput(in, consumed)
	if e2 := s.sendRecords(fd); e == 0 {
		e = e2
	}
	s.resumeDeferred()
	return e
}

// digestOpen is digest for a connection that is open: if it can write no more, it is read on, since
// what the peer has sent before is delivered first.
func (s *Socket) digestOpen(fd int, in []byte, consumed int) unix.Errno {
	e := s.tls.keepInput(in, consumed)
	s.mu.Lock()
	failed := s.fatal != errcode.OK
	s.mu.Unlock()
	if failed {
		s.loop.cipherOut.Reset()
	} else if e2 := s.sendRecords(fd); e2 != 0 {
		s.mu.Lock()
		s.failLocked(e2)
		s.unlock()
	}
	s.resumeDeferred()
	return e
}

// readDeferred reads for a socket that closes what the session wants before it takes what
// is still to be sent. Plaintext is discarded.
func (s *Socket) readDeferred(fd int) {
	b := buffer.NewBlock(buffer.LargeBlock)
	if b == nil {
		s.streamFailed(unix.ENOMEM)
		return
	}
	defer b.Free()
	for budget := s.loop.readBudget(); s.tls.writeDeferred; {
		if budget.isSpent() {
			s.readLater()
			return
		}
		in, what, e := s.nextInput(fd)
		if what != arrivedBytes {
			s.onNoInput(fd, what, e)
			return
		}
		consumed, _, status := s.tls.session.Read(in, b.Rest()[:minRead], s.loop.cipherOut)
		if e = s.finishStep(fd, in, consumed); e != 0 {
			s.streamFailed(e)
			return
		}
		if !s.readOn(status) {
			return
		}
	}
}

// onNoInput handles that nothing has come.
func (s *Socket) onNoInput(fd int, what arrival, e unix.Errno) {
	switch what {
	case arrivedNothing:
		gone := s.ready&unix.EPOLLERR != 0
		s.ready = 0
		s.checkError(fd, gone)
	case arrivedEnd:
		s.tlsEnd()
	case arrivedError:
		s.streamFailed(e)
	}
}

// tlsEnd handles an end of the stream without a close_notify before it: somebody may have
// cut the connection.
func (s *Socket) tlsEnd() {
	s.mu.Lock()
	failed := s.fatal != errcode.OK
	s.mu.Unlock()
	if failed {
		s.streamFailed(0)
		return
	}
	s.failTLS(s.tls.session.Truncated())
}

// readOn acts on what a read has come to, and reports whether there may be more to read.
// The listener may have ended the period.
func (s *Socket) readOn(status tlsengine.Status) bool {
	switch status {
	case tlsengine.Ended:
		s.ready = 0
		s.streamEnd()
		return false
	case tlsengine.Failed:
		if s.tls != nil {
			s.failTLS(s.tls.session.Err())
		}
		return false
	}
	return s.tls != nil
}

// lookAhead decrypts while nobody reads, once the peer has gone: behind the last of its
// bytes may be an end that has to be reported. It stops at the first bytes for the
// reader, so that there is never more than a message of them.
func (s *Socket) lookAhead(fd int, failed bool) {
	t := s.tls
	if t.lookahead == nil && (failed || s.ready&pollGone != 0) {
		s.fillAhead(fd)
	}
	if failed && s.tls != nil && t.lookahead != nil {
		s.streamFailed(0) // see peekEnd
	}
}

func (s *Socket) fillAhead(fd int) {
	t := s.tls
	for s.tls != nil {
		in, what, e := s.nextInput(fd)
		if what != arrivedBytes {
			s.onNoInput(fd, what, e)
			return
		}
		b := buffer.NewBlock(buffer.LargeBlock)
		if b == nil {
			s.streamFailed(unix.ENOMEM)
			return
		}
		consumed, n, status := t.session.Read(in, b.Rest()[:minRead], s.loop.cipherOut)
		e = s.digestOpen(fd, in, consumed)
		if n > 0 {
			b.Grow(n)
			t.lookahead, t.lookaheadStatus = b, status
			return
		}
		b.Free()
		if e != 0 {
			s.streamFailed(e)
			return
		}
		if !s.readOn(status) {
			return
		}
	}
}

// deliverAhead delivers what was decrypted before there was a reader. It reports whether
// reading goes on.
func (s *Socket) deliverAhead(set *listenerSet) bool {
	l, b := s.loop, s.tls.lookahead
	data := b.Bytes()[:min(b.Len(), minRead)]
	b.Consume(len(data))
	if b.Len() > 0 {
		l.sink.message(s, set, data, s.remote.Sockaddr())
		return true
	}
	status := s.tls.lookaheadStatus
	s.tls.lookahead = nil
	l.sink.message(s, set, data, s.remote.Sockaddr())
	b.Free()
	return s.readOn(status)
}
