package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

// writeTLS encrypts and writes the queue until it is empty or the kernel takes no more. It
// runs on the loop's thread; the caller has the token.
func (s *Socket) writeTLS(fd int) {
	q, t := &s.out, s.tls
	var empty buffer.List
	s.mu.Lock()
	for round := 0; !q.IsDropped() && s.manner != aborted; round++ {
		if t.cipher.First == nil {
			if t.session.Deferred() {
				t.writeDeferred = true
				break // until readTLS has got the rest of the peer's message
			}
			s.creditLocked()
			if q.Blocks.First == nil {
				break
			}
		}
		if round == writeBudget {
			s.queueWorkLocked(workFlush)
			break
		}
		var e unix.Errno
		var failure *tlsengine.Error
		if t.cipher.First != nil {
			s.mu.Unlock()
			e = s.flushRecords(fd)
			s.mu.Lock()
		} else {
			b := q.Blocks.First
			plain := b.Bytes()[:min(b.Len(), encryptSize)]
			s.mu.Unlock()
			e, failure = s.encrypt(fd, plain)
			s.mu.Lock()
			if !q.IsDropped() {
				t.plainInFlight += int64(len(plain))
				b.Consume(len(plain))
				if b.Len() == 0 {
					empty.Push(q.Blocks.Pop())
				}
			}
		}
		if failure != nil {
			s.failAsLocked(failure.Code, failure.Text)
		} else if !s.transmittedLocked(0, e) {
			break
		}
	}
	if t.readThrottled && t.waiting <= cipherLimit {
		t.readThrottled = false
		s.queueWorkLocked(workRead)
	}
	s.unlockWriteLocked()
	s.unlock()
	empty.FreeAll()
}

// creditLocked counts plaintext of which the kernel has all ciphertext.
func (s *Socket) creditLocked() {
	q, t := &s.out, s.tls
	if t.plainInFlight == 0 {
		return
	}
	if !q.IsDropped() && q.Size() >= t.plainInFlight {
		q.Finish(uint64(t.plainInFlight), int(t.plainInFlight))
	}
	t.plainInFlight = 0
}

// encrypt makes records of plaintext and gives them to the kernel.
func (s *Socket) encrypt(fd int, plain []byte) (unix.Errno, *tlsengine.Error) {
	t, l := s.tls, s.loop
	if t.session.Write(plain, l.cipherOut) == tlsengine.Failed {
		l.cipherOut.Reset()
		return 0, t.session.Err()
	}
	return s.sendRecords(fd), nil
}

// encryptsAtOnce says whether a send on the loop's thread need not be copied. mu is held.
func (s *Socket) encryptsAtOnce() bool {
	q := &s.out
	return s.kind().secure && s.state == stateConnected && q.IsIdle() && q.Blocks.First == nil && s.tls.cipher.First == nil
}

// encryptDirect encrypts a send straight from the caller's memory, as long as the kernel takes
// the records; the rest is copied. mu is held and given back.
func (s *Socket) encryptDirect(bufs []abi.Buffer, total int, done abi.Completion) errcode.Code {
	q, t := &s.out, s.tls
	s.acceptSendLocked(uint64(total), total, done)
	fd := s.lockWriteLocked()
	s.unlock()
	taken := 0
	var e unix.Errno
	var failure *tlsengine.Error
	goesOn := func() bool { return e == 0 && failure == nil && t.cipher.First == nil }
	for i := 0; i < len(bufs) && goesOn(); i++ {
		data := buffer.FromCaller(bufs[i].Data, int(bufs[i].Size))
		for len(data) > 0 && goesOn() {
			n := min(len(data), encryptSize)
			e, failure = s.encrypt(fd, data[:n])
			data, taken = data[n:], taken+n
		}
	}
	var rest buffer.List
	if taken < total && e == 0 && failure == nil {
		left := make([]abi.Buffer, len(bufs))
		copy(left, bufs)
		var ok bool
		if rest, ok = buffer.CopyIn(buffer.Skip(left, taken), total-taken); !ok {
			e = unix.ENOMEM
		}
	}
	s.mu.Lock()
	switch {
	case failure != nil:
		s.failAsLocked(failure.Code, failure.Text)
	case e != 0:
		s.failLocked(e)
	}
	if q.IsDropped() {
		rest.FreeAll()
	} else {
		t.plainInFlight += int64(taken)
		q.Blocks.PushFront(rest)
		s.stallFromNowLocked()
	}
	s.unlock()
	s.writeTLS(fd)
	return errcode.OK
}
