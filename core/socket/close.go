package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// Close ends the open period when what is queued has been sent.
func (s *Socket) Close(done abi.Completion) errcode.Code {
	s.mu.Lock()
	if s.released {
		s.mu.Unlock()
		return errcode.BadFD
	}
	if !s.isClosing() && !s.state.isOpen() {
		s.mu.Unlock()
		return s.code(opClose, errcode.BadFD)
	}
	if !s.isClosing() {
		how := orderly
		if x := &s.opts.extra; x.Linger > 0 && x.LingerMs == 0 && s.state == stateConnected && s.kind().isStream() {
			how = aborted
		}
		s.beginCloseLocked(how)
	}
	if done.Func != 0 {
		r := s.extraLocked()
		r.closeDone = append(r.closeDone, done)
	}
	s.queueWorkLocked(workClose)
	s.unlock()
	s.freePort()
	return errcode.OK
}

// freePort closes the descriptor at once, on the loop's thread, if nothing has to be done with it
// any more: the program may bind another socket to its port when the call that has ended the period
// returns. What else belongs to the end of the period comes as always.
func (s *Socket) freePort() {
	if !s.kind().isAccepted() {
		s.loop.ifStill(Host.ThreadID(), s.closeUnused)
	}
}

// closeUnused is called while the loop's thread does nothing with the descriptor.
func (s *Socket) closeUnused() {
	s.mu.Lock()
	if s.kind().isDatagram() && s.isClosing() && s.manner != aborted && s.out.Gathered {
		w := s.beginWriteLocked()
		s.unlock()
		s.write(w)
		s.mu.Lock()
	}
	fd := int(s.fd)
	if !s.isClosing() || fd < 0 || s.refs > 0 || !s.holdsPortOnlyLocked() {
		s.mu.Unlock()
		return
	}
	s.fd = -1
	s.mu.Unlock()
	s.ready = 0
	if s.token != 0 {
		s.loop.reactor.Remove(s.token, fd)
		s.token = 0
	}
	sys.Close(fd)
}

// holdsPortOnlyLocked reports whether the descriptor has neither a connection of a stream nor
// something to send.
func (s *Socket) holdsPortOnlyLocked() bool {
	switch s.state {
	case stateListening:
		return true
	case stateBound, stateConnected:
		if s.kind().isDatagram() {
			return s.manner == aborted || s.out.Blocks.First == nil
		}
		return s.state == stateBound && s.leavingLocked() == nil
	}
	return false
}

// Abort ends the open period without sending what is queued.
func (s *Socket) Abort() errcode.Code {
	s.mu.Lock()
	if !s.isClosing() && !s.state.isOpen() {
		s.mu.Unlock()
		return s.code(opClose, errcode.BadFD)
	}
	s.beginCloseLocked(aborted)
	s.unlock()
	s.freePort()
	return errcode.OK
}

// abortOpen aborts the socket for a loop that ends. One that is just being opened sees that the
// loop has stopped when it is open: beginPeriodLocked.
func (s *Socket) abortOpen() {
	s.mu.Lock()
	if s.state.isOpen() {
		s.beginCloseLocked(aborted)
	}
	s.unlock()
}

// End sends what is queued and then a FIN.
func (s *Socket) End(done abi.Completion) errcode.Code {
	if !s.kind().isStream() {
		return errcode.NotSupported
	}
	s.mu.Lock()
	code := s.sendableLocked()
	if code == errcode.OK {
		s.half = halfEnding
		if done.Func != 0 {
			s.extraLocked().endDone = done
		}
		s.queueWorkLocked(workEnd)
	}
	s.unlock()
	return s.code(opTransfer, code)
}

// sendFIN sends the FIN of socket_end when its turn has come.
func (s *Socket) sendFIN() {
	s.mu.Lock()
	if s.half != halfEnding || s.state != stateConnected || s.out.Size() > 0 || s.isClosing() {
		s.unlock()
		return
	}
	fd := int(s.fd)
	if s.hasSession() {
		s.mu.Unlock()
		if !s.notifyClose(fd) {
			s.flushQueue() // the rest waits for the kernel, which has this run again
			return
		}
		s.mu.Lock()
	}
	s.half = halfEnded
	done := s.takeEndDoneLocked()
	s.mu.Unlock()
	e := peerErrno(sys.Shutdown(fd, unix.SHUT_WR))
	if e == unix.ECONNRESET && s.peerEnded && !s.isUndelivered() {
		e = 0 // the peer has ended and gone, and nothing is lost
	}
	s.deliverSends()
	s.complete(abi.OperationEnd, done, s.errnoCode(opTransfer, e))
	s.mu.Lock()
	if e != 0 {
		// The peer would wait for the end, and the socket for the peer.
		s.failLocked(e)
	}
	if s.peerEnded {
		s.beginCloseLocked(orderly)
	}
	s.unlock()
}

// closeStep goes on closing, as far as it can without waiting.
func (s *Socket) closeStep() {
	if s.awaitHandshakes() {
		return
	}
	undelivered := s.hasSentAll() && s.isUndelivered()
	s.mu.Lock()
	if !s.isClosing() || !s.state.isOpen() {
		s.mu.Unlock()
		return
	}
	if c := s.connectorLocked(); c != nil && s.state == stateConnecting {
		waits := s.manner != aborted && s.out.Size() > 0
		s.lastProgress = 0 // the time of the close begins when what is queued can be sent
		s.mu.Unlock()
		if !waits {
			s.cancelConnect(c)
			s.schedule(workClose)
		}
		return
	}
	queued := s.out.Size() > 0 && s.fatal == errcode.OK && s.manner != aborted && (s.kind().isDatagram() || s.state == stateConnected)
	switch {
	case queued && s.isLate():
		s.failLocked(unix.ETIMEDOUT)
	case queued:
		s.queueWorkLocked(workTimer)
		w := s.beginWriteLocked()
		s.unlock()
		s.write(w)
		return
	case s.state != stateConnected || s.kind().isDatagram() || s.manner == aborted || s.fatal != errcode.OK:
	case s.half != halfEnded || !s.hasSentAll():
		// All is sent. Now the peer may take its time to read it.
		if s.hasSession() && s.half != halfEnded && !s.isLate() {
			fd := int(s.fd)
			s.queueWorkLocked(workTimer)
			s.unlock()
			if !s.notifyClose(fd) {
				s.flushQueue() // the rest waits for the kernel, which has this run again
				return
			}
			s.mu.Lock()
		}
		send := s.half != halfEnded
		s.half = halfEnded
		s.allSentLocked()
		s.lastProgress = reactor.Clock()
		fd := int(s.fd)
		done := s.takeEndDoneLocked()
		s.queueWorkLocked(workClose | workTimer)
		s.unlock()
		if send && sys.Shutdown(fd, unix.SHUT_WR) == unix.ENOTCONN && s.isUndelivered() {
			s.mu.Lock()
			s.loseLocked(unix.ECONNRESET) // nobody will tell: it was reset before
			s.unlock()
		}
		s.deliverSends()
		s.complete(abi.OperationEnd, done, errcode.OK)
		s.ready |= pollIn
		s.read()
		return
	case !s.isLate() && (!s.peerEnded || undelivered):
		s.unlock()
		return
	case undelivered:
		s.loseLocked(unix.ETIMEDOUT)
	}
	if s.refs > 0 {
		s.unlock() // the last of them has closeStep run again
		return
	}
	e := s.endPeriodLocked()
	s.unlock()
	s.finish(e)
}

// loseLocked ends a connection all of whose bytes the kernel has taken, and not delivered.
func (s *Socket) loseLocked(e unix.Errno) {
	s.failLocked(e)
	s.manner = max(s.manner, truncated)
}

// isUndelivered reports whether the peer's kernel has not acknowledged all of the program's bytes.
// The FIN, and what TLS sends before it, are not among them.
func (s *Socket) isUndelivered() bool {
	behind := 1
	if s.hasSession() {
		behind += s.tls.farewell
	}
	held, e := sys.Unacknowledged(int(s.fd))
	return e == 0 && held > behind
}

// awaitDelivery looks at a connection that is only waiting for the peer: the kernel tells when the
// FIN has been acknowledged, or that it never will be.
func (s *Socket) awaitDelivery(events uint32) {
	s.mu.Lock()
	fd, ended := int(s.fd), s.peerEnded
	s.mu.Unlock()
	if ended && events&unix.EPOLLERR != 0 {
		if e, e2 := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); e2 == 0 && e != 0 {
			s.streamFailed(unix.Errno(e))
			return
		}
	}
	s.schedule(workClose)
}

// A periodEnd holds what a period leaves to do when the mutex is unlocked.
type periodEnd struct {
	fd           int
	reset        bool         // the peer must not take what it has for all there was
	code, unsent errcode.Code // of the close event, of what was not sent
	end          abi.Completion
	discarded    buffer.List
}

// endPeriodLocked ends the open period. The close event, and what comes before it, is finish's.
func (s *Socket) endPeriodLocked() periodEnd {
	e := periodEnd{fd: int(s.fd), code: s.code(opTransfer, s.fatal), unsent: s.fatal}
	if e.unsent == errcode.OK {
		e.unsent = errcode.Canceled
	}
	e.reset = s.manner != orderly && s.state == stateConnected && s.kind().isStream()
	s.out.Drop(e.unsent)
	s.out.Reset()
	// What has not been reported yet would come after the close event.
	s.pendingWork &^= workDrain | workNotice
	e.end = s.takeEndDoneLocked()
	s.finishPeriodLocked()
	e.discarded = s.out.TakeDiscarded()
	return e
}

// closeDescriptor closes the descriptor of a period that is over.
func (s *Socket) closeDescriptor(fd int, reset bool) {
	switch {
	case reset:
		if sys.Disconnect(fd) != 0 {
			sys.SetReset(fd)
		}
	case s.kind().isStream():
		// A forked process may hold the descriptor too. Another process that has a listening one
		// goes on accepting.
		sys.Shutdown(fd, unix.SHUT_RDWR)
	}
	if s.token != 0 {
		s.loop.reactor.Remove(s.token, fd)
	}
	sys.Close(fd)
}

// finish closes the descriptor of a period that is over, and reports its end.
func (s *Socket) finish(e periodEnd) {
	e.discarded.FreeAll()
	if e.fd >= 0 {
		s.closeDescriptor(e.fd, e.reset)
	}
	s.token = 0
	s.ready = 0
	s.stopTLS()
	s.stopTimers()
	if s.kind().isDatagram() {
		s.dropUndelivered()
	}
	if s.server != nil {
		s.server.accepts.left(s)
	}
	if s.kind().isSecureServer() {
		s.accepts.rejectAll()
	}

	s.loop.addActive(1)
	s.loop.removeOpen(s)
	s.deliverSends()
	s.complete(abi.OperationEnd, e.end, s.code(opTransfer, e.unsent))
	if e.code != errcode.OK {
		s.emit(abi.EventError, e.code, nil)
	}
	s.endPeriod(e.code)
	if s.kind().isAccepted() {
		s.Release()
	}
	s.forgetSecure()
	s.loop.addActive(-1)
}

// endPeriod makes the close event and runs the completions of close. From the close event on the
// socket can be opened again.
func (s *Socket) endPeriod(code errcode.Code) {
	var done []abi.Completion
	s.mu.Lock()
	s.setEndingLocked(notEnding)
	if s.rare != nil {
		done, s.closeDone = s.closeDone, nil // what comes from now on is the next period's
	}
	s.mu.Unlock()
	s.emit(abi.EventClose, code, nil)
	for _, c := range done {
		s.complete(abi.OperationClose, c, code)
	}
}
