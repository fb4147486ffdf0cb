package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// callbackSink calls the host's functions, from the loop's thread, with no lock held.
type callbackSink struct {
	loop    *Loop
	arena   buffer.Arena
	shown   *abi.Event // the present event, in memory that C may have the address of
	text    []byte     // of its address
	address addressCache
	input   []byte // what is received
	calls   int    // that were made
}

// eventText is the offset of the text of the event's address in the page of the event.
const eventText = 128

// newCallbackSink maps the memory. The input comes last, and ends where the mapping does. It
// returns nil if there is none.
func newCallbackSink(l *Loop) sink {
	arena, ok := buffer.NewArena(pageSize + readSize)
	if !ok {
		return nil
	}
	l.reads = readBudget
	page := arena.Reserve(pageSize)
	c := &callbackSink{
		loop: l, shown: buffer.View[abi.Event](page), text: page[eventText:][:addressText],
		input: arena.Reserve(readSize), arena: arena,
	}
	l.sender = &c.address
	return c
}

func (c *callbackSink) free() { c.arena.Free() }

// AfterEvent writes what the callbacks of the event have sent.
func (c *callbackSink) AfterEvent() { c.loop.flushGatheredAll() }

func (c *callbackSink) event(s *Socket, set *listenerSet, e abi.Event, from netaddr.Sockaddr) bool {
	*c.shown = e
	if from.IsValid() {
		c.shown.Remote = c.address.write(from, c.text)
	}
	return c.callListeners(s, set)
}

// callListeners calls the listeners of the event that is shown, and reports whether there were any.
func (c *callbackSink) callListeners(s *Socket, set *listenerSet) (heard bool) {
	for i := range set.entries {
		entry := &set.entries[i]
		if entry.event != c.shown.Type {
			continue
		}
		// A listener called before this one may have removed it.
		if now := s.listeners.Load(); now != set && !now.has(*entry) {
			continue
		}
		heard = true
		c.call(entry.Listener)
	}
	return heard
}

func (c *callbackSink) call(l abi.Listener) {
	c.calls++
	Host.Event(l, c.shown)
}

// message: another thread may have removed the last listener meanwhile. Nobody else would get these
// bytes, so that the call counts as one that was running already.
func (c *callbackSink) message(s *Socket, set *listenerSet, data []byte, from netaddr.Sockaddr) {
	if !c.loop.countMessage(set, data) {
		return
	}
	*c.shown = abi.Event{
		Type: abi.EventMessage, Socket: s.handle,
		Data: buffer.Address(data), Size: uint64(len(data)), Remote: c.address.write(from, c.text),
	}
	if c.callListeners(s, set) {
		return
	}
	for i := range set.entries {
		if entry := &set.entries[i]; entry.event == abi.EventMessage {
			c.call(entry.Listener)
		}
	}
}

func (c *callbackSink) completion(_ abi.Operation, handle int64, done abi.Completion, code errcode.Code) {
	c.calls++
	Host.Completion(done, handle, -int32(code))
}

// function: posted work without a function only wakes the loop.
func (c *callbackSink) function(f abi.Function, _ abi.EventType, _ int64) {
	if f.Func != 0 {
		c.calls++
		Host.Function(f)
	}
}

func (c *callbackSink) takes(f abi.Function) bool { return f.Func != 0 }

func (c *callbackSink) buffer() []byte { return c.input }

func (c *callbackSink) discardBuffer() []byte { return c.input }

func (c *callbackSink) readLater(s *Socket) { s.schedule(workRead) }

// whenSeen: the callback has returned.
func (c *callbackSink) whenSeen(s *Socket) { s.seen() }

func (c *callbackSink) inCallback(t abi.Thread) bool { return c.loop.gathers(t) }

// Nothing waits for this host, which sees each event at once.

func (c *callbackSink) resumeWaiting(bool) {}
func (c *callbackSink) hasStarved() bool   { return false }
func (c *callbackSink) resumeStarved()     {}
func (c *callbackSink) forget()            {}
