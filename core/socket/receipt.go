package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// receipt keeps a message behind the completions of the sends that it may answer. A thread
// that sends can be inside send(2), or just behind it, while the answer is already in the
// kernel; the loop's thread must not deliver the answer first.
type receipt uint8

const (
	// receiptNone: nothing is being received.
	receiptNone receipt = iota
	// receiptOpen: the loop's thread is inside recv(2). A send that has a completion is
	// queued: if the kernel took it now, its answer could be what is being received.
	receiptOpen
	// receiptOwes: as receiptOpen, and a send was queued for it.
	receiptOwes
	// receiptWaits: the loop's thread receives when the writer is back from the kernel.
	receiptWaits
)

// beginReceiptLocked says whether the loop's thread may receive now: readDeliver, or what
// has to come first. After readDeliver endReceipt must be called, but for TLS.
func (s *Socket) beginReceiptLocked() reading {
	q := &s.out
	switch {
	case q.isDue() || s.pendingWork&workDrain != 0:
		return readSettle
	case s.kind.IsTLS():
		return readDeliver // the loop's thread alone writes
	case q.writing && q.pendingCompletions() > 0:
		q.receipt = receiptWaits
		return readWait
	}
	q.receipt = receiptOpen
	return readDeliver
}

// endReceipt writes what was queued while the loop's thread received.
func (s *Socket) endReceipt() {
	s.mu.Lock()
	owes := s.out.receipt == receiptOwes
	s.out.receipt = receiptNone
	if owes {
		s.writeIfIdle()
		return
	}
	s.mu.Unlock()
}

// mustQueueLocked reports whether a write has to wait for endReceipt, because bytes that a
// completion stands for would go to the kernel.
func (s *Socket) mustQueueLocked(done abi.Completion) bool {
	q := &s.out
	if q.receipt != receiptOpen && q.receipt != receiptOwes || done.Func == 0 && q.pendingCompletions() == 0 {
		return false
	}
	q.receipt = receiptOwes
	return true
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
