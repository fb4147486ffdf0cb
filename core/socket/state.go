package socket

import (
	"fmt"

	"ohsocket/core/errcode"
	"ohsocket/core/reactor"
)

// state says where a socket stands. Only become changes it.
type state uint8

const (
	stateFresh     state = iota // constructed
	stateClosed                 // as fresh, after a period
	stateOpening                // claimed by a call that makes the descriptor, outside the lock
	stateReopening              // the same, after a period
	stateBound                  // a datagram socket is usable
	// the descriptor is connected, the handshake is not made: adopt, ConstructOver
	stateAttached
	stateListening    //
	stateConnecting   // the descriptor is the bound one, or there is none
	stateEstablishing // a server's client: the handshake runs, and nobody has seen it
	stateConnected    //
	states
)

// legal has the states that may follow a state.
var legal = [states]uint16{
	// an accepted one is open at once
	stateFresh:        1<<stateOpening | 1<<stateConnected | 1<<stateEstablishing,
	stateClosed:       1 << stateReopening,
	stateOpening:      1<<stateFresh | opened,
	stateReopening:    1<<stateClosed | opened,
	stateBound:        1<<stateConnecting | 1<<stateClosed,
	stateAttached:     1<<stateConnecting | 1<<stateClosed,
	stateListening:    1 << stateClosed,
	stateConnecting:   1<<stateBound | 1<<stateAttached | 1<<stateConnected | 1<<stateOpening | 1<<stateReopening | 1<<stateClosed,
	stateEstablishing: 1<<stateConnected | 1<<stateClosed,
	stateConnected:    1<<stateClosed | 1<<stateReopening, // its descriptor was taken: see move
}

// opened are the states of a socket that a call has opened.
const opened = 1<<stateBound | 1<<stateAttached | 1<<stateListening | 1<<stateConnecting | 1<<stateConnected

// become changes the state. mu is held, or nobody else knows the socket yet.
func (s *Socket) become(to state) {
	if legal[s.state]&(1<<to) == 0 {
		illegalTransition(fmt.Sprintf("a socket of kind %d in state %d becomes %d", s.kindID, s.state, to))
	}
	s.state = to
}

// illegalTransition is told of what must not happen: a defect of the library.
var illegalTransition = reportIllegal

// isIdle reports whether a call may open the socket.
func (st state) isIdle() bool { return st == stateFresh || st == stateClosed }

// isClaimed reports whether a call is opening the socket.
func (st state) isClaimed() bool { return st == stateOpening || st == stateReopening }

// isOpen reports whether there is an open period.
func (st state) isOpen() bool { return st >= stateBound }

// isBound reports whether the socket has a descriptor that a connect would go on with.
func (st state) isBound() bool { return st == stateBound || st == stateAttached }

// claimed returns what an idle socket becomes when a call opens it; unclaimed is what it was
// before.
func (st state) claimed() state {
	if st == stateClosed {
		return stateReopening
	}
	return stateOpening
}

func (st state) unclaimed() state {
	if st == stateReopening {
		return stateClosed
	}
	return stateFresh
}

// half is the sending half of a connection.
type half uint8

const (
	halfSending half = iota
	halfEnding       // socket_end was called: the FIN follows the queue
	halfEnded        // the FIN is sent
)

// manner says how a period ends.
type manner uint8

const (
	orderly   manner = iota
	truncated        // an error has dropped queued bytes: with a reset
	aborted          // without sending what is queued: with a reset
)

// ending says how far the close of a period has come. A socket that closes is bound, listening,
// connecting or connected as before, and its getters say so: this is a coordinate of its own. It is
// changed under mu; the loop's thread, which alone takes it further than flushing, reads it
// without.
type ending uint32

const (
	notEnding    ending = iota
	flushing            // what is queued goes out
	flushingLate        // the close timeout is over
	// all is sent, lastProgress says when: the peer may take its time to read it
	lingering
	lingeringLate
	reporting // the descriptor is gone; completions and the close event are left
	endings
)

// legalEnd has the stages of a close that may follow a stage.
var legalEnd = [endings]uint16{
	notEnding:     1 << flushing,
	flushing:      1<<flushingLate | 1<<lingering | 1<<reporting,
	flushingLate:  1<<lingeringLate | 1<<reporting,
	lingering:     1<<lingeringLate | 1<<reporting,
	lingeringLate: 1 << reporting,
	reporting:     1 << notEnding,
}

// setEndingLocked takes the close further.
func (s *Socket) setEndingLocked(to ending) {
	if from := s.closeStage(); legalEnd[from]&(1<<to) == 0 {
		illegalTransition(fmt.Sprintf("the close of a socket of kind %d goes from %d to %d", s.kindID, from, to))
	}
	s.ending.Store(uint32(to))
}

func (s *Socket) closeStage() ending { return ending(s.ending.Load()) }

// isClosing reports whether the period ends: from close, or the library's own, to the close event.
func (s *Socket) isClosing() bool { return s.closeStage() != notEnding }

// hasSentAll reports whether the close has sent everything.
func (s *Socket) hasSentAll() bool {
	stage := s.closeStage()
	return stage == lingering || stage == lingeringLate
}

// isLate reports whether the close timeout is over.
func (s *Socket) isLate() bool {
	stage := s.closeStage()
	return stage == flushingLate || stage == lingeringLate
}

// lateLocked notes that the close timeout is over.
func (s *Socket) lateLocked() {
	if stage := s.closeStage(); stage == flushing || stage == lingering {
		s.setEndingLocked(stage + 1)
	}
}

// allSentLocked notes that the close has sent everything: what is late stays late.
func (s *Socket) allSentLocked() {
	if stage := s.closeStage(); stage == flushing || stage == flushingLate {
		s.setEndingLocked(stage + lingering - flushing)
	}
}

// beginCloseLocked begins the end of the open period. The close timeout runs from now on, whatever
// the socket is doing.
func (s *Socket) beginCloseLocked(how manner) {
	if !s.isClosing() {
		s.setEndingLocked(flushing)
		s.lastProgress = reactor.Clock()
	}
	s.manner = max(s.manner, how)
	s.queueWorkLocked(workClose)
}

// A period holds the state of a socket from the call that opens it to its end.
type period struct {
	half         half
	manner       manner
	peerEnded    bool         // the peer has sent its FIN
	fatal        errcode.Code // the first error that ends the connection
	lastProgress int64        // when queued bytes were last taken, of reactor.Clock
}

// beginPeriodLocked begins an open period. What a loop that has ended meanwhile has not found open
// is aborted: a thread that locks mu after the loop has stopped sees that it has.
func (s *Socket) beginPeriodLocked(fd int, to state) {
	s.become(to)
	s.fd = int32(fd)
	s.period = period{}
	s.rare.settleLocked()
	if s.loop.stopped.Load() {
		s.beginCloseLocked(aborted)
	}
}

// finishPeriodLocked ends the open period but for the reports.
func (s *Socket) finishPeriodLocked() {
	s.become(stateClosed)
	s.setEndingLocked(reporting)
	s.fd = -1
	s.period = period{}
	s.rare.settleLocked()
}
