package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/sendqueue"
	"ohsocket/core/tlsengine"
)

const (
	// encryptSize is the size of a portion that is encrypted at a time: four records of the largest
	// size.
	encryptSize = 64 << 10
	// cipherLimit stops reading while that much that the peer has made us say, and does not
	// read, is waiting.
	cipherLimit = 256 << 10
)

// phase says how far a TLS connection has come.
type phase uint8

const (
	phaseHandshake phase = iota
	phaseReady           // a server's connection that its listeners have not seen
	phaseOpen
)

// A pipe holds bytes between a connection and what talks over it: a stage of its establishment, or
// TLS.
type pipe struct {
	input   *buffer.Block // received, and not yet processed
	cipher  buffer.List   // made, and not yet taken by the kernel
	waiting int           // bytes of cipher
}

// tlsLayer stands between the queue and the descriptor of a TLS connection. It belongs to the
// loop's thread, which alone touches the session.
//
// The queue holds plaintext. The loop's thread takes it in portions, encrypts each and
// gives it to the kernel; of what the kernel does not take the ciphertext waits here, and
// the plaintext, gone from the queue's blocks, still counts in its size until the kernel
// has taken the ciphertext.
type tlsLayer struct {
	session *tlsengine.Session
	phase   phase
	pipe
	plainInFlight   int64         // bytes of plaintext of which cipher holds the last
	lookahead       *buffer.Block // decrypted while nobody reads, to find an end behind it
	lookaheadStatus tlsengine.Status
	notified        bool // close_notify has been made
	farewell        int  // its size
	// deferring: the session holds back what was written, or close_notify, since the
	// peer is in the middle of a message of the handshake
	writeDeferred bool
	readThrottled bool // reading has stopped until cipher is shorter
}

// hasCipher reports whether ciphertext waits for the kernel: of the queue, or of what the
// session had to say by itself.
func (s *Socket) hasCipher() bool { return s.hasSession() && s.tls.cipher.First != nil }

// hasSession reports whether this is a TLS socket from its handshake to its end.
func (s *Socket) hasSession() bool { return s.kind().secure && s.tls != nil }

// startTLS gives the socket, a client, a session.
func (s *Socket) startTLS(session *tlsengine.Session) {
	s.tls = &tlsLayer{session: session, pipe: pipe{input: s.takeReceived()}}
}

// stopTLS ends the session.
func (s *Socket) stopTLS() {
	s.dropMove()
	if !s.hasSession() {
		return
	}
	s.endEstablishment()
	t := s.tls
	s.tls = nil
	t.session.Close()
	t.cipher.FreeAll()
	t.freeInput()
	if t.lookahead != nil {
		t.lookahead.Free()
	}
}

// makeCipherBuffers makes what a loop with TLS sockets needs.
func (l *Loop) makeCipherBuffers() {
	l.cipherOut = tlsengine.NewOutput()
	l.cipherIn = buffer.Map(readSize)
}

func (l *Loop) freeCipherBuffers() {
	if l.cipherOut == nil {
		return
	}
	l.cipherOut.Free()
	l.cipherOut = nil
	buffer.Unmap(l.cipherIn)
	l.cipherIn = nil
}

// keepInput keeps what of the input was not consumed for the next operation.
func (p *pipe) keepInput(in []byte, consumed int) unix.Errno {
	if p.input != nil {
		p.input.Consume(consumed)
		if p.input.Len() == 0 {
			p.freeInput()
		}
		return 0
	}
	left := in[consumed:]
	if len(left) == 0 {
		return 0
	}
	b := buffer.NewBlock(len(left))
	if b == nil {
		return unix.ENOMEM
	}
	b.Append(left)
	p.input = b
	return 0
}

func (p *pipe) freeInput() {
	if p.input != nil {
		p.input.Free()
		p.input = nil
	}
}

// dropCipher forgets what nobody will take any more.
func (p *pipe) dropCipher() {
	p.cipher.FreeAll()
	p.waiting = 0
}

// nextInput returns ciphertext: what was kept, or what the kernel has.
func (s *Socket) nextInput(fd int) (in []byte, what arrival, e unix.Errno) {
	if t := s.tls; t.input == nil && t.session.Pending() {
		return nil, arrivedBytes, 0
	}
	return s.receiveInto(&s.tls.pipe, fd, readSize)
}

// receiveInto returns what a pipe has kept, or what the kernel has, at most as many bytes. What is
// not used is to be kept.
func (s *Socket) receiveInto(p *pipe, fd, most int) (in []byte, what arrival, e unix.Errno) {
	l := s.loop
	if b := p.input; b != nil {
		return b.Bytes()[:min(b.Len(), most)], arrivedBytes, 0
	}
	if l.cipherIn == nil {
		return nil, arrivedError, unix.ENOMEM
	}
	if s.ready == 0 {
		return nil, arrivedNothing, 0
	}
	n, what, e := s.recv(fd, l.cipherIn[:min(len(l.cipherIn), most)])
	return l.cipherIn[:n], what, e
}

// sendRecords gives what an operation has made to the kernel, behind what waits already; what
// the kernel does not take waits too.
func (s *Socket) sendRecords(fd int) unix.Errno {
	out := s.loop.cipherOut
	defer out.Reset()
	return s.sendThrough(&s.tls.pipe, fd, out.Bytes())
}

// sendThrough gives bytes to the kernel, behind what waits in the pipe; what the kernel does not
// take waits too.
func (s *Socket) sendThrough(to *pipe, fd int, p []byte) unix.Errno {
	// Until the kernel refuses: only then it tells when it takes more.
	for to.cipher.First == nil && len(p) > 0 {
		n, e := transmitBytes(fd, p)
		if n > 0 {
			s.noteSent(n)
			p = p[n:]
		}
		if e == unix.EAGAIN {
			break
		}
		if e != 0 {
			return e
		}
	}
	if len(p) == 0 {
		return 0
	}
	if !to.cipher.Append(p) {
		return unix.ENOMEM
	}
	to.waiting += len(p)
	return 0
}

// flushRecords gives waiting ciphertext to the kernel, as much as it takes in one write.
func (s *Socket) flushRecords(fd int) unix.Errno { return s.flushPipe(&s.tls.pipe, fd) }

// flushPipe gives what waits in the pipe to the kernel, as much as it takes in one write.
func (s *Socket) flushPipe(p *pipe, fd int) unix.Errno {
	var pieces [maxPieces]unix.Iovec
	count, total := sendqueue.Pieces(p.cipher, pieces[:])
	n, e := transmit(fd, pieces[:count], total)
	if n > 0 {
		s.noteSent(n)
		p.waiting -= n
		var empty buffer.List
		p.cipher.Consume(n, &empty)
		empty.FreeAll()
	}
	return e
}

func (s *Socket) noteSent(n int) {
	s.mu.Lock()
	s.sentBytesLocked(n)
	s.mu.Unlock()
}

// failTLS stores an error of the session as the connection's. A peer that refuses us sends an alert
// and goes; then the alert says more than the reset that a write has met before we have read it.
func (s *Socket) failTLS(err *tlsengine.Error) {
	s.mu.Lock()
	if e := s.fatal.Errno(); e == unix.ECONNRESET || e == unix.EPIPE {
		s.fatal = errcode.OK
	}
	s.failAsLocked(err.Code, err.Text)
	s.beginCloseLocked(orderly)
	s.unlock()
}

// notifyClose makes the close_notify, once, and reports whether all has been given to the
// kernel.
func (s *Socket) notifyClose(fd int) bool {
	t := s.tls
	if !t.notified {
		t.notified = true
		if t.session.Shutdown(s.loop.cipherOut) != tlsengine.Failed {
			t.farewell = len(s.loop.cipherOut.Bytes())
			if e := s.sendRecords(fd); e != 0 {
				t.dropCipher()
			}
		}
		s.loop.cipherOut.Reset()
	}
	if t.session.Deferred() {
		t.writeDeferred = true
		return false
	}
	return !s.hasCipher()
}

// resumeDeferred goes on writing when the session has stopped holding back.
func (s *Socket) resumeDeferred() {
	if t := s.tls; t.writeDeferred && !t.session.Deferred() {
		t.writeDeferred = false
		s.schedule(workFlush | workEnd | workClose)
	}
}

// isHeldBack reports whether nothing can be written before resumeDeferred: a socket that closes
// would try for ever.
func (s *Socket) isHeldBack() bool {
	return s.hasSession() && s.tls.writeDeferred && s.tls.cipher.First == nil
}

// hasUnwritten reports whether writeTLS has something to do although the queue has no blocks.
func (s *Socket) hasUnwritten() bool {
	return s.hasSession() && (s.tls.cipher.First != nil || s.tls.plainInFlight > 0)
}
