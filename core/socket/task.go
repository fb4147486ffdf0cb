package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// work has a bit for each step that a socket's task does on the loop's thread.
type work uint16

const (
	workOpen    work = 1 << iota // watch the descriptor, report that it is open
	workConnect                  // begin the connect
	workFlush                    // write the queue
	workDone                     // run the completions of sends
	workDrain                    // report drain
	workNotice                   // report an error of an earlier datagram
	workRead                     // reading may go on
	workFail                     // an error was stored: read what is left, then report it
	workEnd                      // send the FIN of socket_end
	workClose                    // go on closing
	workTimer                    // a deadline may have changed
)

// RunTask does what calls have left.
func (s *Socket) RunTask() {
	s.mu.Lock()
	w := s.pendingWork
	s.pendingWork = 0
	s.scheduled = false
	doomed := s.out.TakeDiscarded()
	m := s.leavingLocked()
	s.mu.Unlock()
	doomed.FreeAll()
	if m != nil {
		m.handOver() // before the descriptor of the next period comes
	}
	if w&workOpen != 0 {
		s.begin()
	}
	if w&workConnect != 0 {
		s.startConnect()
	}
	if w&workFlush != 0 {
		s.flushQueue()
	}
	if w&workDone != 0 {
		s.deliverDue()
	}
	if w&workDrain != 0 {
		s.emit(abi.EventDrain, errcode.OK, nil)
	}
	if w&workNotice != 0 {
		s.deliverNotice()
	}
	if w&workFail != 0 {
		// The kernel may still hold what came before the error.
		s.ready |= pollIn
	}
	if w&(workRead|workFail) != 0 {
		s.read()
	}
	if w&workEnd != 0 {
		s.sendFIN()
	}
	if w&workClose != 0 {
		s.closeStep()
	}
	if w&workTimer != 0 {
		s.setTimer()
	}
}

// read takes in what there is.
func (s *Socket) read() { s.kind().flow.read(s) }

// readLater gives other sockets their turn.
func (s *Socket) readLater() { s.loop.sink.readLater(s) }

// seen is called when the host has seen an event that it may want to answer: see whenSeen.
func (s *Socket) seen() {
	s.mu.Lock()
	held := s.parked
	s.mu.Unlock()
	if held {
		s.unpark()
	} else {
		s.closeAfterPeerEnd()
	}
}

// Ready is called by the reactor.
func (s *Socket) Ready(events uint32) {
	if s.hasSession() && s.tls.phase != phaseOpen {
		s.readyEarly(events)
		return
	}
	if events&(pollIn|pollGone|pollUrgent) != 0 {
		s.ready |= events
		if !s.starved {
			s.read()
		}
	}
	if events&pollOut != 0 {
		s.writable()
	}
	if s.hasSentAll() {
		s.awaitDelivery(events)
	}
}

func (s *Socket) deliverNotice() {
	s.mu.Lock()
	code := s.notice
	s.notice = errcode.OK
	s.mu.Unlock()
	if code != errcode.OK {
		s.emit(abi.EventError, code, nil)
	}
}
