package socket

import (
	"slices"

	"ohsocket/core/errcode"
)

// listenerSet is what a socket's events are given to. It is never changed, only
// replaced, so that the loop reads it without a lock while it calls.
type listenerSet struct {
	mask    uint32 // bit 1 << type for each event somebody wants
	entries []listenerEntry
	// records: the user data of the subscription
	userData uintptr
}

type listenerEntry struct {
	event EventType
	Listener
}

// subscribable has the bits of the events of sockets.
const subscribable = 1<<EventConnect | 1<<EventMessage | 1<<EventEnd | 1<<EventDrain | 1<<EventError | 1<<EventClose | 1<<EventListening

func wants(set *listenerSet, event EventType) bool { return set != nil && set.mask&(1<<event) != 0 }

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
func (s *Socket) On(event EventType, l Listener) errcode.Code {
	if event < EventConnect || event > EventListening || l.Func == 0 {
		return errcode.Parameter
	}
	if s.loop.mode == LoopRecords {
		return errcode.NotSupported
	}
	e := listenerEntry{event, l}
	return s.change(func(set listenerSet) listenerSet {
		if s.compat {
			// One listener for each event, the last.
			set = set.without(func(o listenerEntry) bool { return o.event == event })
		} else if set.has(e) {
			return set
		}
		entries := make([]listenerEntry, len(set.entries), len(set.entries)+1)
		copy(entries, set.entries)
		return listenerSet{mask: set.mask | 1<<event, entries: append(entries, e)}
	})
}

// Off removes a listener, or all of the event if l.Func is 0.
func (s *Socket) Off(event EventType, l Listener) errcode.Code {
	if event < EventConnect || event > EventListening {
		return errcode.Parameter
	}
	return s.change(func(set listenerSet) listenerSet {
		return set.without(func(o listenerEntry) bool {
			return o.event == event && (l.Func == 0 || o.Listener == l)
		})
	})
}

func (set listenerSet) without(gone func(listenerEntry) bool) listenerSet {
	var left listenerSet
	for _, e := range set.entries {
		if !gone(e) {
			left.entries = append(left.entries, e)
			left.mask |= 1 << e.event
		}
	}
	return left
}

// Subscribe says which events become records.
func (s *Socket) Subscribe(mask uint32, userData uintptr) errcode.Code {
	if mask&^subscribable != 0 {
		return errcode.Parameter
	}
	if s.loop.mode != LoopRecords {
		return errcode.NotSupported
	}
	return s.change(func(listenerSet) listenerSet {
		return listenerSet{mask: mask, userData: userData}
	})
}

// change replaces the listeners and starts what a new one waits for.
func (s *Socket) change(f func(listenerSet) listenerSet) errcode.Code {
	s.mu.Lock()
	if s.released {
		s.mu.Unlock()
		return errcode.BadFD
	}
	var old listenerSet
	if p := s.listeners.Load(); p != nil {
		old = *p
	}
	set := f(old)
	s.listeners.Store(s.loop.shared(set))
	const readers = 1<<EventMessage | 1<<EventConnect
	if set.mask&^old.mask&readers != 0 {
		s.leave(workRead)
	}
	s.unlock()
	return errcode.OK
}

// shared returns an equal set that another socket has, if it is among the last: the
// connections of a server mostly have the same listeners.
func (l *Loop) shared(set listenerSet) *listenerSet {
	if set.mask == 0 {
		return nil
	}
	for i := range l.sets {
		if o := l.sets[i].Load(); o != nil && o.mask == set.mask && o.userData == set.userData && slices.Equal(o.entries, set.entries) {
			return o
		}
	}
	l.sets[l.setsTurn.Add(1)%uint32(len(l.sets))].Store(&set)
	return &set
}
