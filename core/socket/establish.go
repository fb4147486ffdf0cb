package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/handshake"
	"ohsocket/core/reactor"
	"ohsocket/core/tlsengine"
)

// An establishment takes a connected descriptor through its stages, one after another, until the
// program can be told of the connection. Clients and a server's clients have the same. It belongs
// to the loop's thread.
type establishment struct {
	s         *Socket
	fd        int
	owner     establisher
	stages    []handshake.Stage // that are left; the first one runs
	speaks    bool              // that one has not said anything yet
	pipe      *pipe
	begun     int64 // of reactor.Clock
	inLine    bool  // of shakeLine
	scheduled bool
	over      bool
}

// An establisher is told how an establishment has ended, and says when it goes on.
type establisher interface {
	// established is told that all stages are done. If e is not 0, nothing can be written to the
	// peer any more, which may have sent something before.
	established(e unix.Errno)
	notEstablished(f handshake.Failure)
	// goOn advances the establishment when it is its turn.
	goOn()
}

// establish begins an establishment on a descriptor of the socket. What its last stage leaves
// unread is in the pipe.
func (s *Socket) establish(fd int, owner establisher, p *pipe, stages ...handshake.Stage) *establishment {
	e := &establishment{
		s: s, fd: fd, owner: owner, pipe: p, stages: stages, speaks: stages[0].SpeaksFirst(), begun: reactor.Clock(),
	}
	s.establishment = e
	return e
}

// endEstablishment forgets the establishment, which has ended or is given up.
func (s *Socket) endEstablishment() {
	if s.establishment != nil {
		s.establishment.over = true
		s.establishment = nil
	}
}

// RunTask goes on after other sockets have had their turn.
func (e *establishment) RunTask() {
	e.scheduled = false
	if !e.over {
		e.owner.goOn()
	}
}

// later lets other sockets have their turn.
func (e *establishment) later() {
	if !e.scheduled {
		e.scheduled = true
		e.s.loop.reactor.Schedule(e)
	}
}

// advance takes the establishment as far as it goes without waiting.
func (e *establishment) advance() {
	if e.s.loop.cipherOut == nil {
		e.s.loop.makeCipherBuffers()
	}
	done, failure, errno := e.run()
	switch {
	case failure != nil:
		e.s.endEstablishment()
		e.owner.notEstablished(*failure)
	case done:
		e.s.endEstablishment()
		e.owner.established(errno)
	case errno != 0:
		e.s.endEstablishment()
		e.owner.notEstablished(handshake.Failure{Code: errcode.FromErrno(errcode.Client, errno)})
	}
}

// run has failed if failure is not nil; errno is why nothing can be written to the peer any more,
// which is a failure too unless done.
func (e *establishment) run() (done bool, failure *handshake.Failure, errno unix.Errno) {
	s := e.s
	unwritten := e.peerGone(e.flush(), &errno)
	if errno != 0 {
		return false, nil, errno
	}
	for budget := s.loop.readBudget(); ; {
		if unwritten == 0 && budget.isSpent() {
			e.later()
			return false, nil, 0
		}
		var in []byte
		if e.speaks {
			e.speaks = false
		} else {
			var waits bool
			if in, waits, failure, errno = e.input(unwritten); waits || failure != nil || errno != 0 {
				return false, failure, errno
			}
		}
		stage := e.stages[0]
		used, send, status := stage.Advance(in)
		if gone := e.peerGone(e.finishStep(in, used, send), &errno); unwritten == 0 {
			unwritten = gone
		}
		stage.Sent()
		switch {
		case status == handshake.Failed:
			return false, stage.Failure(), 0
		case errno != 0:
			return false, nil, errno
		case status == handshake.Done:
			if e.stages = e.stages[1:]; len(e.stages) == 0 {
				return true, nil, unwritten
			}
			e.speaks = e.stages[0].SpeaksFirst()
		}
	}
}

// input returns what the stage goes on with, or why it cannot.
func (e *establishment) input(unwritten unix.Errno) (in []byte, waits bool, failure *handshake.Failure, errno unix.Errno) {
	stage := e.stages[0]
	most := stage.Wants()
	if most == 0 {
		most = readSize
	}
	in, what, errno := e.s.receiveInto(e.pipe, e.fd, most)
	switch {
	case what == arrivedBytes:
		return in, false, nil, 0
	case what == arrivedError:
		return nil, false, nil, errno
	case unwritten != 0:
		return nil, false, nil, unwritten
	case what == arrivedEnd:
		return nil, false, stage.Truncated(), 0
	}
	e.s.ready = 0
	return nil, true, nil, 0
}

// finishStep keeps what a stage has not used, and sends what it has to say.
func (e *establishment) finishStep(in []byte, used int, send []byte) unix.Errno {
	errno := e.pipe.keepInput(in, used)
	if e2 := e.s.sendThrough(e.pipe, e.fd, send); errno == 0 {
		errno = e2
	}
	return errno
}

// flush writes what waits, before there is a queue to be written.
func (e *establishment) flush() unix.Errno {
	for e.pipe.cipher.First != nil {
		switch errno := e.s.flushPipe(e.pipe, e.fd); errno {
		case 0:
		case unix.EAGAIN:
			return 0
		default:
			return errno
		}
	}
	return 0
}

// peerGone tells a peer that has gone from other errors of writing, which it puts into
// failure: among what such a peer has sent before may be the reason.
func (e *establishment) peerGone(errno unix.Errno, failure *unix.Errno) unix.Errno {
	switch errno {
	case unix.ECONNRESET, unix.EPIPE:
		e.s.ready |= pollIn
		e.pipe.dropCipher()
		return errno
	}
	*failure = errno
	return 0
}

// tlsStage is the handshake of TLS, whose session stays when it is done.
type tlsStage struct {
	session *tlsengine.Session
	loop    *Loop
	client  bool
}

func (t *tlsStage) SpeaksFirst() bool { return t.client }

// Wants: the layer over the connection takes what is left.
func (t *tlsStage) Wants() int { return 0 }

func (t *tlsStage) Advance(in []byte) (used int, send []byte, status handshake.Status) {
	used, st := t.session.Handshake(in, t.loop.cipherOut)
	switch st {
	case tlsengine.Done:
		status = handshake.Done
	case tlsengine.Failed:
		status = handshake.Failed
	}
	return used, t.loop.cipherOut.Bytes(), status
}

func (t *tlsStage) Sent() { t.loop.cipherOut.Reset() }

func (t *tlsStage) Failure() *handshake.Failure   { return failureOf(t.session.Err()) }
func (t *tlsStage) Truncated() *handshake.Failure { return failureOf(t.session.Truncated()) }

func failureOf(e *tlsengine.Error) *handshake.Failure {
	return &handshake.Failure{Code: e.Code, Text: e.Text}
}
