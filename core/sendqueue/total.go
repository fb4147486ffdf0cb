package sendqueue

import (
	"math"
	"sync/atomic"

	"ohsocket/core/lock"
)

// FreeShare is the size up to which a queue does not count against the limit of all queues, so that
// a connection goes on, in small pieces, while others have used the limit up. It also keeps sends
// that the kernel takes at once away from what all threads share.
const FreeShare = 64 << 10

// A Waiter is told when its send, which the total had no room for, can be made. The call comes from
// any thread, with the lock of some other queue held.
type Waiter interface{ Relieve() }

// total counts the bytes that the queues of the process hold beyond their free shares.
var total struct {
	limit   atomic.Int64 // 0: none
	held    atomic.Int64
	refused atomic.Uint64
	// wakeAt is as much as the queues may hold when somebody can go on: never less than the highest
	// threshold of those who wait.
	wakeAt atomic.Int64

	mu      lock.Mutex[lock.Leaf]
	waiting map[*Queue]waiting
}

// waiting is a refused send.
type waiting struct {
	growth int64 // that the total would have had
	waiter Waiter
}

// nobodyWaits is below everything that the queues can hold.
const nobodyWaits = math.MinInt64

func init() { total.wakeAt.Store(nobodyWaits) }

// Total has the bytes that count against the limit, and how many sends were refused for it.
type Total struct {
	Held, Limit int64
	Refused     uint64
}

// ReadTotal reads the counters.
func ReadTotal() Total {
	return Total{Held: total.held.Load(), Limit: total.limit.Load(), Refused: total.refused.Load()}
}

// SetTotalLimit bounds what all queues hold beyond their free shares, 0: it does not.
func SetTotalLimit(limit int64) {
	total.mu.Lock()
	total.limit.Store(limit)
	updateWakeAtLocked()
	total.mu.Unlock()
	wakeIfRelieved(total.held.Load())
}

// excess returns how much the queue holds beyond its free share.
func (q *Queue) excess() int64 { return excessOf(q.Charge()) }

func excessOf(charge int64) int64 { return max(charge-FreeShare, 0) }

// recount follows the queue's excess, which was before.
func (q *Queue) recount(before int64) {
	if now := q.excess(); now != before {
		held := total.held.Add(now - before)
		if now < before {
			wakeIfRelieved(held)
		}
	}
}

// IsUnderTotal reports whether the limit of all queues admits bytes, or a datagram of that size:
// any number of them while no queue holds more than its free share.
func (q *Queue) IsUnderTotal(bytes int) bool {
	return q.isSmallWith(bytes) || q.fitsTotal(bytes)
}

func (q *Queue) fitsTotal(bytes int) bool {
	if q.Charge()+q.cost(bytes) <= FreeShare {
		return true
	}
	limit, held := total.limit.Load(), total.held.Load()
	return limit == 0 || held == 0 || held+q.growth(bytes) <= limit
}

// isSmallWith reports whether the queue holds nothing but bytes, and with further ones no more than
// its free share.
func (q *Queue) isSmallWith(bytes int) bool {
	return q.completions == nil && q.size+int64(bytes) <= FreeShare
}

// growth returns how much a send would add to the total.
func (q *Queue) growth(bytes int) int64 {
	return excessOf(q.Charge()+q.cost(bytes)) - q.excess()
}

// RefuseForTotal notes that drain is owed for a send that the total has no room for: when there is
// room, or when the queue has become empty. The waiter is told when there is; it calls EndWait.
func (q *Queue) RefuseForTotal(bytes int, w Waiter) {
	total.refused.Add(1)
	q.refusal = refusalTotal
	if q.Charge() == 0 {
		q.refusal = refusalTotalEmpty
	}
	total.mu.Lock()
	if total.waiting == nil {
		total.waiting = map[*Queue]waiting{}
	}
	wait := waiting{q.growth(bytes), w}
	total.waiting[q] = wait
	total.wakeAt.Store(max(total.wakeAt.Load(), wait.threshold(total.limit.Load())))
	total.mu.Unlock()
	// The queues may have become shorter before there was anybody to tell.
	wakeIfRelieved(total.held.Load())
}

// EndWait makes a refusal for the total an ordinary one, because there is room.
func (q *Queue) EndWait() {
	if q.isWaiting() {
		q.leaveTotal(refusalOwn)
	}
}

func (q *Queue) isWaiting() bool {
	return q.refusal == refusalTotal || q.refusal == refusalTotalEmpty
}

// leaveTotal ends a wait, if there is one.
func (q *Queue) leaveTotal(next refusal) {
	if q.isWaiting() {
		total.mu.Lock()
		delete(total.waiting, q)
		if len(total.waiting) == 0 {
			updateWakeAtLocked() // else it may stay too high: the next who looks finds nobody
		}
		total.mu.Unlock()
	}
	q.refusal = next
}

// threshold is the number of bytes that the queues may hold when the send can be made. At half the
// limit or less, so that not every byte that leaves wakes somebody.
func (w waiting) threshold(limit int64) int64 {
	if limit == 0 {
		return math.MaxInt64
	}
	return max(min(limit/2, limit-w.growth), 0)
}

// wakeIfRelieved tells the sockets that can go on. A socket that begins to wait first shows its
// threshold and then looks at what is held; here it is the other way round. So nobody is
// overlooked.
func wakeIfRelieved(held int64) {
	if held > total.wakeAt.Load() {
		return
	}
	for _, w := range takeRelieved() {
		w.Relieve()
	}
}

// takeRelieved takes those off the list who can go on.
func takeRelieved() (relieved []Waiter) {
	total.mu.Lock()
	defer total.mu.Unlock()
	limit, held := total.limit.Load(), total.held.Load()
	for q, w := range total.waiting {
		if held <= w.threshold(limit) {
			relieved = append(relieved, w.waiter)
			delete(total.waiting, q)
		}
	}
	updateWakeAtLocked()
	return relieved
}

// updateWakeAtLocked finds the highest threshold.
func updateWakeAtLocked() {
	if len(total.waiting) == 0 {
		total.waiting = nil // a map stays as large as it ever was
	}
	limit, highest := total.limit.Load(), int64(nobodyWaits)
	for _, w := range total.waiting {
		highest = max(highest, w.threshold(limit))
	}
	total.wakeAt.Store(highest)
}
