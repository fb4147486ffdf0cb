package sendqueue

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

// BeginReceipt reports whether the loop's thread may receive now. If so it calls EndReceipt
// afterwards; if not, TakeWaiting tells the writer that it waits.
func (q *Queue) BeginReceipt() bool {
	if q.writing && q.Pending() > 0 {
		q.receipt = receiptWaits
		return false
	}
	q.receipt = receiptOpen
	return true
}

// EndReceipt reports whether something was queued while the loop's thread received.
func (q *Queue) EndReceipt() bool {
	owes := q.receipt == receiptOwes
	q.receipt = receiptNone
	return owes
}

// TakeWaiting reports, once, that the loop's thread waits for the writer before it receives.
func (q *Queue) TakeWaiting() bool {
	waits := q.receipt == receiptWaits
	if waits {
		q.receipt = receiptNone
	}
	return waits
}

// MustQueue reports whether a write has to wait for EndReceipt, because bytes for which a
// completion waits would go to the kernel. completion: those that are to be sent have one.
func (q *Queue) MustQueue(completion bool) bool {
	if q.receipt != receiptOpen && q.receipt != receiptOwes || !completion && q.Pending() == 0 {
		return false
	}
	q.receipt = receiptOwes
	return true
}
