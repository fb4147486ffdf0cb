package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/tlsengine"
)

// writeTLS encrypts and writes the queue until it is empty or the kernel takes no more. It
// runs on the loop's thread; the caller has the token.
func (s *Socket) writeTLS(fd int) {
	q, t := &s.out, s.tls
	var empty blockList
	s.mu.Lock()
	for round := 0; !q.dropped && !s.aborted; round++ {
		if t.cipher.first == nil {
			s.credit()
			if q.blocks.first == nil {
				break
			}
		}
		if round == writeBudget {
			s.leave(workFlush)
			break
		}
		var e unix.Errno
		var failure *tlsengine.Error
		if t.cipher.first != nil {
			s.mu.Unlock()
			e = s.pushCipher(fd)
			s.mu.Lock()
		} else {
			b := q.blocks.first
			at, size := b.at(b.start), min(b.unsent(), encryptSize)
			s.mu.Unlock()
			e, failure = s.encrypt(fd, at, size)
			s.mu.Lock()
			if !q.dropped {
				t.credit += int64(size)
				b.start += uint32(size)
				if b.unsent() == 0 {
					empty.push(q.blocks.pop())
				}
			}
		}
		switch {
		case failure != nil:
			s.failAs(failure.Code, failure.Text)
		case e == unix.EAGAIN && !q.edge:
			q.blocked = true
		case e == unix.EAGAIN:
			q.edge = false
		case e != 0 && e != unix.EINTR:
			s.fail(e)
		}
		if q.blocked {
			break
		}
	}
	if t.choked && t.waiting <= cipherLimit {
		t.choked = false
		s.leave(workRead)
	}
	s.wrote()
	s.unlock()
	empty.freeAll()
}

// credit counts plaintext of which the kernel has all ciphertext. mu is held.
func (s *Socket) credit() {
	q, t := &s.out, s.tls
	if t.credit == 0 {
		return
	}
	if !q.dropped && q.size >= t.credit {
		q.finished += uint64(t.credit)
		q.size -= t.credit
	}
	t.credit = 0
}

// encrypt makes records of plaintext and gives them to the kernel.
func (s *Socket) encrypt(fd int, data unsafe.Pointer, size int) (unix.Errno, *tlsengine.Error) {
	t, l := s.tls, s.loop
	if t.session.Write(data, size, l.cipherOut) == tlsengine.Failed {
		l.cipherOut.Reset()
		return 0, t.session.Err()
	}
	return s.put(fd), nil
}
