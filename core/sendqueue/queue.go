package sendqueue

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// A Queue holds bytes that the program has sent and the kernel has not yet taken, and their
// completions. Its owner's lock guards it. The memory of its blocks is an exception: the holder of
// the write lock reads it without the owner's lock.
type Queue struct {
	Blocks buffer.List
	size   int64 // bytes accepted and not yet taken
	*completions

	Gathered bool    // the loop writes it when the callback returns
	writing  bool    // somebody has the write lock
	blocked  bool    // the kernel has said EAGAIN and will report that it takes more
	edge     bool    // it has reported that while somebody was writing
	refusal  refusal // drain is owed
	dropped  bool    // the queue was dropped under the writer's hands
	receipt  receipt
}

// Size returns the number of bytes that were accepted and are not yet taken.
func (q *Queue) Size() int64 { return q.size }

// IsIdle reports whether nobody writes, and the kernel may take more.
func (q *Queue) IsIdle() bool { return !q.writing && !q.blocked }

// IsWriting reports whether somebody has the write lock.
func (q *Queue) IsWriting() bool { return q.writing }

// IsDropped reports to the writer that the queue was dropped under its hands.
func (q *Queue) IsDropped() bool { return q.dropped }

// BeginWrite takes the write lock, of an idle queue.
func (q *Queue) BeginWrite() {
	q.writing = true
	q.edge = false
}

// EndWrite gives it back.
func (q *Queue) EndWrite() {
	q.writing = false
	q.dropped = false
}

// MustWait says what a writer does after EAGAIN: wait until the kernel reports that it takes more,
// or try again, because it has reported that meanwhile.
func (q *Queue) MustWait() bool {
	q.blocked = !q.edge
	q.edge = false
	return q.blocked
}

// IsBlocked reports whether the kernel has said EAGAIN and takes no more.
func (q *Queue) IsBlocked() bool { return q.blocked }

// NoteEdge notes that the kernel takes more. It reports whether that is the writer's to act on.
func (q *Queue) NoteEdge() bool {
	q.edge = q.edge || q.writing
	return q.writing
}

// Unblock forgets EAGAIN.
func (q *Queue) Unblock() { q.blocked = false }

// Reset forgets what was about the descriptor of a period that is over.
func (q *Queue) Reset() {
	q.blocked, q.edge = false, false
	q.receipt = receiptNone
}

// HandOver is Reset for a descriptor that another queue goes on with, which owes the drain.
func (q *Queue) HandOver() {
	q.blocked, q.edge = false, false
	q.leaveTotal(refusalNone)
}

// Accept counts what will be sent: bytes of a stream, or one datagram of that size.
func (q *Queue) Accept(units uint64, bytes int) {
	q.size += int64(bytes)
	if q.completions != nil || q.size > FreeShare {
		q.acceptedLarge(units, bytes)
	}
}

// acceptedLarge is apart so that Accept, which is all that most sends need, can be inlined.
func (q *Queue) acceptedLarge(units uint64, bytes int) {
	before := excessOf(q.Charge() - int64(bytes))
	if q.completions != nil {
		q.accepted += units
	}
	q.recount(before)
}

// Finish counts what has been taken or has failed.
func (q *Queue) Finish(units uint64, bytes int) {
	q.size -= int64(bytes)
	if q.completions != nil || q.size+int64(bytes) > FreeShare {
		q.finishedLarge(units, bytes)
	}
}

func (q *Queue) finishedLarge(units uint64, bytes int) {
	before := excessOf(q.Charge() + int64(bytes))
	if q.completions != nil {
		q.finished += units
	}
	q.recount(before)
}

// Drop fails all that has not been taken.
func (q *Queue) Drop(code errcode.Code) {
	excess := q.excess()
	if q.Pending() > 0 {
		for i := q.first; i < len(q.pending); i++ {
			if p := &q.pending[i]; p.end > q.finished {
				p.Code = code
			}
		}
	}
	q.size = 0
	// Freed without the lock, when no writer reads them any more.
	if q.Blocks.First != nil {
		if q.completions == nil {
			q.completions = &completions{}
		}
		q.discarded.PushList(q.Blocks)
		q.Blocks = buffer.List{}
	}
	if q.completions != nil {
		q.finished = q.accepted
	}
	q.dropped = q.writing
	q.leaveTotal(refusalNone)
	q.recount(excess)
}

// TakeDiscarded returns what was dropped and can be freed.
func (q *Queue) TakeDiscarded() buffer.List {
	if q.writing || !q.HasDiscarded() {
		return buffer.List{}
	}
	l := q.discarded
	q.discarded = buffer.List{}
	return l
}

// HasDiscarded reports whether something was dropped that was not freed.
func (q *Queue) HasDiscarded() bool { return q.completions != nil && q.discarded.First != nil }

// Pieces describes the first blocks of a list for one write.
func Pieces(l buffer.List, iov []unix.Iovec) (count, total int) {
	for b := l.First; b != nil && count < len(iov); b = b.Next() {
		if n := b.Len(); n > 0 {
			iov[count] = sys.Piece(b.Bytes())
			count++
			total += n
		}
	}
	return count, total
}

// Take removes bytes that were taken from the front of a stream's queue, and puts blocks that have
// become empty on a list, to be freed without the lock.
func (q *Queue) Take(n int, empty *buffer.List) {
	q.Finish(uint64(n), n)
	q.Blocks.Consume(n, empty)
}
