package socket

import (
	"unsafe"

	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// emit reports an event that has no payload, to whoever wants it, and whether somebody
// did.
func (s *Socket) emit(event EventType, code errcode.Code, connection *Socket) bool {
	set := s.listeners.Load()
	if !wants(set, event) {
		return false
	}
	l := s.loop
	e := Event{Type: event, Socket: s.handle, Error: -int32(code)}
	if connection != nil {
		e.Connection = connection.handle
		e.Remote = l.remote(connection.remote.Sockaddr())
	}
	return l.give(s, set, &e)
}

// emitFrom reports an error of a server that has to do with a client.
func (s *Socket) emitFrom(event EventType, code errcode.Code, remote netaddr.Sockaddr) {
	if set := s.listeners.Load(); wants(set, event) {
		l := s.loop
		l.give(s, set, &Event{Type: event, Socket: s.handle, Error: -int32(code), Remote: l.remote(remote)})
	}
}

// give hands an event to the listeners, or makes it a record.
func (l *Loop) give(s *Socket, set *listenerSet, e *Event) bool {
	if l.mode == LoopRecords {
		e.UserData = set.userData
		l.record(e)
		return true
	}
	*l.event = *e
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
func (l *Loop) message(s *Socket, set *listenerSet, data unsafe.Pointer, size int, from netaddr.Sockaddr) {
	l.received.messages.Add(1)
	l.received.bytes.Add(uint64(size))
	if !wants(set, EventMessage) {
		return
	}
	if l.mode == LoopRecords {
		l.record(&Event{
			Type: EventMessage, Socket: s.handle, UserData: set.userData,
			Data: uintptr(data), Size: uint64(size), Remote: l.remote(from),
		})
		return
	}
	*l.event = Event{
		Type: EventMessage, Socket: s.handle,
		Data: uintptr(data), Size: uint64(size), Remote: l.remote(from),
	}
	calls := l.calls
	l.tell(s, set)
	if l.calls != calls {
		return
	}
	for i := range set.entries {
		if entry := &set.entries[i]; entry.event == EventMessage {
			l.calls++
			Host.Event(entry.Listener, l.event)
		}
	}
}

// complete runs a completion, or makes it a record.
func (s *Socket) complete(op Operation, c Completion, code errcode.Code) {
	if c.Func == 0 {
		return
	}
	if op == OperationConnect {
		code = s.sendCode(s.compatConnect(code))
	}
	l := s.loop
	if l.mode == LoopRecords {
		l.record(&Event{Type: EventCompletion, Operation: op, Socket: s.handle, UserData: c.UserData, Error: -int32(code)})
		return
	}
	l.calls++
	Host.Completion(c, s.handle, -int32(code))
}

// call runs posted work or a timer's function, or makes it a record.
func (l *Loop) call(f Function, event EventType, id int64) {
	if l.mode == LoopRecords {
		l.record(&Event{Type: event, UserData: f.UserData, Size: uint64(id)})
		return
	}
	l.calls++
	Host.Function(f)
}

// record puts an event into the host's array. Events without payload that do not fit
// are kept for the next poll; messages are not made when there is no room.
func (l *Loop) record(e *Event) {
	l.made++
	if l.filled < len(l.out) {
		l.out[l.filled] = *e
		l.filled++
		return
	}
	l.overflow = append(l.overflow, *e)
}

// room reports whether a message can be delivered now.
func (l *Loop) room() bool {
	return l.mode != LoopRecords || l.filled < len(l.out) && arenaSize-l.used >= minRead
}
