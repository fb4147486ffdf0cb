package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// inbox is where a loop receives datagrams.
type inbox struct {
	memory  unsafe.Pointer
	packets []sys.Packet
	names   []unix.RawSockaddrInet6
	pieces  []unix.Iovec
}

const inboxSize = packetBatch * packetStride

func newInbox() *inbox {
	// Headers and names lie in the mapping too: the kernel writes to them through
	// addresses that the garbage collector does not follow.
	const headers = packetBatch * (unsafe.Sizeof(sys.Packet{}) + unsafe.Sizeof(unix.RawSockaddrInet6{}) + unsafe.Sizeof(unix.Iovec{}))
	m := sys.Map(inboxSize + int(headers))
	if m == nil {
		return nil
	}
	mappedBytes.Add(inboxSize)
	in := &inbox{memory: m}
	p := unsafe.Add(m, inboxSize)
	in.packets = unsafe.Slice((*sys.Packet)(p), packetBatch)
	p = unsafe.Add(p, packetBatch*unsafe.Sizeof(sys.Packet{}))
	in.pieces = unsafe.Slice((*unix.Iovec)(p), packetBatch)
	p = unsafe.Add(p, packetBatch*unsafe.Sizeof(unix.Iovec{}))
	in.names = unsafe.Slice((*unix.RawSockaddrInet6)(p), packetBatch)
	for i := range in.packets {
		in.pieces[i] = unix.Iovec{Base: (*byte)(unsafe.Add(m, i*packetStride)), Len: maxPacket}
		h := &in.packets[i].Header
		h.Name, h.Iov, h.Iovlen = (*byte)(unsafe.Pointer(&in.names[i])), &in.pieces[i], 1
	}
	return in
}

func (in *inbox) free() {
	const headers = packetBatch * (unsafe.Sizeof(sys.Packet{}) + unsafe.Sizeof(unix.RawSockaddrInet6{}) + unsafe.Sizeof(unix.Iovec{}))
	sys.Unmap(in.memory, inboxSize+int(headers))
	mappedBytes.Add(-inboxSize)
}

// receivesLocked says whether datagrams are to be delivered.
func (s *Socket) receivesLocked() bool {
	if s.closing || s.paused || s.fd < 0 || s.state == stateIdle || s.state == stateOpening {
		return false
	}
	return wants(s.listeners.Load(), EventMessage)
}

func (s *Socket) receives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receivesLocked()
}

// packetReads says what is to be done with arriving datagrams, and returns the descriptor.
func (s *Socket) packetReads() (how reading, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.receivesLocked(), s.token == 0, s.stash == nil && s.ready == 0:
		return readNever, -1
	case s.stash != nil && !s.out.due():
		return readKept, -1
	}
	return s.beginReceiptLocked(), int(s.fd)
}

// readPackets delivers the datagrams there are.
func (s *Socket) readPackets() {
	l := s.loop
	for budget := l.readBudget(); ; budget-- {
		how, fd := s.packetReads()
		switch {
		case how == readNever || how == readWait:
			return
		case budget == 0 || !l.room():
			s.endReceipt()
			s.readLater()
			return
		case how == readSettle:
			s.settleSends()
			continue
		case how == readKept:
			s.deliverStash()
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
			in.packets[i].Header.Namelen = uint32(unsafe.Sizeof(in.names[i]))
		}
		n, e := sys.RecvMany(fd, in.packets)
		s.endReceipt()
		switch {
		case n > 0:
			if n < packetBatch {
				// The kernel had no more, unless a hook or an error cut it short.
				s.ready &= unix.EPOLLERR
			}
			s.deliverPackets(in, n)
		case e == unix.EAGAIN || e == 0:
			s.ready = 0
		case e == unix.EINTR:
		case e == unix.ENOMEM || e == unix.ENOBUFS:
			s.schedule(workRead)
			return
		default:
			// What became of an earlier datagram; the socket goes on.
			s.mu.Lock()
			s.notice = errcode.OK
			code := errcode.FromErrno(errcode.Client, e)
			s.failed("an earlier datagram to", s.remote.Sockaddr(), "", code)
			s.mu.Unlock()
			s.emit(EventError, code, nil)
		}
	}
}

// deliverPackets makes messages of what was received. What may not be delivered any
// more, because a listener paused the socket or the host's array is full, is kept.
func (s *Socket) deliverPackets(in *inbox, n int) {
	for i := range n {
		p := &in.packets[i]
		from := netaddr.FromRaw(unsafe.Pointer(&in.names[i]), p.Header.Namelen)
		data := unsafe.Pointer(in.pieces[i].Base)
		if s.stash == nil {
			if s.receives() && s.packetRoom(int(p.Size)) {
				s.deliverPacket(data, int(p.Size), from)
				continue
			}
			s.mu.Lock()
			gone := s.closing || s.state == stateIdle
			s.mu.Unlock()
			if gone {
				return
			}
			s.stash = &blockList{}
		}
		s.stash.pushPacket([]Buffer{{Data: uintptr(data), Size: uint64(p.Size)}}, int(p.Size), from)
	}
}

// packetRoom reports whether a datagram can be delivered now.
func (s *Socket) packetRoom(size int) bool {
	l := s.loop
	return l.room() && (l.mode != LoopRecords || arenaSize-l.used >= size)
}

func (s *Socket) deliverPacket(data unsafe.Pointer, size int, from netaddr.Sockaddr) {
	l := s.loop
	if l.mode == LoopRecords {
		kept := l.take(size)
		move(kept, data, size)
		data = kept
	}
	l.message(s, s.listeners.Load(), data, size, from)
}

// deliverStash delivers what was kept, as far as it may.
func (s *Socket) deliverStash() {
	for {
		p, data := s.stash.frontPacket()
		if p == nil {
			s.stash = nil
			return
		}
		if !s.receives() {
			return
		}
		if !s.packetRoom(int(p.size)) {
			s.readLater()
			return
		}
		from := p.address
		size := int(p.size)
		s.deliverPacket(data, size, from)
		if s.stash == nil {
			return
		}
		s.stash.popPacket()
	}
}

func (s *Socket) dropStash() {
	if s.stash != nil {
		s.stash.freeAll()
		s.stash = nil
	}
}
