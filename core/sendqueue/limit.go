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

// IsUnderLimit reports whether bytes, or a datagram of that size, can be accepted: any number of
// them if nothing waits.
func (q *Queue) IsUnderLimit(bytes int, limit int64) bool {
	cost := int64(bytes)
	if q.completions != nil && q.datagrams {
		cost += datagramCost
	}
	used := q.Charge()
	return used == 0 || used+cost <= limit
}

// Refuse notes that drain is owed.
func (q *Queue) Refuse() { q.refused = true }

// TakeDrain reports, once for all refusals, that the queue has become short enough. An empty one
// is, whatever the limit.
func (q *Queue) TakeDrain(limit int64) bool {
	if !q.refused {
		return false
	}
	charge := q.Charge()
	drained := charge == 0 || charge < limit/2
	q.refused = !drained
	return drained
}
