package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// emit reports an event that has no payload, to whoever wants it, and whether somebody
// did.
func (s *Socket) emit(event abi.EventType, code errcode.Code, connection *Socket) bool {
	set := s.listeners.Load()
	if !wants(set, event) {
		return false
	}
	l := s.loop
	e := abi.Event{Type: event, Socket: s.handle, Error: -int32(code)}
	if connection != nil {
		e.Connection = connection.handle
		remote := connection.remote.Sockaddr()
		return l.give(s, set, &e, &remote)
	}
	return l.give(s, set, &e, nil)
}

// emitFrom reports an error of a server that has to do with a client.
func (s *Socket) emitFrom(event abi.EventType, code errcode.Code, remote netaddr.Sockaddr) {
	if set := s.listeners.Load(); wants(set, event) {
		s.loop.give(s, set, &abi.Event{Type: event, Socket: s.handle, Error: -int32(code)}, &remote)
	}
}

// give hands an event to the listeners, or makes it a record; from is nil if no address
// belongs to it.
func (l *Loop) give(s *Socket, set *listenerSet, e *abi.Event, from *netaddr.Sockaddr) bool {
	if l.mode == abi.LoopRecords {
		e.UserData = set.userData
		l.record(e, from)
		return true
	}
	*l.event = *e
	if from != nil {
		l.event.Remote = l.remote(*from, l.text)
	}
	calls := l.calls
	l.tell(s, set)
	return l.calls != calls
}

// tell calls the listeners of l.event.
func (l *Loop) tell(s *Socket, set *listenerSet) {
	for i := range set.entries {
		entry := &set.entries[i]
		if entry.event != l.event.Type {
			continue
		}
		// A listener called before this one may have removed it.
		if now := s.listeners.Load(); now != set && !now.has(*entry) {
			continue
		}
		l.calls++
		Host.Event(entry.Listener, l.event)
	}
}

// message reports bytes or a datagram to the listeners there were when it was decided
// to take them from the kernel. Another thread may have removed the last one
// meanwhile; nobody else would get these bytes, so that the call counts as one that was
// running already.
func (l *Loop) message(s *Socket, set *listenerSet, data []byte, from netaddr.Sockaddr) {
	l.received.messages.Add(1)
	l.received.bytes.Add(uint64(len(data)))
	if !wants(set, abi.EventMessage) {
		return
	}
	if l.mode == abi.LoopRecords {
		l.record(&abi.Event{
			Type: abi.EventMessage, Socket: s.handle, UserData: set.userData,
			Data: buffer.Address(data), Size: uint64(len(data)),
		}, &from)
		return
	}
	*l.event = abi.Event{
		Type: abi.EventMessage, Socket: s.handle,
		Data: buffer.Address(data), Size: uint64(len(data)), Remote: l.remote(from, l.text),
	}
	calls := l.calls
	l.tell(s, set)
	if l.calls != calls {
		return
	}
	for i := range set.entries {
		if entry := &set.entries[i]; entry.event == abi.EventMessage {
			l.calls++
			Host.Event(entry.Listener, l.event)
		}
	}
}

// complete runs a completion, or makes it a record.
func (s *Socket) complete(op abi.Operation, c abi.Completion, code errcode.Code) {
	if c.Func == 0 {
		return
	}
	if op == abi.OperationConnect {
		code = s.sendCode(s.compatConnect(code))
	}
	l := s.loop
	if l.mode == abi.LoopRecords {
		l.record(&abi.Event{Type: abi.EventCompletion, Operation: op, Socket: s.handle, UserData: c.UserData, Error: -int32(code)}, nil)
		return
	}
	l.calls++
	Host.Completion(c, s.handle, -int32(code))
}

// call runs posted work or a timer's function, or makes it a record.
func (l *Loop) call(f abi.Function, event abi.EventType, id int64) {
	if l.mode == abi.LoopRecords {
		l.record(&abi.Event{Type: event, UserData: f.UserData, Size: uint64(id)}, nil)
		return
	}
	l.calls++
	Host.Function(f)
}

// kept is a record that the batch had no room for, neither in the host's array nor for the text
// of an address. It has no payload, and holds all else itself: the next batch takes the memory
// of this one.
type kept struct {
	event abi.Event
	from  netaddr.Sockaddr
	named bool // from belongs to it
}

// record puts an event into the host's array, or keeps it for the next poll. Who makes one with
// a payload has asked room.
func (l *Loop) record(e *abi.Event, from *netaddr.Sockaddr) {
	l.recordsMade++
	if len(l.overflow) == 0 && l.place(e, from) {
		return
	}
	if e.Data != 0 {
		panic("socket: a message without room")
	}
	k := kept{event: *e}
	if from != nil {
		k.from, k.named = *from, true
	}
	l.overflow = append(l.overflow, k)
}

// place puts an event into the host's array and the text of its address into the batch's memory,
// if there is room for both.
func (l *Loop) place(e *abi.Event, from *netaddr.Sockaddr) bool {
	if l.filled >= len(l.out) {
		return false
	}
	var remote abi.Address
	if from != nil {
		text := l.arena.Reserve(addressText)
		if text == nil {
			return false
		}
		remote = l.remote(*from, text)
	}
	record := &l.out[l.filled]
	*record = *e
	record.Remote = remote
	l.filled++
	return true
}

// beginBatch makes room for a new batch and puts what did not fit into the last one first.
func (l *Loop) beginBatch(out []abi.Event) {
	l.out, l.filled = out, 0
	l.arena.Reset()
	n := 0
	for n < len(l.overflow) {
		k := &l.overflow[n]
		from := &k.from
		if !k.named {
			from = nil
		}
		if !l.place(&k.event, from) {
			break
		}
		n++
	}
	l.overflow = l.overflow[:copy(l.overflow, l.overflow[n:])]
}

// isFull reports whether the batch takes no more records.
func (l *Loop) isFull() bool { return l.filled >= len(l.out) || len(l.overflow) > 0 }

// hasRoom reports whether a message can be delivered now.
func (l *Loop) hasRoom() bool {
	return l.mode != abi.LoopRecords || !l.isFull() && l.payloadRoom() >= minRead
}
