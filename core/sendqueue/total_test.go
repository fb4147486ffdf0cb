package sendqueue

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// waiterFunc is a Waiter of the tests.
type waiterFunc func()

func (f waiterFunc) Relieve() { f() }

// withTotalLimit sets the limit for a test, after which nobody may hold or wait.
func withTotalLimit(t *testing.T, limit int64) {
	SetTotalLimit(limit)
	t.Cleanup(func() {
		SetTotalLimit(0)
		assert.Zero(t, ReadTotal().Held)
		assert.Nil(t, total.waiting)
		assert.EqualValues(t, nobodyWaits, total.wakeAt.Load())
	})
}

func filled(bytes int) *Queue {
	q := &Queue{}
	q.Accept(uint64(bytes), bytes)
	return q
}

// BOUND-8: what counts is what is beyond the free share, whatever it consists of.
func TestTotalCountsWhatIsBeyondTheShare(t *testing.T) {
	withTotalLimit(t, 0)
	held := func() int64 { return ReadTotal().Held }
	q := filled(FreeShare)
	assert.Zero(t, held())
	q.Accept(10, 10)
	assert.EqualValues(t, 10, held())
	q.AddCompletion(abi.Completion{Func: 1})
	assert.EqualValues(t, 10+completionCost, held())
	other := filled(FreeShare + 1000)
	assert.EqualValues(t, 1010+completionCost, held())
	other.Finish(2000, 2000)
	assert.EqualValues(t, 10+completionCost, held())
	d := &Queue{}
	d.CountDatagrams()
	d.Accept(FreeShare/datagramCost+1, 0)
	assert.EqualValues(t, 10+completionCost+datagramCost, held())
	d.Drop(errcode.Reset)
	assert.EqualValues(t, 10+completionCost, held())
	q.Drop(errcode.Reset)
	assert.Zero(t, held(), "the completion alone is within the share")
	require.True(t, q.IsDue())
	q.PopDue()
	other.Drop(errcode.Reset)
}

// A completion that has run makes room, too.
func TestTotalOfCompletions(t *testing.T) {
	withTotalLimit(t, 0)
	q := &Queue{}
	for range FreeShare/completionCost + 2 {
		q.AddCompletion(abi.Completion{Func: 1})
	}
	assert.EqualValues(t, 2*completionCost, ReadTotal().Held)
	for q.IsDue() {
		q.PopDue()
	}
	assert.Zero(t, ReadTotal().Held)
}

// BOUND-8
func TestTotalLimit(t *testing.T) {
	withTotalLimit(t, 1000)
	one, other := filled(FreeShare-1), &Queue{}
	assert.True(t, other.IsUnderTotal(1<<30), "nobody holds anything")
	one.Accept(501, 501)
	assert.True(t, one.IsUnderTotal(500))
	assert.False(t, one.IsUnderTotal(501))
	assert.True(t, other.IsUnderTotal(FreeShare+500))
	assert.False(t, other.IsUnderTotal(FreeShare+501))
	one.Accept(500, 500)
	assert.True(t, other.IsUnderTotal(FreeShare), "nobody starves")
	assert.False(t, other.IsUnderTotal(FreeShare+1))
	SetTotalLimit(0)
	assert.True(t, other.IsUnderTotal(1<<30))
	one.Drop(errcode.Reset)
}

// BOUND-9: each is told once, when there is room for its send and half of the limit is free.
func TestTotalTellsWhoCanGoOn(t *testing.T) {
	withTotalLimit(t, 1000)
	hog := filled(FreeShare + 1000)
	told := [4]int{}
	var queues [4]Queue
	for i, bytes := range []int{1, 500, 700, 5000} { // beyond the share
		q := &queues[i]
		require.False(t, q.IsUnderTotal(FreeShare+bytes))
		q.RefuseForTotal(FreeShare+bytes, waiterFunc(func() { told[i]++ }))
	}
	shrinkTo := func(bytes int64) { n := int(ReadTotal().Held - bytes); hog.Finish(uint64(n), n) }
	shrinkTo(501)
	assert.Equal(t, [4]int{}, told)
	shrinkTo(500)
	assert.Equal(t, [4]int{1, 1, 0, 0}, told)
	shrinkTo(301)
	assert.Equal(t, [4]int{1, 1, 0, 0}, told)
	shrinkTo(300)
	assert.Equal(t, [4]int{1, 1, 1, 0}, told)
	shrinkTo(1)
	assert.Equal(t, [4]int{1, 1, 1, 0}, told)
	shrinkTo(0)
	assert.Equal(t, [4]int{1, 1, 1, 1}, told)
	for i := range queues {
		assert.False(t, queues[i].TakeDrain(10), "not before the loop has heard of it")
		queues[i].EndWait()
		assert.True(t, queues[i].TakeDrain(10))
		assert.False(t, queues[i].TakeDrain(10))
	}
}

// BOUND-9: a queue that was not empty drains by itself; one that was does not, because its send
// would be refused again.
func TestTotalDrainOfTheOwnQueue(t *testing.T) {
	withTotalLimit(t, 1000)
	never := waiterFunc(func() { t.Error("told") })
	hog, q, empty := filled(FreeShare+1000), filled(10), &Queue{}
	q.RefuseForTotal(FreeShare+1, never)
	empty.RefuseForTotal(FreeShare+1, never)
	assert.False(t, q.TakeDrain(1<<20), "its own limit is not why it waits")
	q.Refuse()
	assert.False(t, q.TakeDrain(1<<20))
	q.Finish(10, 10)
	assert.True(t, q.TakeDrain(1<<20))
	assert.False(t, empty.TakeDrain(1<<20))
	empty.Accept(10, 10)
	empty.Finish(10, 10)
	assert.False(t, empty.TakeDrain(1<<20))
	empty.Drop(errcode.Reset)
	hog.Drop(errcode.Reset)
	empty.EndWait()
	assert.False(t, empty.TakeDrain(1<<20), "what is dropped drains no more")
}

// A queue whose descriptor another goes on with, and one that is relieved, waits no longer.
func TestTotalForgetsWhoHasGone(t *testing.T) {
	withTotalLimit(t, 1000)
	hog := filled(FreeShare + 1000)
	for _, end := range []func(q *Queue){(*Queue).HandOver, func(q *Queue) { q.Drop(errcode.Reset) }} {
		q := &Queue{}
		q.RefuseForTotal(FreeShare+1, waiterFunc(func() { t.Error("told") }))
		end(q)
		assert.Nil(t, total.waiting)
		assert.False(t, q.TakeDrain(1<<20))
	}
	hog.Drop(errcode.Reset)
}

// BOUND-9: a wake-up is never lost. Who is refused while others make room is told.
func TestTotalLosesNoWakeUp(t *testing.T) {
	withTotalLimit(t, 1000)
	const senders, rounds = 4, 3000
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			var mu sync.Mutex // as a socket's
			var q Queue
			for range rounds {
				mu.Lock()
				for !q.IsUnderTotal(FreeShare + 600) {
					var told atomic.Bool
					q.RefuseForTotal(FreeShare+600, waiterFunc(func() { told.Store(true) }))
					mu.Unlock()
					for !told.Load() {
						runtime.Gosched()
					}
					mu.Lock()
					q.EndWait()
					q.TakeDrain(1)
				}
				q.Accept(FreeShare+600, FreeShare+600)
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				q.Finish(FreeShare+600, FreeShare+600)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// What each send costs, in a queue that never has more than its free share, and in one that has.
func BenchmarkQueueAcceptAndFinish(b *testing.B) {
	for _, c := range []struct {
		name  string
		bytes int
	}{{"WithinTheShare", 1000}, {"BeyondTheShare", FreeShare + 1}} {
		b.Run(c.name, func(b *testing.B) {
			SetTotalLimit(1 << 40)
			defer SetTotalLimit(0)
			q := &Queue{}
			for b.Loop() {
				if !q.IsUnderLimit(c.bytes, 16<<20) || !q.IsUnderTotal(c.bytes) {
					b.Fatal("refused")
				}
				q.Accept(uint64(c.bytes), c.bytes)
				q.Finish(uint64(c.bytes), c.bytes)
			}
		})
	}
}
