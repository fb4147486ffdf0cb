package socket

import (
	"fmt"
	"slices"
	"sync/atomic"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// listenerSet holds the listeners of a socket. It is never changed, only replaced, so that the loop
// reads it without a lock while it calls them.
type listenerSet struct {
	mask    uint32 // bit 1 << type for each event somebody wants
	entries []listenerEntry
	// records: the user data of the subscription
	userData uintptr
	// extended is the last set that was made of this one by adding a listener.
	extended atomic.Pointer[listenerSet]
}

type listenerEntry struct {
	event abi.EventType
	abi.Listener
}

// subscribable has the bits of the events of sockets.
const subscribable = 1<<abi.EventConnect | 1<<abi.EventMessage | 1<<abi.EventEnd | 1<<abi.EventDrain | 1<<abi.EventError | 1<<abi.EventClose | 1<<abi.EventListening

func wants(set *listenerSet, event abi.EventType) bool { return set != nil && set.mask&(1<<event) != 0 }

func (set *listenerSet) has(e listenerEntry) bool {
	if set == nil {
		return false
	}
	for i := range set.entries {
		if set.entries[i] == e {
			return true
		}
	}
	return false
}

// On adds a listener of an event.
func (s *Socket) On(event abi.EventType, l abi.Listener) errcode.Code {
	if event < abi.EventConnect || event > abi.EventListening {
		return s.Refuse("on", fmt.Sprintf("there is no event %d", event))
	}
	if l.Func == 0 {
		return s.Refuse("on", "listener is NULL")
	}
	if _, ok := s.loop.sink.(*callbackSink); !ok {
		return errcode.NotSupported
	}
	e := listenerEntry{event, l}
	return s.change(func(set *listenerSet) *listenerSet {
		switch {
		case s.compat:
			// One listener for each event, the last.
			set = s.loop.without(set, func(o listenerEntry) bool { return o.event == event })
		case set.has(e):
			return set
		}
		return s.loop.with(set, e)
	})
}

// Off removes a listener, or all of the event if l.Func is 0.
func (s *Socket) Off(event abi.EventType, l abi.Listener) errcode.Code {
	if event < abi.EventConnect || event > abi.EventListening {
		return s.Refuse("off", fmt.Sprintf("there is no event %d", event))
	}
	return s.change(func(set *listenerSet) *listenerSet {
		return s.loop.without(set, func(o listenerEntry) bool {
			return o.event == event && (l.Func == 0 || o.Listener == l)
		})
	})
}

// with returns a set with one more listener: the one that was made of this set before, if
// it was the same listener. So connections that are given the same listeners one by one
// have the same sets, and nothing is allocated for them.
func (l *Loop) with(set *listenerSet, e listenerEntry) *listenerSet {
	if set == nil {
		return l.shared(1<<e.event, []listenerEntry{e}, 0)
	}
	n := len(set.entries)
	if x := set.extended.Load(); x != nil && x.entries[n] == e {
		return x
	}
	x := &listenerSet{mask: set.mask | 1<<e.event, entries: append(set.entries[:n:n], e)}
	set.extended.Store(x)
	return x
}

// without returns a set that lacks some listeners.
func (l *Loop) without(set *listenerSet, gone func(listenerEntry) bool) *listenerSet {
	if set == nil {
		return nil
	}
	mask, left := uint32(0), []listenerEntry(nil)
	for _, e := range set.entries {
		if !gone(e) {
			left = append(left, e)
			mask |= 1 << e.event
		}
	}
	return l.shared(mask, left, 0)
}

// Subscribe says which events become records.
func (s *Socket) Subscribe(mask uint32, userData uintptr) errcode.Code {
	if mask&^subscribable != 0 {
		return s.Refuse("subscribe", fmt.Sprintf("events has unknown bits: %#x", mask&^subscribable))
	}
	if _, ok := s.loop.sink.(*recordSink); !ok {
		return errcode.NotSupported
	}
	return s.change(func(*listenerSet) *listenerSet {
		return s.loop.shared(mask, nil, userData)
	})
}

// change replaces the listeners and starts what a new one waits for.
func (s *Socket) change(f func(*listenerSet) *listenerSet) errcode.Code {
	s.mu.Lock()
	if s.released {
		s.mu.Unlock()
		return errcode.BadFD
	}
	old := s.listeners.Load()
	set := f(old)
	s.listeners.Store(set)
	const readers = 1<<abi.EventMessage | 1<<abi.EventConnect
	if set.events()&^old.events()&readers != 0 {
		s.queueWorkLocked(workRead)
	}
	s.unlock()
	return errcode.OK
}

func (set *listenerSet) events() uint32 {
	if set == nil {
		return 0
	}
	return set.mask
}

// shared returns such a set that another socket has, if it is among the last, or makes it.
func (l *Loop) shared(mask uint32, entries []listenerEntry, userData uintptr) *listenerSet {
	if mask == 0 {
		return nil
	}
	for i := range l.sets {
		if o := l.sets[i].Load(); o != nil && o.mask == mask && o.userData == userData && slices.Equal(o.entries, entries) {
			return o
		}
	}
	set := &listenerSet{mask: mask, entries: slices.Clone(entries), userData: userData}
	l.sets[l.setsTurn.Add(1)%uint32(len(l.sets))].Store(set)
	return set
}
