package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

const (
	// encryptSize is what is encrypted at a time: four records of the largest size.
	encryptSize = 64 << 10
	// cipherLimit stops reading while that much that the peer has made us say, and does not
	// read, is waiting.
	cipherLimit = 256 << 10
)

// phase is how far a TLS connection has come.
type phase uint8

const (
	phaseHandshake phase = iota
	phaseReady           // a server's connection that its listeners have not seen
	phaseOpen
)

// tlsLayer is what a TLS connection has between its queue and its descriptor. It belongs
// to the loop's thread, which alone touches the session.
//
// The queue holds plaintext. The loop's thread takes it in portions, encrypts each and
// gives it to the kernel; of what the kernel does not take the ciphertext waits here, and
// the plaintext, gone from the queue's blocks, still counts in its size until the kernel
// has taken the ciphertext.
type tlsLayer struct {
	session  *tlsengine.Session
	phase    phase
	cipher   blockList // made, and not yet taken by the kernel
	waiting  int       // bytes of cipher
	credit   int64     // bytes of plaintext of which cipher holds the last
	input    *block    // received, and not yet processed
	ahead    *block    // decrypted while nobody reads, to find an end behind it
	behind   tlsengine.Status
	begun    int64 // of loop.Clock: a server's connection
	speaks   bool  // a client that has not said anything yet
	notified bool  // close_notify has been made
	farewell int   // its size
	// deferring: the session holds back what was written, or close_notify, since the
	// peer is in the middle of a message of the handshake
	deferring bool
	choked    bool // reading has stopped until cipher is shorter
}

// hasCipher reports whether ciphertext waits for the kernel: of the queue, or of what the
// session had to say by itself.
func (s *Socket) hasCipher() bool { return s.hasSession() && s.tls.cipher.first != nil }

// hasSession reports whether this is a TLS socket from its handshake to its end.
func (s *Socket) hasSession() bool { return s.kind.IsTLS() && s.tls != nil }

// startTLS gives the socket, a client, a session.
func (s *Socket) startTLS(session *tlsengine.Session) {
	s.tls = &tlsLayer{session: session, speaks: true}
	if s.loop.cipherOut == nil {
		s.loop.makeCipherBuffers()
	}
}

// stopTLS ends the session.
func (s *Socket) stopTLS() {
	if !s.hasSession() {
		return
	}
	t := s.tls
	s.tls = nil
	t.session.Close()
	t.cipher.freeAll()
	t.freeInput()
	if t.ahead != nil {
		t.ahead.free()
	}
}

// makeCipherBuffers makes what a loop with TLS sockets needs.
func (l *Loop) makeCipherBuffers() {
	l.cipherOut = tlsengine.NewOutput()
	l.cipherIn = sys.Map(readSize)
	if l.cipherIn != nil {
		mappedBytes.Add(readSize)
	}
}

func (l *Loop) freeCipherBuffers() {
	if l.cipherOut == nil {
		return
	}
	l.cipherOut.Free()
	l.cipherOut = nil
	if l.cipherIn != nil {
		sys.Unmap(l.cipherIn, readSize)
		mappedBytes.Add(-readSize)
		l.cipherIn = nil
	}
}

// keepInput keeps what of the input was not consumed for the next operation.
func (t *tlsLayer) keepInput(in unsafe.Pointer, size, consumed int) unix.Errno {
	if t.input != nil {
		t.input.start += uint32(consumed)
		if t.input.unsent() == 0 {
			t.freeInput()
		}
		return 0
	}
	left := size - consumed
	if left == 0 {
		return 0
	}
	b := newBlock(left)
	if b == nil {
		return unix.ENOMEM
	}
	move(b.at(b.end), unsafe.Add(in, consumed), left)
	b.end += uint32(left)
	t.input = b
	return 0
}

func (t *tlsLayer) freeInput() {
	if t.input != nil {
		t.input.free()
		t.input = nil
	}
}

// arrival is what there is to process.
type arrival uint8

const (
	arrivedBytes   arrival = iota // ciphertext, or, with size 0, what the session still holds
	arrivedNothing                // the kernel has no more
	arrivedEnd                    // the end of the stream
	arrivedError
)

// nextInput returns ciphertext: what was kept, or what the kernel has.
func (s *Socket) nextInput(fd int) (in unsafe.Pointer, size int, what arrival, e unix.Errno) {
	l, t := s.loop, s.tls
	if b := t.input; b != nil {
		return b.at(b.start), b.unsent(), arrivedBytes, 0
	}
	if t.session.Pending() {
		return nil, 0, arrivedBytes, 0
	}
	if l.cipherIn == nil {
		return nil, 0, arrivedError, unix.ENOMEM
	}
	for s.ready != 0 {
		n, e := sys.Recv(fd, l.cipherIn, readSize, 0)
		switch {
		case n > 0:
			s.active = l.reactor.Now()
			// A short read has emptied the socket, see readStream.
			if n < readSize && s.ready&(pollGone|pollUrgent) == 0 {
				s.ready = 0
			}
			return l.cipherIn, n, arrivedBytes, 0
		case e == unix.EINTR:
			continue
		case e == unix.EAGAIN:
			return nil, 0, arrivedNothing, 0
		}
		s.ready = 0
		if e == 0 {
			return nil, 0, arrivedEnd, 0
		}
		return nil, 0, arrivedError, e
	}
	return nil, 0, arrivedNothing, 0
}

// put gives what an operation has made to the kernel, behind what waits already; what
// the kernel does not take waits too.
func (s *Socket) put(fd int) unix.Errno {
	t, out := s.tls, s.loop.cipherOut
	p, size := out.Bytes()
	if size == 0 {
		return 0
	}
	defer out.Reset()
	// Until the kernel refuses: only then it tells when it takes more.
	for t.cipher.first == nil && size > 0 {
		n, e := sys.Send(fd, p, size)
		if n > 0 {
			s.noteSent(n)
			p, size = unsafe.Add(p, n), size-n
		}
		if e == unix.EAGAIN {
			break
		}
		if e != 0 && e != unix.EINTR {
			return e
		}
	}
	if size == 0 {
		return 0
	}
	if !t.cipher.extend(p, size) {
		return unix.ENOMEM
	}
	t.waiting += size
	return 0
}

// pushCipher gives waiting ciphertext to the kernel, as much as it takes in one write.
func (s *Socket) pushCipher(fd int) unix.Errno {
	t := s.tls
	q := sendQueue{blocks: t.cipher}
	var pieces [maxPieces]unix.Iovec
	count, total := q.pieces(pieces[:])
	n, e := sys.SendVector(fd, pieces[:count], total)
	if n > 0 {
		s.noteSent(n)
		t.waiting -= n
		var empty blockList
		q.taken(n, &empty)
		t.cipher = q.blocks
		empty.freeAll()
	}
	return e
}

func (s *Socket) noteSent(n int) {
	s.mu.Lock()
	s.sentBytes(n)
	s.mu.Unlock()
}

// failTLS stores an error of the session as the connection's. A peer that refuses us sends an alert and goes; then
// the alert says more than the reset that a write has met before we have read it.
func (s *Socket) failTLS(err *tlsengine.Error) {
	s.mu.Lock()
	if e := s.fatal.Errno(); e == unix.ECONNRESET || e == unix.EPIPE {
		s.fatal = errcode.OK
	}
	s.failAs(err.Code, err.Text)
	s.beginClose()
	s.unlock()
}

// notifyClose makes the close_notify, once, and reports whether all has been given to the
// kernel.
func (s *Socket) notifyClose(fd int) bool {
	t := s.tls
	if !t.notified {
		t.notified = true
		if t.session.Shutdown(s.loop.cipherOut) != tlsengine.Failed {
			_, t.farewell = s.loop.cipherOut.Bytes()
			if e := s.put(fd); e != 0 {
				t.cipher.freeAll()
				t.waiting = 0
			}
		}
		s.loop.cipherOut.Reset()
	}
	if t.session.Deferred() {
		t.deferring = true
		return false
	}
	return !s.hasCipher()
}

// resumeDeferred goes on writing when the session has stopped holding back.
func (s *Socket) resumeDeferred() {
	if t := s.tls; t.deferring && !t.session.Deferred() {
		t.deferring = false
		s.schedule(workFlush | workEnd | workClose)
	}
}

// isHeldBack reports whether nothing can be written before resumeDeferred: a socket that closes would try for ever.
func (s *Socket) isHeldBack() bool {
	return s.hasSession() && s.tls.deferring && s.tls.cipher.first == nil
}

// owesCredit reports whether writeTLS has something to do although the queue has no blocks.
func (s *Socket) owesCredit() bool {
	return s.hasSession() && (s.tls.cipher.first != nil || s.tls.credit > 0)
}
