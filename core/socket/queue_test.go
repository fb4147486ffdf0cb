package socket

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
	"ohsocket/core/sys"
)

func buffersOf(parts ...[]byte) []abi.Buffer {
	var list []abi.Buffer
	for _, b := range parts {
		data, size := numbers(b)
		list = append(list, abi.Buffer{Data: data, Size: uint64(size)})
	}
	return list
}

func (q *sendQueue) contents() []byte {
	var b []byte
	for k := q.blocks.First; k != nil; k = k.Next() {
		b = append(b, k.Bytes()...)
	}
	return b
}

func TestQueueOfStream(t *testing.T) {
	checkLeaks(t)
	q := &sendQueue{}
	random := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for range 300 {
		part := pattern(random.IntN(100_000))
		cut := random.IntN(len(part) + 1)
		list, ok := copyIn(buffersOf(part[:cut], nil, part[cut:]), len(part))
		require.True(t, ok)
		q.blocks.PushList(list)
		q.accept(uint64(len(part)), len(part))
		want = append(want, part...)
		for len(want) > 300_000 {
			var iov [maxPieces]unix.Iovec
			count, total := q.pieces(iov[:])
			require.Positive(t, count)
			n := 1 + random.IntN(total)
			var empty buffer.List
			q.taken(n, &empty)
			empty.FreeAll()
			want = want[n:]
		}
		require.EqualValues(t, len(want), q.size)
	}
	assert.True(t, bytes.Equal(want, q.contents()))
	q.clear()
	assert.Nil(t, q.blocks.First)
	assert.Nil(t, q.blocks.Last())
	assert.Zero(t, q.size)
}

func TestQueuePieces(t *testing.T) {
	checkLeaks(t)
	q := &sendQueue{}
	for range maxPieces + 8 {
		list, ok := copyIn(buffersOf([]byte("0123456789")), 10)
		require.True(t, ok)
		q.blocks.PushList(list)
		q.accept(10, 10)
	}
	var iov [maxPieces]unix.Iovec
	count, total := q.pieces(iov[:])
	assert.Equal(t, maxPieces, count)
	assert.Equal(t, maxPieces*10, total)
	var empty buffer.List
	q.taken(15, &empty)
	empty.FreeAll()
	count, total = q.pieces(iov[:])
	assert.Equal(t, maxPieces, count)
	assert.Equal(t, maxPieces*10-5, total)
	assert.EqualValues(t, '5', *iov[0].Base)
	q.clear()
}

// DONE-5, DONE-6
func TestQueuePromises(t *testing.T) {
	q := &sendQueue{}
	// What was sent before the first promise, of which the queue keeps no count, is due with it.
	q.accept(15, 15)
	q.finish(5, 5)
	for i := range 100 {
		q.accept(10, 10)
		q.addCompletion(abi.Completion{Func: 1, UserData: uintptr(i)})
	}
	assert.EqualValues(t, 1010+100*completionCost, q.charge())
	assert.False(t, q.isDue())
	next, taken := uintptr(0), 0
	for q.size > 0 {
		n := min(7, int(q.size))
		q.finish(uint64(n), n)
		taken += n
		assert.Equal(t, taken >= 20+10*int(next), q.isDue())
		for q.isDue() {
			assert.Equal(t, next, q.popDue().done.UserData)
			next++
			// The list does not grow while it is used.
			if next <= 900 {
				q.accept(10, 10)
				q.addCompletion(abi.Completion{Func: 1, UserData: next + 99})
			}
			require.LessOrEqual(t, cap(q.pending), 512)
		}
	}
	assert.EqualValues(t, 1000, next)
	assert.Zero(t, q.charge())
}

func TestQueueDropKeepsWhatIsFinished(t *testing.T) {
	q := &sendQueue{}
	for range 3 {
		q.accept(10, 10)
		q.addCompletion(abi.Completion{Func: 1})
	}
	q.finish(10, 10)
	q.drop(errcode.Reset)
	for _, want := range []errcode.Code{errcode.OK, errcode.Reset, errcode.Reset} {
		require.True(t, q.isDue())
		assert.Equal(t, want, q.popDue().code)
	}
	assert.Zero(t, q.size)
}

// What the kernel may be reading is not given back under its hands.
func TestQueueDropWhileWriting(t *testing.T) {
	checkLeaks(t)
	q := &sendQueue{writing: true}
	list, _ := copyIn(buffersOf(pattern(100_000)), 100_000)
	q.blocks.PushList(list)
	q.accept(100_000, 100_000)
	q.drop(errcode.Canceled)
	assert.True(t, q.dropped)
	assert.Nil(t, q.blocks.First)
	kept := q.takeDiscarded()
	assert.Nil(t, kept.First)
	q.writing = false
	kept = q.takeDiscarded()
	assert.NotNil(t, kept.First)
	kept.FreeAll()
}

// drop fails and frees all, as the end of a period does.
func (q *sendQueue) clear() {
	q.drop(errcode.Canceled)
	l := q.takeDiscarded()
	l.FreeAll()
}

func TestQueueFailAt(t *testing.T) {
	q := &sendQueue{completionQueue: &completionQueue{}} // as that of a socket for datagrams
	for _, end := range []uint64{2, 3, 7} {
		q.accepted = end
		q.addCompletion(abi.Completion{Func: 1})
	}
	for index := uint64(1); index < 9; index++ {
		q.failAt(index, errcode.Code(index))
	}
	assert.EqualValues(t, 2, q.pending[0].code)
	assert.EqualValues(t, 3, q.pending[1].code)
	assert.EqualValues(t, 7, q.pending[2].code)
}

func TestQueueNoMemory(t *testing.T) {
	checkLeaks(t)
	calls := 0
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpMap {
			if calls++; calls > 2 {
				return unix.ENOMEM, 0
			}
		}
		return 0, 0
	})
	// More than the pool can have kept.
	list, ok := copyIn(buffersOf(pattern(3*buffer.KeptBytes)), 3*buffer.KeptBytes)
	assert.False(t, ok)
	assert.Nil(t, list.First)
}

func TestSkip(t *testing.T) {
	parts := buffersOf([]byte("abc"), nil, []byte("defg"), []byte("h"))
	for n := range 9 {
		left := skip(append([]abi.Buffer{}, parts...), n)
		total := 0
		for _, b := range left {
			if b.Size > 0 {
				total += int(b.Size)
			}
		}
		assert.Equal(t, 8-n, total)
	}
}

func TestPacketList(t *testing.T) {
	checkLeaks(t)
	var list buffer.List
	to := literal(t, "127.0.0.1", 9)
	sizes := []int{0, 1, 7, 8, 9, 1400, 16000, 16384, 65507, maxPacket - 1, 3}
	for _, n := range sizes {
		b := pattern(n)
		require.True(t, pushPacket(&list, buffersOf(b[:n/2], b[n/2:]), n, to))
	}
	for _, n := range sizes {
		p, data := frontPacket(&list)
		require.NotNil(t, p)
		assert.EqualValues(t, n, p.size)
		assert.Equal(t, to, p.address)
		assert.Zero(t, buffer.Address(data)%8)
		assert.True(t, bytes.Equal(pattern(n), data))
		popPacket(&list)
	}
	p, _ := frontPacket(&list)
	assert.Nil(t, p)
}
