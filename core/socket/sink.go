package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
)

// A sink takes the events of a loop: it calls the host's functions (callbackSink), or makes the
// records that a host polls (recordSink). What else differs between the two kinds of loops is here
// too, but for what each read or send asks, which is in fields of Loop: a call through an interface
// is slow behind a system call. It belongs to the loop's thread where nothing else is said.
type sink interface {
	// AfterEvent is called when the handlers of an event have returned.
	reactor.Host

	// event tells the listeners of a socket, and reports whether anybody heard. from belongs to it
	// if it is valid.
	event(s *Socket, set *listenerSet, e abi.Event, from netaddr.Sockaddr) bool
	// message delivers bytes or a datagram to the listeners there were when it was decided to take
	// them from the kernel. The bytes may lie in buffer.
	message(s *Socket, set *listenerSet, data []byte, from netaddr.Sockaddr)
	completion(op abi.Operation, handle int64, c abi.Completion, code errcode.Code)
	// function calls posted work, or that of a timer.
	function(f abi.Function, event abi.EventType, id int64)

	// buffer returns the memory for the next message; it is empty while there is no room for one.
	buffer() []byte
	// discardBuffer is for bytes that nobody gets.
	discardBuffer() []byte
	// readLater lets a socket go on reading when others have had their turn, and there is room.
	readLater(s *Socket)
	// whenSeen lets a socket go on (seen) when the host has seen the last event that it was told.
	whenSeen(s *Socket)

	// takes reports whether posted work is what the host can get. Any thread may call it.
	takes(f abi.Function) bool
	// inCallback reports whether a thread is inside a callback of the loop. Any thread may call it.
	inCallback(t abi.Thread) bool

	// resumeWaiting lets sockets go on whose events the host has seen, or all.
	resumeWaiting(all bool)
	// hasStarved reports whether sockets wait for room; resumeStarved lets them read.
	hasStarved() bool
	resumeStarved()
	// forget drops events that nobody will take any more.
	forget()
	free()
}

// emit reports an event that has no payload, to whoever wants it, and whether somebody
// did.
func (s *Socket) emit(event abi.EventType, code errcode.Code, connection *Socket) bool {
	set := s.listeners.Load()
	if !wants(set, event) {
		return false
	}
	e := abi.Event{Type: event, Socket: s.handle, Error: -int32(code)}
	var from netaddr.Sockaddr
	if connection != nil {
		e.Connection = connection.handle
		from = connection.remote.Sockaddr()
	}
	return s.loop.sink.event(s, set, e, from)
}

// emitFrom reports an error of a server that has to do with a client.
func (s *Socket) emitFrom(event abi.EventType, code errcode.Code, remote netaddr.Sockaddr) {
	if set := s.listeners.Load(); wants(set, event) {
		s.loop.sink.event(s, set, abi.Event{Type: event, Socket: s.handle, Error: -int32(code)}, remote)
	}
}

// complete runs a completion, or makes it a record.
func (s *Socket) complete(op abi.Operation, c abi.Completion, code errcode.Code) {
	if c.Func == 0 {
		return
	}
	if op == abi.OperationConnect {
		code = s.code(opTransfer, s.compatConnect(code))
	}
	s.loop.sink.completion(op, s.handle, c, code)
}

// countMessage counts a message, and reports whether anybody wants it.
func (l *Loop) countMessage(set *listenerSet, data []byte) bool {
	l.received.messages.Add(1)
	l.received.bytes.Add(uint64(len(data)))
	return wants(set, abi.EventMessage)
}

// hasRoom reports whether a message can be delivered now.
func (l *Loop) hasRoom() bool { return len(l.sink.buffer()) > 0 }
