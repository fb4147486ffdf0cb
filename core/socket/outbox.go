package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// maxSegment is the size up to which datagrams travel together: what fits into an Ethernet frame.
const maxSegment = 1472

// joins reports whether a datagram can travel with one before it, up to last: the kernel cuts
// what it is given into datagrams of one size, of which the last may be shorter.
func (p *queuedPacket) joins(first, last *queuedPacket) bool {
	return p.size > 0 && p.size <= first.size && last.size == first.size && first.size <= maxSegment && p.address == first.address
}

// writePackets sends the queue, many datagrams at a time. The caller has the write lock.
func (s *Socket) writePackets(fd int) {
	q := &s.out
	var batch [packetBatch][]byte
	var empty buffer.List
	together := true
	s.mu.Lock()
	for !s.mustQueueLocked(abi.Completion{}) {
		n, tooLong := s.nextPacketsLocked(batch[:])
		if n == 0 && !tooLong {
			break
		}
		sent, e := 1, unix.EMSGSIZE
		if n > 0 {
			s.mu.Unlock()
			empty.FreeAll()
			sent, e = s.sendPackets(fd, batch[:n], &together)
			s.mu.Lock()
		}
		if e != unix.EAGAIN {
			s.packetsDoneLocked(sent, e, &empty)
		} else if q.MustWait() {
			break
		}
	}
	s.unlockWriteLocked()
	s.unlock()
	empty.FreeAll()
}

// nextPacketsLocked finds the first datagrams of the queue, each with its header. tooLong reports
// that one comes next that is not sent.
func (s *Socket) nextPacketsLocked(batch [][]byte) (n int, tooLong bool) {
	if s.out.IsDropped() || s.manner == aborted {
		return 0, false
	}
	for b := s.out.Blocks.First; b != nil; b = b.Next() {
		for queued := b.Bytes(); len(queued) > 0; {
			p, _ := packetAt(queued)
			if n == len(batch) || p.tooLong {
				return n, p.tooLong
			}
			room := packetRoom(int(p.size))
			batch[n] = queued[:room]
			queued = queued[room:]
			n++
		}
	}
	return n, false
}

// sendPackets gives datagrams to the kernel, and returns how many it has taken. If it refuses them,
// the first goes alone, also to learn what is wrong with it; perhaps they cannot travel together on
// this way, and do not from then on.
func (s *Socket) sendPackets(fd int, batch [][]byte, together *bool) (sent int, e unix.Errno) {
	earlier := unix.Errno(0)
	if len(batch) > 1 {
		if sent, e = sendMany(fd, batch, *together); e == 0 || e == unix.EAGAIN {
			return sent, e
		}
		*together = false
		if isICMP(e) && e != unix.EMSGSIZE {
			earlier = e
		}
	}
	p, data := packetAt(batch[0])
	pieces := [1]unix.Iovec{sys.Piece(data)}
	return 1, s.trySend(fd, pieces[:], p.receiver(), earlier)
}

// sendMany sends datagrams by one system call. together: those of one size to one address go
// through the kernel's network stack as one.
func sendMany(fd int, batch [][]byte, together bool) (sent int, e unix.Errno) {
	// Not through pointers to their elements: all of them stay on the stack.
	var messages [packetBatch]sys.Packet
	var pieces [packetBatch]unix.Iovec
	var cuts [packetBatch]sys.GSO
	var first, last *queuedPacket
	n := 0
	for i := range batch {
		p, data := packetAt(batch[i])
		pieces[i] = sys.Piece(data)
		if together && n > 0 && p.joins(first, last) {
			messages[n-1].Header.Iovlen++
			if messages[n-1].Header.Control == nil {
				cuts[n-1] = sys.GSOControl(int(first.size))
				messages[n-1].Header.Control, messages[n-1].Header.Controllen = cuts[n-1].Control()
			}
		} else {
			messages[n] = sys.Packet{Header: unix.Msghdr{Iov: &pieces[i], Iovlen: 1}}
			if p.address.IsValid() {
				messages[n].Header.Name, messages[n].Header.Namelen = (*byte)(p.address.Pointer()), p.address.Len()
			}
			n++
			first = p
		}
		last = p
	}
	made, e := sys.SendMany(fd, messages[:n])
	for i := range max(made, 0) {
		sent += int(messages[i].Header.Iovlen)
	}
	return sent, e
}

// packetsDoneLocked ends the first datagrams of the queue, sent or failed.
func (s *Socket) packetsDoneLocked(n int, e unix.Errno, empty *buffer.List) {
	q := &s.out
	for ; n > 0 && !q.IsDropped(); n-- {
		p, _ := frontPacket(&q.Blocks)
		size, to := int(p.size), p.address
		popPacket(&q.Blocks, empty)
		s.packetDoneLocked(size, to, e)
	}
}

// receiver returns the address that a datagram goes to, nil: the connected peer.
func (p *queuedPacket) receiver() *netaddr.Sockaddr {
	if !p.address.IsValid() {
		return nil
	}
	return &p.address
}
