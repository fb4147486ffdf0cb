package sendqueue

const (
	// completionCost is the number of bytes that a waiting completion counts against the limit.
	completionCost = 64
	// datagramCost is the size of a header in the queue: a datagram counts it besides its bytes.
	datagramCost = 64
)

// Charge returns the number of bytes that count against the limit.
func (q *Queue) Charge() int64 {
	return q.size + int64(q.Pending())*completionCost + q.Datagrams()*datagramCost
}

// cost returns how much bytes, or a datagram of that size, would count.
func (q *Queue) cost(bytes int) int64 {
	if q.completions != nil && q.datagrams {
		return int64(bytes) + datagramCost
	}
	return int64(bytes)
}

// IsUnderLimit reports whether bytes, or a datagram of that size, can be accepted: any number of
// them if nothing waits.
func (q *Queue) IsUnderLimit(bytes int, limit int64) bool {
	used := q.Charge()
	return used == 0 || used+q.cost(bytes) <= limit
}

// refusal says what drain is owed for.
type refusal uint8

const (
	refusalNone refusal = iota
	// refusalOwn: the queue had no room.
	refusalOwn
	// refusalTotal: all queues together had none.
	refusalTotal
	// refusalTotalEmpty: as before, and this queue was empty.
	refusalTotalEmpty
)

// Refuse notes that drain is owed.
func (q *Queue) Refuse() {
	if q.refusal == refusalNone {
		q.refusal = refusalOwn
	}
}

// TakeDrain reports, once for all refusals, that the queue has become short enough. An empty one
// is, whatever the limit. If a send waits for other queues, this one has to become empty.
func (q *Queue) TakeDrain(limit int64) bool {
	if q.refusal == refusalNone || q.refusal == refusalTotalEmpty {
		return false
	}
	charge := q.Charge()
	drained := charge == 0 || charge < limit/2 && q.refusal == refusalOwn
	if drained {
		q.leaveTotal(refusalNone)
	}
	return drained
}
