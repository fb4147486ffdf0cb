package socket

import (
	"math"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

const (
	// packetBatch datagrams are sent or received by one system call.
	packetBatch = 32
	// maxPacket is more than any datagram has.
	maxPacket = 64 << 10
	// packetStride keeps the buffers of a batch from falling on the same cache lines.
	packetStride = maxPacket + 4096 + 192
)

// queuedPacket is the header of a datagram in a block; its bytes follow.
type queuedPacket struct {
	address netaddr.Sockaddr // invalid: the connected peer
	size    uint32
	tooLong bool // it has no bytes and fails when its turn comes
}

var packetHeader = (buffer.Size[queuedPacket]() + 7) &^ 7

func packetRoom(size int) int { return packetHeader + (size+7)&^7 }

// pushPacket copies a datagram to the end of a list; false if there is no memory.
func pushPacket(l *buffer.List, bufs []abi.Buffer, size int, a netaddr.Sockaddr) bool {
	b := l.Last()
	if b == nil || b.Room() < packetRoom(size) {
		if b = buffer.NewBlock(packetRoom(size)); b == nil {
			return false
		}
		l.Push(b)
	}
	room := b.Grow(packetRoom(size))
	*buffer.View[queuedPacket](room) = queuedPacket{address: a, size: uint32(size)}
	to := room[packetHeader:]
	for i := range bufs {
		to = to[copy(to, buffer.FromCaller(bufs[i].Data, int(bufs[i].Size))):]
	}
	return true
}

// frontPacket returns the first datagram and its bytes.
func frontPacket(l *buffer.List) (*queuedPacket, []byte) {
	if l.First == nil {
		return nil, nil
	}
	return packetAt(l.First.Bytes())
}

// packetAt returns the datagram at the beginning of memory, and its bytes.
func packetAt(b []byte) (*queuedPacket, []byte) {
	p := buffer.View[queuedPacket](b)
	return p, b[packetHeader:][:p.size]
}

// pushTooLong queues a datagram that fits in no block, nor in any network, to fail when its turn
// comes.
func pushTooLong(l *buffer.List) bool {
	if !pushPacket(l, nil, 0, netaddr.Sockaddr{}) {
		return false
	}
	queued := l.Last().Bytes()
	buffer.View[queuedPacket](queued[len(queued)-packetHeader:]).tooLong = true
	return true
}

// popPacket removes the first datagram. A block that has become empty goes to another list, to be
// freed without a lock.
func popPacket(l, empty *buffer.List) {
	b := l.First
	b.Consume(packetRoom(int(buffer.View[queuedPacket](b.Bytes()).size)))
	if b.Len() == 0 {
		empty.Push(l.Pop())
	}
}

// sendPacket sends one datagram, at once if nothing is before it.
func (s *Socket) sendPacket(t abi.Thread, bufs []abi.Buffer, total int, to netaddr.Sockaddr, done abi.Completion) errcode.Code {
	gather := s.loop.beginGather(t)
	defer s.loop.endGather(gather)
	q := &s.out
	var copied buffer.List
	var joined *buffer.Block
	charge, size := int64(math.MaxInt64), total
	if total >= maxPacket {
		size = 0 // only its failure is queued
	}
	s.mu.Lock()
	for {
		code := s.sendablePacketLocked(to)
		if code == errcode.OK && !s.underLimitLocked(total) {
			if w := s.makeRoomLocked(gather, &charge); w != noWriter {
				s.unlock()
				s.write(w)
				s.mu.Lock()
				continue
			}
			code = s.refuseSendLocked(total)
		}
		if code != errcode.OK {
			s.mu.Unlock()
			copied.FreeAll()
			return code
		}
		switch {
		case copied.First != nil:
			joined = q.Blocks.Join(copied)
		case size < total:
			s.mu.Unlock()
			if !pushTooLong(&copied) {
				return errcode.FromErrno(errcode.Client, unix.ENOMEM)
			}
			s.mu.Lock()
			continue
		case !gather && q.IsIdle() && q.Blocks.First == nil && s.state != stateConnecting && !s.mustQueueLocked(done):
			s.acceptSendLocked(1, size, done)
			w := s.lockWriteLocked()
			s.unlock()
			s.writePacket(w, bufs, size, to)
			return errcode.OK
		case total <= smallSend && q.Blocks.First != nil && q.Blocks.Last().Room() >= packetRoom(total):
			pushPacket(&q.Blocks, bufs, total, to)
		default:
			s.mu.Unlock()
			if !pushPacket(&copied, bufs, total, to) {
				return errcode.FromErrno(errcode.Client, unix.ENOMEM)
			}
			s.mu.Lock()
			continue
		}
		s.acceptSendLocked(1, size, done)
		w := s.chooseWriterLocked(gather, size)
		s.unlock()
		if joined != nil {
			joined.Free()
		}
		s.write(w)
		return errcode.OK
	}
}

// sendablePacketLocked says whether a datagram can be accepted in this state.
func (s *Socket) sendablePacketLocked(to netaddr.Sockaddr) errcode.Code {
	code := s.sendableLocked()
	switch {
	case code == errcode.NotConnected && to.IsValid():
		return errcode.OK
	case code == errcode.NotConnected:
		return errcode.DestinationRequired
	}
	return code
}

// writePacket writes a datagram straight from the caller's memory: there is none before it.
func (s *Socket) writePacket(w writer, bufs []abi.Buffer, size int, to netaddr.Sockaddr) {
	q := &s.out
	var peer *netaddr.Sockaddr
	if to.IsValid() {
		peer = &to
	}
	e := s.trySend(int(w), buffer.Iovecs(bufs), peer, 0)
	var copied buffer.List
	if e == unix.EAGAIN && !pushPacket(&copied, bufs, size, to) {
		e = unix.ENOMEM
	}
	s.mu.Lock()
	if e == unix.EAGAIN && !q.IsDropped() {
		q.Blocks.PushFront(copied)
		copied = buffer.List{}
	} else {
		s.packetDoneLocked(size, to, e)
	}
	if q.Blocks.First == nil || e == unix.EAGAIN && q.MustWait() {
		s.unlockWriteLocked()
		w = noWriter
	}
	s.unlock()
	copied.FreeAll()
	s.write(w)
}

// trySend makes the system call. On a connected socket the kernel may hand out the error of an
// earlier datagram (ICMP) instead of sending this one, once: that is a notice, and this one is
// tried again. What is wrong with this one itself is wrong at the next try too. earlier is the
// error of a try that was made already, 0 if there was none.
func (s *Socket) trySend(fd int, pieces []unix.Iovec, to *netaddr.Sockaddr, earlier unix.Errno) unix.Errno {
	for tries := 0; ; tries++ {
		_, e := sys.SendPacket(fd, pieces, to)
		switch {
		case e == unix.EINTR:
		case e == unix.EAFNOSUPPORT && to != nil && to.Is4In6():
			four := to.Unmap() // the socket is of IPv4
			to = &four
		case isICMP(e) && e != earlier && tries < mostTries:
			earlier = e
		default:
			if earlier != 0 && (e == 0 || e == unix.EAGAIN) {
				s.noticeError(earlier)
			}
			return e
		}
	}
}

// mostTries bounds how often a datagram is tried while ICMP says one thing after the other.
const mostTries = 8

// isICMP reports whether the kernel turns an ICMP message into this error.
func isICMP(e unix.Errno) bool {
	switch e {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET, unix.ENOPROTOOPT,
		unix.EPROTO, unix.EACCES, unix.EOPNOTSUPP, unix.EMSGSIZE:
		return true
	}
	return false
}

func (s *Socket) noticeError(e unix.Errno) {
	s.mu.Lock()
	s.notice = errcode.FromErrno(errcode.Client, peerErrno(e))
	s.noteFailureLocked("an earlier datagram to", s.remote.Sockaddr(), "", s.notice)
	s.queueWorkLocked(workNotice)
	s.unlock()
}

// packetDoneLocked ends the first datagram of the queue, sent or failed.
func (s *Socket) packetDoneLocked(size int, to netaddr.Sockaddr, e unix.Errno) {
	q := &s.out
	if q.IsDropped() {
		return
	}
	q.Finish(1, size)
	if e != 0 {
		if !to.IsValid() {
			to = s.remote.Sockaddr()
		}
		code := errcode.FromErrno(errcode.Client, routeErrno(e, to))
		s.noteFailureLocked("send to", to, "", code)
		q.FailLast(code)
	} else {
		s.loop.sent.bytes.Add(uint64(size))
		if s.isClosing() {
			s.lastProgress = reactor.Clock()
		}
	}
}
