package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

// The wire is the descriptor of a connection. Here are the only recv(2) and the only send(2) of
// connections, plain or TLS; datagrams have their own (inbox.go, outbox.go).

// maxPieces is the number of pieces that one send has at most.
const maxPieces = 32

// arrival says how recv ended.
type arrival uint8

const (
	arrivedBytes   arrival = iota // at TLS also none, if the session still holds some
	arrivedNothing                // the kernel has no more
	arrivedEnd                    // the end of the stream
	arrivedError
)

// recv takes in bytes, and keeps account of what the kernel still has (ready). Interest is
// edge-triggered: after an emptied socket nothing is read until the kernel tells of more. It
// belongs to the loop's thread.
func (s *Socket) recv(fd int, into []byte) (n int, what arrival, e unix.Errno) {
	for {
		if n, e = sys.Recv(fd, into, 0); e != unix.EINTR {
			break
		}
	}
	switch {
	case n > 0:
		s.active = s.loop.reactor.Now()
		// A short read has emptied the socket, unless an end, an error or urgent data may be
		// the reason why it was short.
		if n < len(into) && s.ready&(pollGone|pollUrgent) == 0 {
			s.ready = 0
		}
		return n, arrivedBytes, 0
	case e == unix.EAGAIN:
		return 0, arrivedNothing, 0
	}
	s.ready = 0
	if e == 0 {
		return 0, arrivedEnd, 0
	}
	return 0, arrivedError, e
}

// transmit gives bytes to the kernel, total of them, and returns how many it has taken.
func transmit(fd int, pieces []unix.Iovec, total int) (int, unix.Errno) {
	for {
		if n, e := sys.SendVector(fd, pieces, total); e != unix.EINTR {
			return max(n, 0), e
		}
	}
}

// transmitBytes is transmit for one piece.
func transmitBytes(fd int, b []byte) (int, unix.Errno) {
	pieces := [1]unix.Iovec{sys.Piece(b)}
	return transmit(fd, pieces[:], len(b))
}

// transmittedLocked notes what a transmit has come to, and reports whether the writer goes on: not
// if the kernel takes no more, before it has said that it does.
func (s *Socket) transmittedLocked(n int, e unix.Errno) bool {
	switch e {
	case 0:
		s.sentBytesLocked(n)
		return true
	case unix.EAGAIN:
		return !s.out.MustWait()
	}
	s.failLocked(e)
	return true
}
