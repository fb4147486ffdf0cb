package sendqueue

import (
	"sort"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
)

// completions belongs to a queue in which a completion waits, or that has dropped something; most
// queues never need it. A queue of datagrams has it from the start, because their number does not
// follow from their size.
type completions struct {
	accepted  uint64 // streams: bytes, since there is this; datagrams: their number
	finished  uint64 // of those, taken or failed
	pending   []Completion
	first     int         // of pending
	datagrams bool        // units are datagrams
	discarded buffer.List // dropped, and not freed yet
}

// A Completion is due when as much was taken as had been accepted when it was added.
type Completion struct {
	end  uint64
	Done abi.Completion
	Code errcode.Code
}

// CountDatagrams makes an empty queue one of datagrams.
func (q *Queue) CountDatagrams() { q.completions = &completions{datagrams: true} }

// Datagrams returns the number of datagrams that wait, 0 in a queue of bytes.
func (q *Queue) Datagrams() int64 {
	if q.completions == nil || !q.datagrams {
		return 0
	}
	return int64(q.accepted - q.finished)
}

// AddCompletion notes a completion for all that has been accepted.
func (q *Queue) AddCompletion(done abi.Completion) {
	if q.completions == nil {
		q.completions = &completions{accepted: uint64(q.size)}
	}
	if q.first > 0 && len(q.pending) == cap(q.pending) {
		n := copy(q.pending, q.pending[q.first:])
		q.pending, q.first = q.pending[:n], 0
	}
	excess := q.excess()
	q.pending = append(q.pending, Completion{end: q.accepted, Done: done})
	q.recount(excess)
}

// Pending returns the number of completions that have not been popped.
func (q *Queue) Pending() int {
	if q.completions == nil {
		return 0
	}
	return len(q.pending) - q.first
}

// IsDue reports whether the first completion is due.
func (q *Queue) IsDue() bool {
	return q.completions != nil && q.first < len(q.pending) && q.pending[q.first].end <= q.finished
}

// PopDue removes it and returns it.
func (q *Queue) PopDue() Completion {
	excess := q.excess()
	p := q.pending[q.first]
	q.first++
	if q.first == len(q.pending) {
		q.pending, q.first = q.pending[:0], 0
	}
	q.recount(excess)
	return p
}

// FailLast fails the datagram that was finished last.
func (q *Queue) FailLast(code errcode.Code) {
	if q.Pending() == 0 {
		return
	}
	index, waiting := q.finished, q.pending[q.first:]
	i := sort.Search(len(waiting), func(i int) bool { return waiting[i].end >= index })
	if i < len(waiting) && waiting[i].end == index {
		waiting[i].Code = code
	}
}
