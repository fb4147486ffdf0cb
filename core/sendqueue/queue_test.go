package sendqueue

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
)

// maxPieces is the number of pieces that one write has at most in these tests.
const maxPieces = 32

func checkLeaks(t *testing.T) {
	before := buffer.Mapped() - buffer.Kept()
	t.Cleanup(func() { assert.Equal(t, before, buffer.Mapped()-buffer.Kept()) })
}

// pattern returns bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + i>>8)
	}
	return b
}

func buffersOf(parts ...[]byte) []abi.Buffer {
	var list []abi.Buffer
	for _, b := range parts {
		list = append(list, abi.Buffer{Data: buffer.Address(b), Size: uint64(len(b))})
	}
	return list
}

func (q *Queue) contents() []byte {
	var b []byte
	for k := q.Blocks.First; k != nil; k = k.Next() {
		b = append(b, k.Bytes()...)
	}
	return b
}

func TestQueueOfStream(t *testing.T) {
	checkLeaks(t)
	q := &Queue{}
	random := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for range 300 {
		part := pattern(random.IntN(100_000))
		cut := random.IntN(len(part) + 1)
		list, ok := buffer.CopyIn(buffersOf(part[:cut], nil, part[cut:]), len(part))
		require.True(t, ok)
		q.Blocks.PushList(list)
		q.Accept(uint64(len(part)), len(part))
		want = append(want, part...)
		for len(want) > 300_000 {
			var iov [maxPieces]unix.Iovec
			count, total := Pieces(q.Blocks, iov[:])
			require.Positive(t, count)
			n := 1 + random.IntN(total)
			var empty buffer.List
			q.Take(n, &empty)
			empty.FreeAll()
			want = want[n:]
		}
		require.EqualValues(t, len(want), q.size)
	}
	assert.True(t, bytes.Equal(want, q.contents()))
	q.clear()
	assert.Nil(t, q.Blocks.First)
	assert.Nil(t, q.Blocks.Last())
	assert.Zero(t, q.size)
}

func TestQueuePieces(t *testing.T) {
	checkLeaks(t)
	q := &Queue{}
	for range maxPieces + 8 {
		list, ok := buffer.CopyIn(buffersOf([]byte("0123456789")), 10)
		require.True(t, ok)
		q.Blocks.PushList(list)
		q.Accept(10, 10)
	}
	var iov [maxPieces]unix.Iovec
	count, total := Pieces(q.Blocks, iov[:])
	assert.Equal(t, maxPieces, count)
	assert.Equal(t, maxPieces*10, total)
	var empty buffer.List
	q.Take(15, &empty)
	empty.FreeAll()
	count, total = Pieces(q.Blocks, iov[:])
	assert.Equal(t, maxPieces, count)
	assert.Equal(t, maxPieces*10-5, total)
	assert.EqualValues(t, '5', *iov[0].Base)
	q.clear()
}

// DONE-5, DONE-6
func TestQueuePromises(t *testing.T) {
	q := &Queue{}
	// What was sent before the first promise, of which the queue keeps no count, is due with it.
	q.Accept(15, 15)
	q.Finish(5, 5)
	for i := range 100 {
		q.Accept(10, 10)
		q.AddCompletion(abi.Completion{Func: 1, UserData: uintptr(i)})
	}
	assert.EqualValues(t, 1010+100*completionCost, q.Charge())
	assert.False(t, q.IsDue())
	next, taken := uintptr(0), 0
	for q.size > 0 {
		n := min(7, int(q.size))
		q.Finish(uint64(n), n)
		taken += n
		assert.Equal(t, taken >= 20+10*int(next), q.IsDue())
		for q.IsDue() {
			assert.Equal(t, next, q.PopDue().Done.UserData)
			next++
			// The list does not grow while it is used.
			if next <= 900 {
				q.Accept(10, 10)
				q.AddCompletion(abi.Completion{Func: 1, UserData: next + 99})
			}
			require.LessOrEqual(t, cap(q.pending), 512)
		}
	}
	assert.EqualValues(t, 1000, next)
	assert.Zero(t, q.Charge())
}

func TestQueueDropKeepsWhatIsFinished(t *testing.T) {
	q := &Queue{}
	for range 3 {
		q.Accept(10, 10)
		q.AddCompletion(abi.Completion{Func: 1})
	}
	q.Finish(10, 10)
	q.Drop(errcode.Reset)
	for _, want := range []errcode.Code{errcode.OK, errcode.Reset, errcode.Reset} {
		require.True(t, q.IsDue())
		assert.Equal(t, want, q.PopDue().Code)
	}
	assert.Zero(t, q.size)
}

// What the kernel may be reading is not given back under its hands.
func TestQueueDropWhileWriting(t *testing.T) {
	checkLeaks(t)
	q := &Queue{writing: true}
	list, _ := buffer.CopyIn(buffersOf(pattern(100_000)), 100_000)
	q.Blocks.PushList(list)
	q.Accept(100_000, 100_000)
	q.Drop(errcode.Canceled)
	assert.True(t, q.dropped)
	assert.Nil(t, q.Blocks.First)
	kept := q.TakeDiscarded()
	assert.Nil(t, kept.First)
	q.writing = false
	kept = q.TakeDiscarded()
	assert.NotNil(t, kept.First)
	kept.FreeAll()
}

// drop fails and frees all, as the end of a period does.
func (q *Queue) clear() {
	q.Drop(errcode.Canceled)
	l := q.TakeDiscarded()
	l.FreeAll()
}

func TestQueueFailAt(t *testing.T) {
	q := &Queue{completions: &completions{datagrams: true}} // as that of a socket for datagrams
	for _, end := range []uint64{2, 3, 7} {
		q.accepted = end
		q.AddCompletion(abi.Completion{Func: 1})
	}
	for index := uint64(1); index < 9; index++ {
		q.Finish(1, 0)
		q.FailLast(errcode.Code(index))
	}
	assert.EqualValues(t, 2, q.pending[0].Code)
	assert.EqualValues(t, 3, q.pending[1].Code)
	assert.EqualValues(t, 7, q.pending[2].Code)
}

// BOUND-1: a completion and a datagram have their price, and an empty queue takes anything.
func TestQueueLimit(t *testing.T) {
	q := &Queue{}
	assert.True(t, q.IsUnderLimit(1<<30, 100))
	q.Accept(10, 10)
	assert.True(t, q.IsUnderLimit(90, 100))
	assert.False(t, q.IsUnderLimit(91, 100))
	q.AddCompletion(abi.Completion{Func: 1})
	assert.True(t, q.IsUnderLimit(90-completionCost, 100))
	assert.False(t, q.IsUnderLimit(91-completionCost, 100))
	d := &Queue{}
	d.CountDatagrams()
	d.Accept(1, 0)
	assert.EqualValues(t, datagramCost, d.Charge(), "an empty datagram is not free")
	assert.True(t, d.IsUnderLimit(0, 2*datagramCost))
	assert.False(t, d.IsUnderLimit(1, 2*datagramCost))
}

// BOUND-2: drain is owed once for all refusals, under half of the limit, or at 0.
func TestQueueDrain(t *testing.T) {
	q := &Queue{}
	q.Accept(100, 100)
	assert.False(t, q.TakeDrain(1000), "nothing was refused")
	q.Refuse()
	q.Refuse()
	assert.False(t, q.TakeDrain(200), "half is not under half")
	assert.True(t, q.TakeDrain(202))
	assert.False(t, q.TakeDrain(202))
	q.Refuse()
	q.Finish(100, 100)
	assert.True(t, q.TakeDrain(1))
}

// After EAGAIN a writer tries again only if the kernel has reported meanwhile that it takes more.
func TestQueueEdge(t *testing.T) {
	q := &Queue{}
	assert.True(t, q.IsIdle())
	assert.False(t, q.NoteEdge(), "nobody writes")
	q.BeginWrite()
	assert.False(t, q.IsIdle())
	assert.True(t, q.NoteEdge())
	assert.False(t, q.MustWait())
	assert.True(t, q.MustWait())
	q.EndWrite()
	assert.False(t, q.IsIdle())
	assert.True(t, q.IsBlocked())
	assert.False(t, q.NoteEdge())
	q.Unblock()
	assert.True(t, q.IsIdle())
	q.BeginWrite()
	assert.True(t, q.MustWait(), "an edge of before is over")
}

// ORDER-8: neither is an answer received before the completion of its send is due, nor is a send
// written whose answer might be what is being received.
func TestQueueReceipt(t *testing.T) {
	q := &Queue{}
	q.BeginWrite()
	assert.True(t, q.BeginReceipt(), "no completion waits")
	assert.False(t, q.MustQueue(false))
	assert.True(t, q.MustQueue(true))
	assert.True(t, q.EndReceipt())
	assert.False(t, q.EndReceipt())
	assert.False(t, q.MustQueue(true), "nothing is received")
	q.AddCompletion(abi.Completion{Func: 1})
	assert.False(t, q.BeginReceipt(), "the writer is in the kernel with it")
	assert.True(t, q.TakeWaiting())
	assert.False(t, q.TakeWaiting())
	q.EndWrite()
	assert.True(t, q.BeginReceipt())
	assert.True(t, q.MustQueue(false), "it lies behind one with a completion")
	q.Reset()
	assert.False(t, q.EndReceipt())
}
