package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
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

// writePackets sends the queue, many datagrams at a time; those of one size to one address go
// through the kernel's network stack as one. The caller has the token.
func (s *Socket) writePackets(fd int) {
	q := &s.out
	var batch [packetBatch]sys.Packet
	var pieces [packetBatch]unix.Iovec
	var cuts [packetBatch]sys.GSO
	together := true
	s.mu.Lock()
	for !s.mustQueueLocked(abi.Completion{}) {
		// In line, because the batch points at pieces and cuts, and all of them stay on the stack.
		n, packets, tooLong := 0, 0, false
		var head, first, last *queuedPacket
		for b := q.Blocks.First; b != nil && packets < packetBatch && !q.IsDropped() && s.manner != aborted && !tooLong; b = b.Next() {
			for queued := b.Bytes(); len(queued) > 0 && packets < packetBatch; packets++ {
				p, data := packetAt(queued)
				if tooLong = p.tooLong; tooLong {
					break
				}
				pieces[packets] = sys.Piece(data)
				if together && n > 0 && p.joins(first, last) {
					batch[n-1].Header.Iovlen++
					if batch[n-1].Header.Control == nil {
						cuts[n-1] = sys.GSOControl(int(first.size))
						batch[n-1].Header.Control, batch[n-1].Header.Controllen = cuts[n-1].Control()
					}
				} else {
					batch[n] = sys.Packet{Header: unix.Msghdr{Iov: &pieces[packets], Iovlen: 1}}
					if p.address.IsValid() {
						batch[n].Header.Name, batch[n].Header.Namelen = (*byte)(p.address.Pointer()), p.address.Len()
					}
					n++
					first = p
				}
				if head == nil {
					head = p
				}
				last = p
				queued = queued[packetRoom(int(p.size)):]
			}
		}
		if packets == 0 && tooLong {
			popPacket(&q.Blocks)
			s.packetDoneLocked(0, netaddr.Sockaddr{}, unix.EMSGSIZE)
			continue
		}
		if packets == 0 {
			break
		}
		s.mu.Unlock()
		sent, e := 0, unix.Errno(0)
		if packets > 1 {
			var messages int
			messages, e = sys.SendMany(fd, batch[:n])
			for i := range max(messages, 0) {
				sent += int(batch[i].Header.Iovlen)
			}
		}
		if packets == 1 || e != 0 && e != unix.EAGAIN {
			// One alone, also to learn what is wrong with the first. Perhaps they cannot travel
			// together on this way.
			earlier := e
			if !isICMP(e) || e == unix.EMSGSIZE {
				earlier = 0
			}
			together = false
			sent = 1
			e = s.trySend(fd, pieces[:1], head.receiver(), earlier)
		}
		s.mu.Lock()
		if e == unix.EAGAIN {
			if !q.MustWait() {
				continue
			}
			break
		}
		for i := 0; i < sent && !q.IsDropped(); i++ {
			p, _ := frontPacket(&q.Blocks)
			size, to := int(p.size), p.address
			popPacket(&q.Blocks)
			s.packetDoneLocked(size, to, e)
		}
	}
	s.unlockWriteLocked()
	s.unlock()
}

// receiver is where a datagram goes, nil: to the connected peer.
func (p *queuedPacket) receiver() *netaddr.Sockaddr {
	if !p.address.IsValid() {
		return nil
	}
	return &p.address
}
