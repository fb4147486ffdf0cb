package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sendqueue"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

const (
	// readBudget reads are made at a time, then other sockets have their turn. In record
	// mode it is recordBudget, a part of what a batch has room for. The turn is over before
	// if the reads, with what the listeners do, have taken readTime.
	readBudget   = 16
	recordBudget = 4
	readTime     = 1_000_000
	// writeBudget bounds what a thread writes for others that append meanwhile.
	writeBudget = 16
)

// writeDirect writes a send straight from the caller's memory, over TLS too; what the kernel does
// not take is copied, and comes before what was queued meanwhile.
func (s *Socket) writeDirect(w writer, bufs []abi.Buffer, total int) {
	q, secure := &s.out, s.kind().secure
	var n int
	var e unix.Errno
	var failure *tlsengine.Error
	if secure {
		n, e, failure = s.encryptVector(int(w), bufs)
	} else {
		n, e = transmit(int(w), buffer.Iovecs(bufs), total)
	}
	var rest buffer.List
	again := e == unix.EAGAIN
	if n < total && (e == 0 || again) && failure == nil {
		rest, e = copyRest(bufs, n, total)
	}
	s.mu.Lock()
	s.tookDirectLocked(n)
	s.failWriteLocked(e, failure)
	s.putBackLocked(&rest)
	if !secure && (q.Blocks.First == nil || again && q.MustWait()) {
		s.unlockWriteLocked()
		w = noWriter
	}
	s.unlock()
	rest.FreeAll()
	s.write(w)
}

// copyRest copies what is behind the first n bytes.
func copyRest(bufs []abi.Buffer, n, total int) (buffer.List, unix.Errno) {
	left := make([]abi.Buffer, len(bufs))
	copy(left, bufs)
	rest, ok := buffer.CopyIn(buffer.Skip(left, n), total-n)
	if !ok {
		return buffer.List{}, unix.ENOMEM
	}
	return rest, 0
}

// putBackLocked puts the rest of a send before what was queued meanwhile. If the queue was dropped,
// the rest stays with the caller, who frees it without the lock.
func (s *Socket) putBackLocked(rest *buffer.List) {
	if s.out.IsDropped() {
		return
	}
	s.out.Blocks.PushFront(*rest)
	*rest = buffer.List{}
	if s.out.Blocks.First != nil || s.hasUnwritten() {
		s.stallFromNowLocked()
	}
}

// failWriteLocked ends the connection if a write has failed.
func (s *Socket) failWriteLocked(e unix.Errno, failure *tlsengine.Error) {
	switch {
	case failure != nil:
		s.failAsLocked(failure.Code, failure.Text)
	case e != 0:
		s.failLocked(e)
	}
}

// stallFromNowLocked starts the socket timeout of bytes that have begun to wait.
func (s *Socket) stallFromNowLocked() {
	if s.opts.extra.SocketTimeoutMs > 0 {
		s.lastProgress = reactor.Clock()
		s.queueWorkLocked(workTimer)
	}
}

// tookDirectLocked counts bytes that were taken from a caller's memory: by the kernel, or by the
// session, which the kernel has no more than a part of.
func (s *Socket) tookDirectLocked(n int) {
	switch {
	case !s.kind().secure:
		if !s.out.IsDropped() {
			s.out.Finish(uint64(n), n)
		}
		s.sentBytesLocked(n)
	case !s.out.IsDropped():
		s.tls.plainInFlight += int64(n)
	}
}

// sentBytesLocked notes progress.
func (s *Socket) sentBytesLocked(n int) {
	if n == 0 {
		return
	}
	s.loop.sent.bytes.Add(uint64(n))
	if s.isClosing() || s.opts.idleTimeout > 0 || s.opts.extra.SocketTimeoutMs > 0 {
		s.lastProgress = reactor.Clock()
	}
}

// writeStream writes the queue until it is empty or the kernel takes no more. The
// caller has the token.
func (s *Socket) writeStream(fd int) {
	q := &s.out
	var empty buffer.List
	var pieces [maxPieces]unix.Iovec
	s.mu.Lock()
	for round := 0; ; round++ {
		if q.Blocks.First == nil || q.IsDropped() || s.manner == aborted || s.mustQueueLocked(abi.Completion{}) {
			break
		}
		if round == writeBudget && !s.loop.gathers(Host.ThreadID()) {
			s.queueWorkLocked(workFlush)
			break
		}
		count, total := sendqueue.Pieces(q.Blocks, pieces[:]) // others append meanwhile
		s.mu.Unlock()
		empty.FreeAll()
		n, e := transmit(fd, pieces[:count], total)
		s.mu.Lock()
		if !q.IsDropped() {
			q.Take(n, &empty)
		}
		if !s.transmittedLocked(n, e) {
			break
		}
	}
	s.unlockWriteLocked()
	s.unlock()
	empty.FreeAll()
}

// failLocked stores the first error of a connection; what is queued fails with it, and the
// reader reports it when it has delivered what came before.
func (s *Socket) failLocked(e unix.Errno) {
	s.failAsLocked(errcode.FromErrno(errcode.Client, peerErrno(e)), "")
}

// peerErrno returns the errno to report for one that the kernel has of a connection, or of what the
// network has said. The program is not blamed for what its peer does: ENOTCONN is a connection that
// was reset before. It may have closed the descriptor itself.
func peerErrno(e unix.Errno) unix.Errno {
	switch e {
	case unix.ENOTCONN:
		return unix.ECONNRESET
	case unix.ENOPROTOOPT: // ICMP: protocol unreachable
		return unix.ECONNREFUSED
	case unix.EOPNOTSUPP: // ICMP: source route failed
		return unix.EHOSTUNREACH
	case unix.EBADF, unix.ENOTSOCK:
		return e
	}
	if errcode.FromErrno(errcode.Client, e).Category() == errcode.CategoryUsage {
		return unix.EIO
	}
	return e
}

// routeErrno is peerErrno for what has no way to an address. Of an address that is whole the kernel
// says EINVAL for a route: a blackhole, or the way from the loopback network to others.
func routeErrno(e unix.Errno, to netaddr.Sockaddr) unix.Errno {
	switch {
	case e == unix.EINVAL && !to.LacksZone():
		return unix.EHOSTUNREACH
	case e == unix.EINVAL, e == unix.EAFNOSUPPORT, e == unix.EMSGSIZE:
		return e // the program's own
	}
	return peerErrno(e)
}

// failAsLocked is fail with a code, and words of its own unless text is "".
func (s *Socket) failAsLocked(code errcode.Code, text string) {
	if s.fatal != errcode.OK || s.state.isIdle() {
		return
	}
	s.fatal = code
	s.noteFailureLocked("connection to", s.remote.Sockaddr(), "", s.code(opTransfer, code))
	s.failure.text = text
	if s.out.Size() > 0 {
		s.manner = max(s.manner, truncated)
	}
	s.out.Drop(s.fatal)
	s.out.Unblock()
	s.queueWorkLocked(workDone | workFail)
	if s.isClosing() {
		s.queueWorkLocked(workClose)
	}
}

// reading says what the loop does with arriving bytes.
type reading uint8

const (
	readOff     reading = iota // leave them in the kernel, but watch for the end
	readDeliver                // give them to the listener
	readDiscard                // we are closing
	readNever                  // not connected, or the end has come
	readSettle                 // complete sends first
	readKept                   // UDP: deliver what was received before
	readWait                   // a writer has to come back first, which lets reading go on
	readLeft                   // another socket has taken the descriptor
)

// reads decides that, and returns the descriptor and the listeners; failed says that an
// error waits to be reported behind what the kernel holds.
func (s *Socket) reads() (how reading, fd int, set *listenerSet, failed bool) {
	set = s.listeners.Load()
	s.mu.Lock()
	fd = int(s.fd)
	switch {
	case s.leavingLocked() != nil:
		how = readLeft
	case s.state != stateConnected || s.peerEnded || s.isClosing() && s.half != halfEnded:
		how = readNever
	case s.isClosing():
		how = readDiscard
	case s.paused || !wants(set, abi.EventMessage):
		how = readOff
	default:
		how = s.beginReceiptLocked()
	}
	failed = s.fatal != errcode.OK
	s.mu.Unlock()
	return how, fd, set, failed
}

// readStream takes in what the kernel holds.
func (s *Socket) readStream() {
	l := s.loop
	for budget := l.readBudget(); s.ready != 0; {
		how, fd, set, failed := s.reads()
		var into []byte
		if how == readDeliver {
			into = l.sink.buffer()
		} else {
			into = l.sink.discardBuffer()
		}
		switch {
		case how == readLeft:
			s.hasLeft()
			return
		case how == readNever:
			s.checkReset()
			return
		case how == readOff:
			s.peekEnd(fd, failed)
			return
		case how == readWait:
			return
		case budget.isSpent() || len(into) == 0:
			s.endReceipt()
			s.readLater()
			return
		case how == readSettle:
			s.settleSends()
			continue
		}
		n, what, e := s.recv(fd, into)
		if how == readDeliver {
			s.endReceipt()
		}
		switch what {
		case arrivedBytes:
			if failed {
				s.ready |= pollIn // a stored error is reported when nothing is left
			}
			from, mine := s.claim(into[:n])
			if !mine {
				return
			}
			if how == readDeliver {
				l.sink.message(s, set, into[:n], from)
			}
		case arrivedEnd:
			s.streamEnd()
			return
		default:
			s.onNoInput(fd, what, e)
			return
		}
	}
}

// budget limits how much a socket reads before others have their turn.
type budget struct {
	reads int // that are left
	begun bool
	until int64 // of reactor.Clock, from the second read on
}

// isSpent is asked before each read. Most sockets read once or twice: they need no clock.
func (b *budget) isSpent() bool {
	b.reads--
	switch {
	case b.reads < 0:
		return true
	case !b.begun:
		b.begun = true
	case b.until == 0:
		b.until = reactor.Clock() + readTime
	default:
		return reactor.Clock() > b.until
	}
	return false
}

// checkReset looks for a reset of a connection whose peer has ended.
func (s *Socket) checkReset() {
	s.mu.Lock()
	fd := int(s.fd)
	open := s.state == stateConnected && s.peerEnded && !s.isClosing()
	watch := open && (s.fatal != errcode.OK || s.ready&(unix.EPOLLERR|unix.EPOLLHUP) != 0)
	s.mu.Unlock()
	s.ready = 0
	if watch {
		s.checkError(fd, true)
	}
}

// peekEnd looks for the end or an error behind nothing unread while nobody reads. What is unread
// does not keep a connection that has failed: its reader may wait for a queue that will never get
// shorter.
func (s *Socket) peekEnd(fd int, failed bool) {
	if failed {
		s.ready = 0
		s.streamFailed(0)
		return
	}
	if s.ready&pollGone == 0 {
		return
	}
	var b [1]byte
	n, e := sys.Recv(fd, b[:], unix.MSG_PEEK)
	switch {
	case n > 0 || e == unix.EINTR:
		// The reader will come to it.
	case e == 0:
		s.ready = 0
		s.streamEnd()
	case e == unix.EAGAIN:
		s.ready = 0
		s.checkError(fd, true)
	default:
		s.ready = 0
		s.streamFailed(e)
	}
}

// checkError reports an error once nothing is left to read.
func (s *Socket) checkError(fd int, ask bool) {
	s.mu.Lock()
	failed := s.fatal != errcode.OK
	s.mu.Unlock()
	if failed {
		s.streamFailed(0)
		return
	}
	if !ask {
		return
	}
	if e, e2 := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); e2 == 0 && e != 0 {
		s.streamFailed(unix.Errno(e))
	}
}

// streamFailed ends the connection with an error, or with the one that is stored.
func (s *Socket) streamFailed(e unix.Errno) {
	undelivered := s.hasSentAll() && s.isUndelivered()
	s.mu.Lock()
	if m := s.leavingLocked(); m != nil {
		s.mu.Unlock()
		m.end(e)
		return
	}
	switch {
	case undelivered && e != 0:
		s.loseLocked(e)
	case s.isClosing() && s.half == halfEnded:
		// We have sent all and were only waiting for the peer to go.
		s.peerEnded = true
	case e != 0:
		s.failLocked(e)
	}
	s.beginCloseLocked(orderly)
	s.unlock()
}

// streamEnd handles the peer's FIN.
func (s *Socket) streamEnd() {
	s.mu.Lock()
	if m := s.leavingLocked(); m != nil {
		s.mu.Unlock()
		m.end(0)
		return
	}
	if s.fatal != errcode.OK {
		// Not a clean end: the error was taken from the kernel by a send.
		s.beginCloseLocked(orderly)
		s.unlock()
		return
	}
	s.peerEnded = true
	if s.isClosing() {
		s.queueWorkLocked(workClose)
		s.unlock()
		return
	}
	s.unlock()
	s.emit(abi.EventEnd, errcode.OK, nil)
	s.loop.sink.whenSeen(s) // it may answer
}

// closeAfterPeerEnd closes a socket whose peer has ended, unless it may stay half open.
func (s *Socket) closeAfterPeerEnd() {
	s.mu.Lock()
	if s.peerEnded && !s.isClosing() && (!s.opts.halfOpen.isOn() || s.half != halfSending) && s.state == stateConnected {
		s.beginCloseLocked(orderly)
	} else if s.isClosing() {
		s.queueWorkLocked(workClose)
	}
	s.unlock()
}
