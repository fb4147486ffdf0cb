package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// beginReceiptLocked says whether the loop's thread may receive now: readDeliver, or what
// has to come first. After readDeliver endReceipt must be called, but for TLS.
func (s *Socket) beginReceiptLocked() reading {
	q := &s.out
	switch {
	case q.IsDue() || s.pendingWork&workDrain != 0:
		return readSettle
	case s.kind().secure:
		return readDeliver // the loop's thread alone writes
	case !q.BeginReceipt():
		return readWait
	}
	return readDeliver
}

// endReceipt writes what was queued while the loop's thread received.
func (s *Socket) endReceipt() {
	w := noWriter
	s.mu.Lock()
	if s.out.EndReceipt() {
		w = s.beginWriteLocked()
	}
	s.unlock()
	s.write(w)
}

// mustQueueLocked reports whether a write has to wait for endReceipt, because bytes that a
// completion stands for would go to the kernel.
func (s *Socket) mustQueueLocked(done abi.Completion) bool {
	return s.out.MustQueue(done.Func != 0)
}

// settleSends delivers what is due: completions of sends, and drain.
func (s *Socket) settleSends() {
	s.deliverDue()
	s.mu.Lock()
	drain := s.pendingWork&workDrain != 0
	s.pendingWork &^= workDrain
	s.mu.Unlock()
	if drain {
		s.emit(abi.EventDrain, errcode.OK, nil)
	}
}
