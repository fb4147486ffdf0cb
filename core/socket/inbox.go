package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// inbox holds the memory in which a loop receives datagrams.
type inbox struct {
	arena   buffer.Arena
	slots   []byte // packetBatch of them, packetStride apart
	packets []sys.Packet
	names   []unix.RawSockaddrInet6
	pieces  []unix.Iovec
}

func newInbox() *inbox {
	// Headers and names lie in the mapping too: the kernel writes to them through
	// addresses that the garbage collector does not follow.
	headers := buffer.Size[sys.Packet]() + buffer.Size[unix.RawSockaddrInet6]() + buffer.Size[unix.Iovec]()
	arena, ok := buffer.NewArena(packetBatch * (packetStride + headers))
	if !ok {
		return nil
	}
	in := &inbox{
		packets: buffer.Cut[sys.Packet](&arena, packetBatch),
		pieces:  buffer.Cut[unix.Iovec](&arena, packetBatch),
		names:   buffer.Cut[unix.RawSockaddrInet6](&arena, packetBatch),
		slots:   arena.Reserve(packetBatch * packetStride),
	}
	in.arena = arena
	for i := range in.packets {
		in.pieces[i] = sys.Piece(in.slot(i))
		in.packets[i].Receive(&in.names[i], &in.pieces[i])
	}
	return in
}

// slot returns the memory for the i-th datagram of a batch.
func (in *inbox) slot(i int) []byte { return in.slots[i*packetStride:][:maxPacket] }

func (in *inbox) free() { in.arena.Free() }

// receivesLocked says whether datagrams are to be delivered, and to whom.
func (s *Socket) receivesLocked() (*listenerSet, bool) {
	set := s.listeners.Load()
	if s.isClosing() || s.paused || s.fd < 0 || !s.state.isOpen() {
		return set, false
	}
	return set, wants(set, abi.EventMessage)
}

// receives asks that for each datagram: without defer, which is slow here.
func (s *Socket) receives() (*listenerSet, bool) {
	s.mu.Lock()
	set, ok := s.receivesLocked()
	s.mu.Unlock()
	return set, ok
}

// packetReads says what is to be done with arriving datagrams, and returns the descriptor.
func (s *Socket) packetReads() (how reading, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, receives := s.receivesLocked()
	switch {
	case !receives, s.token == 0, s.undelivered == nil && s.ready == 0:
		return readNever, -1
	case s.undelivered != nil && !s.out.IsDue():
		return readKept, -1
	}
	return s.beginReceiptLocked(), int(s.fd)
}

// readPackets delivers the datagrams there are.
func (s *Socket) readPackets() {
	l := s.loop
	for budget := l.readBudget(); ; {
		how, fd := s.packetReads()
		switch {
		case how == readNever:
			s.endIfShutDown()
			return
		case how == readWait:
			return
		case budget.isSpent() || !l.hasRoom():
			s.endReceipt()
			s.readLater()
			return
		case how == readSettle:
			s.settleSends()
			continue
		case how == readKept:
			s.deliverUndelivered()
			continue
		}
		if l.inbox == nil {
			if l.inbox = newInbox(); l.inbox == nil {
				s.endReceipt()
				s.schedule(workRead)
				return
			}
		}
		in := l.inbox
		for i := range in.packets {
			in.packets[i].Renew()
		}
		n, e := sys.RecvMany(fd, in.packets)
		s.endReceipt()
		switch {
		case n > 0:
			if n < packetBatch {
				// The kernel had no more, unless a hook or an error cut it short.
				s.ready &= unix.EPOLLERR | unix.EPOLLHUP
			}
			s.deliverPackets(in, n)
		case e == unix.EAGAIN || e == 0:
			s.endIfShutDown()
			s.ready = 0
		case e == unix.EINTR:
		case e == unix.ENOMEM || e == unix.ENOBUFS:
			s.schedule(workRead)
			return
		default:
			// What became of an earlier datagram; the socket goes on.
			s.mu.Lock()
			s.notice = errcode.OK
			code := errcode.FromErrno(errcode.Client, peerErrno(e))
			s.noteFailureLocked("an earlier datagram to", s.remote.Sockaddr(), "", code)
			s.mu.Unlock()
			s.emit(abi.EventError, code, nil)
		}
	}
}

// endIfShutDown ends a socket that somebody who shares the descriptor has shut down both ways:
// nothing will ever come or go. One way leaves the other.
func (s *Socket) endIfShutDown() {
	if s.ready&unix.EPOLLHUP == 0 {
		return
	}
	s.mu.Lock()
	if !s.isClosing() && s.state.isOpen() {
		s.fatal = errcode.FromErrno(errcode.Client, unix.EIO)
		s.noteFailureLocked("receive", netaddr.Sockaddr{}, "", s.fatal)
		s.failure.text = "somebody who shares the descriptor has shut it down"
		s.beginCloseLocked(orderly)
	}
	s.unlock()
}

// deliverPackets makes messages of what was received. What may not be delivered any
// more, because a listener paused the socket or the host's array is full, is kept.
func (s *Socket) deliverPackets(in *inbox, n int) {
	for i := range n {
		p := &in.packets[i]
		from := p.Sender()
		data := in.slot(i)[:p.Size]
		if s.undelivered == nil {
			if set, ok := s.receives(); ok && s.packetRoom(len(data)) {
				s.loop.sink.message(s, set, data, from)
				continue
			}
			s.mu.Lock()
			gone := s.isClosing() || s.state.isIdle()
			s.mu.Unlock()
			if gone {
				return
			}
			s.undelivered = &buffer.List{}
		}
		pushPacket(s.undelivered, []abi.Buffer{{Data: buffer.Address(data), Size: uint64(len(data))}}, len(data), from)
	}
}

// packetRoom reports whether a datagram can be delivered now.
func (s *Socket) packetRoom(size int) bool {
	room := len(s.loop.sink.buffer())
	return room > 0 && room >= size
}

// deliverUndelivered delivers what was kept, as far as it may.
func (s *Socket) deliverUndelivered() {
	for {
		p, data := frontPacket(s.undelivered)
		if p == nil {
			s.undelivered = nil
			return
		}
		set, ok := s.receives()
		if !ok {
			return
		}
		if !s.packetRoom(len(data)) {
			s.readLater()
			return
		}
		s.loop.sink.message(s, set, data, p.address)
		if s.undelivered == nil {
			return
		}
		var empty buffer.List
		popPacket(s.undelivered, &empty)
		empty.FreeAll()
	}
}

func (s *Socket) dropUndelivered() {
	if s.undelivered != nil {
		s.undelivered.FreeAll()
		s.undelivered = nil
	}
}
