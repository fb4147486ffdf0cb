package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// recordSink fills the array of a host that polls. Payloads and texts of addresses lie in its arena
// until the next poll.
type recordSink struct {
	loop      *Loop
	arena     buffer.Arena
	discarded []byte
	address   addressCache

	out      []abi.Event // the host's array
	filled   int         // of it
	overflow []kept      // what did not fit
	made     uint64      // records, ever
	returned uint64      // of those, returned by a poll

	// waiting are sockets that go on when the host has had their records in its hands: at the poll
	// after the one that has returned them. starved are those that have more than the batch had
	// room for, in the order of their turns.
	waiting []waiter
	starved []*Socket
}

// waiter is a socket that waits for the host to have seen the records made so far.
type waiter struct {
	socket *Socket
	until  uint64 // of them, how many there were
}

// kept is a record that the batch had no room for, neither in the host's array nor for the text
// of an address. It has no payload, and holds all else itself: the next batch takes the memory
// of this one.
type kept struct {
	event abi.Event
	from  netaddr.Sockaddr // if it is valid: of whom it is
}

// newRecordSink maps the memory; it returns nil if there is none.
func newRecordSink(l *Loop) sink {
	arena, ok := buffer.NewArena(discardSize + arenaSize + addressText)
	if !ok {
		return nil
	}
	l.reads, l.moves = recordBudget, true
	r := &recordSink{loop: l, discarded: arena.Reserve(discardSize)}
	arena.Keep()
	r.arena = arena
	return r
}

func (r *recordSink) free() { r.arena.Free() }

// AfterEvent does nothing: the host sends between its polls, and the next one writes that.
func (r *recordSink) AfterEvent() {}

func (r *recordSink) event(_ *Socket, set *listenerSet, e abi.Event, from netaddr.Sockaddr) bool {
	e.UserData = set.userData
	r.record(e, from)
	return true
}

func (r *recordSink) message(s *Socket, set *listenerSet, data []byte, from netaddr.Sockaddr) {
	if !r.loop.countMessage(set, data) {
		return
	}
	data = r.reserve(data)
	r.record(abi.Event{
		Type: abi.EventMessage, Socket: s.handle, UserData: set.userData,
		Data: buffer.Address(data), Size: uint64(len(data)),
	}, from)
}

// reserve makes bytes the payload of a record: those that were read to buffer stay where they are.
func (r *recordSink) reserve(data []byte) []byte {
	p := r.arena.Reserve(len(data))
	if p == nil {
		panic("socket: a message without room")
	}
	if len(data) > 0 && &p[0] != &data[0] {
		copy(p, data)
	}
	return p
}

func (r *recordSink) completion(op abi.Operation, handle int64, c abi.Completion, code errcode.Code) {
	r.record(abi.Event{Type: abi.EventCompletion, Operation: op, Socket: handle, UserData: c.UserData, Error: -int32(code)}, netaddr.Sockaddr{})
}

func (r *recordSink) function(f abi.Function, event abi.EventType, id int64) {
	r.record(abi.Event{Type: event, UserData: f.UserData, Size: uint64(id)}, netaddr.Sockaddr{})
}

func (r *recordSink) takes(f abi.Function) bool { return f.Func == 0 }

// record puts an event into the host's array, or keeps it for the next poll. A caller that makes
// one with a payload has asked for a buffer.
func (r *recordSink) record(e abi.Event, from netaddr.Sockaddr) {
	r.made++
	if len(r.overflow) == 0 && r.place(&e, from) {
		return
	}
	if e.Data != 0 {
		panic("socket: a message without room")
	}
	r.overflow = append(r.overflow, kept{event: e, from: from})
}

// place puts an event into the host's array and the text of its address into the batch's memory,
// if there is room for both.
func (r *recordSink) place(e *abi.Event, from netaddr.Sockaddr) bool {
	if r.filled >= len(r.out) {
		return false
	}
	var remote abi.Address
	if from.IsValid() || e.Data != 0 {
		text := r.arena.Reserve(addressText)
		if text == nil {
			return false
		}
		remote = r.address.write(from, text)
	}
	record := &r.out[r.filled]
	*record = *e
	record.Remote = remote
	r.filled++
	return true
}

// beginBatch makes room for a new batch and puts what did not fit into the last one first.
func (r *recordSink) beginBatch(out []abi.Event) {
	r.out, r.filled = out, 0
	r.arena.Reset()
	n := 0
	for n < len(r.overflow) && r.place(&r.overflow[n].event, r.overflow[n].from) {
		n++
	}
	r.overflow = r.overflow[:copy(r.overflow, r.overflow[n:])]
}

// endBatch gives the batch to the host, and returns its length.
func (r *recordSink) endBatch() int {
	r.out = nil
	r.returned += uint64(r.filled)
	return r.filled
}

// isFull reports whether the batch takes no more records.
func (r *recordSink) isFull() bool { return r.filled >= len(r.out) || len(r.overflow) > 0 }

// hasMore reports whether the next poll has something to do before it waits.
func (r *recordSink) hasMore() bool {
	return len(r.overflow) > 0 || len(r.waiting) > 0 || len(r.starved) > 0
}

// forget drops records that nobody will poll.
func (r *recordSink) forget() { r.overflow = r.overflow[:0] }

// buffer returns the room that the batch has left for a message, whose address needs room too.
func (r *recordSink) buffer() []byte {
	room := r.arena.Room() - addressText
	if r.isFull() || room < minRead {
		return nil
	}
	return r.arena.Rest(min(readSize, room))
}

// discardBuffer touches no records already made.
func (r *recordSink) discardBuffer() []byte { return r.discarded }

func (r *recordSink) readLater(s *Socket) {
	if !s.starved {
		s.starved = true
		r.starved = append(r.starved, s)
	}
}

func (r *recordSink) hasStarved() bool { return len(r.starved) > 0 }

// resumeStarved reads for the sockets that found no room in the last batch; one that has still
// more goes to the end of the line.
func (r *recordSink) resumeStarved() {
	for n := len(r.starved); n > 0 && len(r.buffer()) > 0; n-- {
		s := r.starved[0]
		r.starved = r.starved[:copy(r.starved, r.starved[1:])]
		s.starved = false
		s.read()
	}
}

// whenSeen: at the poll after the one that returns the records made so far.
func (r *recordSink) whenSeen(s *Socket) { r.waiting = append(r.waiting, waiter{s, r.made}) }

func (r *recordSink) resumeWaiting(all bool) {
	seen := r.returned
	if all {
		seen = r.made
	}
	n := 0
	for n < len(r.waiting) && r.waiting[n].until <= seen {
		r.waiting[n].socket.seen()
		n++
	}
	left := copy(r.waiting, r.waiting[n:])
	clear(r.waiting[left:])
	r.waiting = r.waiting[:left]
}

// inCallback: nobody is called in a batch of records.
func (r *recordSink) inCallback(abi.Thread) bool { return false }
