package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/tlsengine"
)

// writeTLS encrypts and writes the queue until it is empty or the kernel takes no more. It
// runs on the loop's thread; the caller has the write lock.
func (s *Socket) writeTLS(fd int) {
	q, t := &s.out, s.tls
	var empty buffer.List
	s.mu.Lock()
	for round := 0; !q.IsDropped() && s.manner != aborted; round++ {
		plain, ok := s.nextPlainLocked(round)
		if !ok {
			break
		}
		s.mu.Unlock()
		empty.FreeAll()
		e, failure := s.writeRecords(fd, plain)
		s.mu.Lock()
		s.encryptedLocked(len(plain), &empty)
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

// nextPlainLocked returns what is encrypted next: nothing, while records wait for the kernel. It
// reports false if the writer has come to its end, or others have their turn.
func (s *Socket) nextPlainLocked(round int) ([]byte, bool) {
	q, t := &s.out, s.tls
	waits := t.cipher.First != nil
	if !waits {
		if t.session.Deferred() {
			t.writeDeferred = true
			return nil, false // until readTLS has got the rest of the peer's message
		}
		s.creditLocked()
		if q.Blocks.First == nil {
			return nil, false
		}
	}
	if round == writeBudget {
		s.queueWorkLocked(workFlush)
		return nil, false
	}
	if waits {
		return nil, true
	}
	b := q.Blocks.First
	return b.Bytes()[:min(b.Len(), encryptSize)], true
}

// writeRecords encrypts and writes plaintext; without any, it writes the records that wait.
func (s *Socket) writeRecords(fd int, plain []byte) (unix.Errno, *tlsengine.Error) {
	if plain == nil {
		return s.flushRecords(fd), nil
	}
	return s.encrypt(fd, plain)
}

// encryptedLocked removes plaintext from the front of the queue that was encrypted, and counts it
// as sent when the kernel has its records.
func (s *Socket) encryptedLocked(n int, empty *buffer.List) {
	q := &s.out
	if n == 0 || q.IsDropped() {
		return
	}
	s.tls.plainInFlight += int64(n)
	q.Blocks.Consume(n, empty)
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

// encryptVector encrypts from a caller's memory, as long as the kernel takes the records. It
// returns how many bytes that was.
func (s *Socket) encryptVector(fd int, bufs []abi.Buffer) (taken int, e unix.Errno, failure *tlsengine.Error) {
	for i := range bufs {
		data := buffer.FromCaller(bufs[i].Data, int(bufs[i].Size))
		for len(data) > 0 {
			n := min(len(data), encryptSize)
			e, failure = s.encrypt(fd, data[:n])
			data, taken = data[n:], taken+n
			if e != 0 || failure != nil || s.tls.cipher.First != nil {
				return taken, e, failure
			}
		}
	}
	return taken, 0, nil
}
