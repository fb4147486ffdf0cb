package socket

import (
	"sort"
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
)

// sendQueue is what has been sent and not yet taken by the kernel, and the promises
// made for it. It is under the socket's lock, but for the memory of its blocks: who
// has the token (writing) reads them without.
type sendQueue struct {
	blocks buffer.List
	size   int64 // bytes accepted and not yet taken
	*completionQueue

	writing  bool // somebody has the token
	blocked  bool // the kernel has said EAGAIN and will report EPOLLOUT
	edge     bool // EPOLLOUT came while somebody was writing
	refused  bool // drain is owed
	gathered bool // on the loop's list
	// dropped: the queue was dropped under the writer's hands
	dropped bool
	receipt receipt
}

// completionQueue is what a queue has that promises something, or has dropped something; many never do. A socket for
// datagrams has it from the start, since their number does not follow from their size.
type completionQueue struct {
	accepted  uint64 // streams: bytes, since there is this; datagrams: their number
	finished  uint64 // of those, taken or failed
	pending   []pendingCompletion
	first     int         // of promises
	discarded buffer.List // dropped, and not freed yet
}

// pendingCompletion is a completion that is due when finished has reached end.
type pendingCompletion struct {
	end  uint64
	done abi.Completion
	code errcode.Code
}

const (
	// completionCost is what a promise that has not been kept counts against the limit.
	completionCost = 64
	// packetCost is what a datagram counts besides its bytes: its header in the queue.
	packetCost = 64
)

// accept counts what will be sent: bytes of a stream, or one datagram of that size.
func (q *sendQueue) accept(units uint64, bytes int) {
	q.size += int64(bytes)
	if q.completionQueue != nil {
		q.accepted += units
	}
}

// finish counts what has been taken or has failed.
func (q *sendQueue) finish(units uint64, bytes int) {
	q.size -= int64(bytes)
	if q.completionQueue != nil {
		q.finished += units
	}
}

// addCompletion notes a completion for all that has been accepted.
func (q *sendQueue) addCompletion(done abi.Completion) {
	if q.completionQueue == nil {
		q.completionQueue = &completionQueue{accepted: uint64(q.size)}
	}
	if q.first > 0 && len(q.pending) == cap(q.pending) {
		n := copy(q.pending, q.pending[q.first:])
		q.pending, q.first = q.pending[:n], 0
	}
	q.pending = append(q.pending, pendingCompletion{end: q.accepted, done: done})
}

// isDue reports whether a promise can be kept.
func (q *sendQueue) isDue() bool {
	return q.completionQueue != nil && q.first < len(q.pending) && q.pending[q.first].end <= q.finished
}

// charge is what counts against the limit, of a queue of bytes.
func (q *sendQueue) charge() int64 {
	return q.size + int64(q.pendingCompletions())*completionCost
}

// packets is how many datagrams wait in a queue of datagrams.
func (q *sendQueue) packets() int64 { return int64(q.accepted - q.finished) }

// pendingCompletions is how many promises have not been kept.
func (q *sendQueue) pendingCompletions() int {
	if q.completionQueue == nil {
		return 0
	}
	return len(q.pending) - q.first
}

// drained reports whether a queue is short enough for drain. An empty one is, whatever the limit.
func drained(charge, limit int64) bool {
	return charge == 0 || charge < limit/2
}

func (q *sendQueue) popDue() pendingCompletion {
	p := q.pending[q.first]
	q.first++
	if q.first == len(q.pending) {
		q.pending, q.first = q.pending[:0], 0
	}
	return p
}

// drop fails all that has not been taken.
func (q *sendQueue) drop(code errcode.Code) {
	if q.pendingCompletions() > 0 {
		for i := q.first; i < len(q.pending); i++ {
			if p := &q.pending[i]; p.end > q.finished {
				p.code = code
			}
		}
	}
	q.size = 0
	// Freed without the lock, when no writer reads them any more.
	if q.blocks.First != nil {
		if q.completionQueue == nil {
			q.completionQueue = &completionQueue{}
		}
		q.discarded.PushList(q.blocks)
		q.blocks = buffer.List{}
	}
	if q.completionQueue != nil {
		q.finished = q.accepted
	}
	q.dropped = q.writing
	q.refused = false
}

// takeDiscarded returns what was dropped and can be freed.
func (q *sendQueue) takeDiscarded() buffer.List {
	if q.writing || !q.hasDiscarded() {
		return buffer.List{}
	}
	l := q.discarded
	q.discarded = buffer.List{}
	return l
}

func (q *sendQueue) hasDiscarded() bool { return q.completionQueue != nil && q.discarded.First != nil }

// failAt fails one datagram.
func (q *sendQueue) failAt(index uint64, code errcode.Code) {
	if q.pendingCompletions() == 0 {
		return
	}
	waiting := q.pending[q.first:]
	i := sort.Search(len(waiting), func(i int) bool { return waiting[i].end >= index })
	if i < len(waiting) && waiting[i].end == index {
		waiting[i].code = code
	}
}

// pieces describes the first blocks of a stream's queue for one write.
func (q *sendQueue) pieces(iov []unix.Iovec) (count, total int) {
	for b := q.blocks.First; b != nil && count < len(iov); b = b.Next() {
		if n := b.Len(); n > 0 {
			iov[count] = unix.Iovec{Base: unsafe.SliceData(b.Bytes()), Len: uint64(n)}
			count++
			total += n
		}
	}
	return count, total
}

// taken removes bytes from the front of a stream's queue and puts blocks that have
// become empty on a list, to be freed without the lock.
func (q *sendQueue) taken(n int, empty *buffer.List) {
	q.finish(uint64(n), n)
	for n > 0 {
		b := q.blocks.First
		m := min(n, b.Len())
		b.Consume(m)
		n -= m
		if b.Len() == 0 {
			empty.Push(q.blocks.Pop())
		}
	}
}

// copyIn copies buffers into new blocks. It reports false if there is no memory.
func copyIn(bufs []abi.Buffer, total int) (buffer.List, bool) {
	var list buffer.List
	left := total
	for i := range bufs {
		part := buffer.FromCaller(bufs[i].Data, int(bufs[i].Size))
		if !list.AppendPart(part, left) {
			list.FreeAll()
			return list, false
		}
		left -= len(part)
	}
	return list, true
}

// skip drops the first n bytes of buffers, in place.
func skip(bufs []abi.Buffer, n int) []abi.Buffer {
	for len(bufs) > 0 && uint64(n) >= bufs[0].Size {
		n -= int(bufs[0].Size)
		bufs = bufs[1:]
	}
	if len(bufs) > 0 && n > 0 {
		bufs[0].Data += uintptr(n)
		bufs[0].Size -= uint64(n)
	}
	return bufs
}

// iovecs looks at buffers as the kernel does: the layout is the same.
func iovecs(bufs []abi.Buffer) []unix.Iovec {
	return unsafe.Slice((*unix.Iovec)(unsafe.Pointer(unsafe.SliceData(bufs))), len(bufs))
}
