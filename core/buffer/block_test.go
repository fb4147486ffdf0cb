package buffer

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

// checkLeaks has a test end with as much memory in use as it began with.
func checkLeaks(t *testing.T) {
	before := Mapped() - Kept()
	t.Cleanup(func() {
		sys.SetHook(nil)
		assert.Equal(t, before, Mapped()-Kept(), "mapped and not free")
	})
}

func TestBlockSizes(t *testing.T) {
	checkLeaks(t)
	for _, test := range []struct{ size, want int }{
		{0, SmallBlock}, {1, SmallBlock}, {SmallBlock, SmallBlock}, {SmallBlock + 1, LargeBlock}, {1 << 30, LargeBlock},
	} {
		b := NewBlock(test.size)
		require.NotNil(t, b)
		assert.Equal(t, test.want, b.Size())
		assert.Zero(t, b.Len())
		assert.Equal(t, test.want, b.Room())
		b.Free()
	}
}

func TestBlockReuse(t *testing.T) {
	checkLeaks(t)
	b := NewBlock(1)
	b.Grow(100)
	b.Consume(50)
	b.Free()
	again := NewBlock(1)
	assert.Same(t, b, again, "the last one given back is warm")
	assert.Zero(t, again.Len())
	again.Free()
}

func TestBlockBounds(t *testing.T) {
	checkLeaks(t)
	b := NewBlock(1)
	assert.Equal(t, SmallBlock-5, len(b.Grow(SmallBlock-5)))
	assert.Panics(t, func() { b.Grow(6) })
	assert.Panics(t, func() { b.Consume(SmallBlock - 4) })
	assert.Equal(t, 5, b.Append([]byte("0123456789")), "what there is room for")
	assert.Equal(t, 0, b.Append([]byte("x")))
	b.Consume(SmallBlock - 5)
	assert.Equal(t, "01234", string(b.Bytes()))
	assert.Equal(t, 5, cap(b.Bytes()), "nobody can append behind them")
	b.Free()
}

func TestBlockPoolKeepsLittle(t *testing.T) {
	checkLeaks(t)
	var list List
	for range 3 * KeptBytes / LargeBlock {
		list.Push(NewBlock(LargeBlock))
	}
	list.FreeAll()
	large.mu.Lock()
	defer large.mu.Unlock()
	assert.LessOrEqual(t, large.kept, KeptBytes+LargeBlock)
	count := 0
	for b := large.free; b != nil; b = b.next {
		count++
	}
	assert.Equal(t, large.kept, count*LargeBlock)
}

func TestBlockNoMemory(t *testing.T) {
	checkLeaks(t)
	UnmapFree()
	var list List
	list.Push(NewBlock(1))
	sys.SetHook(func(sys.Op, int) (unix.Errno, int) { return unix.ENOMEM, 0 })
	assert.Nil(t, NewBlock(1))
	assert.False(t, list.Append(make([]byte, 1<<20)))
	list.FreeAll()
	_, ok := NewArena(4096)
	assert.False(t, ok)
}

func TestBlockConcurrency(t *testing.T) {
	checkLeaks(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 2000 {
				b := NewBlock(n % 3 * SmallBlock)
				mine := b.Grow(64)
				for j := range mine {
					mine[j] = byte(i)
				}
				if !bytes.Equal(mine, bytes.Repeat([]byte{byte(i)}, 64)) {
					t.Error("a block has two owners")
				}
				b.Free()
			}
		})
	}
	all.Wait()
}

func TestList(t *testing.T) {
	checkLeaks(t)
	blocks := make([]*Block, 6)
	for i := range blocks {
		blocks[i] = NewBlock(1)
	}
	var a, b, empty List
	a.Push(blocks[2])
	a.Push(blocks[3])
	b.Push(blocks[0])
	b.Push(blocks[1])
	a.PushFront(empty)
	a.PushFront(b)
	a.PushList(empty)
	var c List
	c.Push(blocks[4])
	c.Push(blocks[5])
	a.PushList(c)
	var d List
	d.PushFront(a)
	for i := range blocks {
		assert.Same(t, blocks[i], d.First)
		d.Pop().Free()
	}
	assert.Nil(t, d.First)
	assert.Nil(t, d.Last())
}

func TestListAppend(t *testing.T) {
	checkLeaks(t)
	var list List
	var want []byte
	for size := 1; size < 200_000; size *= 3 {
		part := bytes.Repeat([]byte{byte(size)}, size)
		require.True(t, list.Append(part))
		want = append(want, part...)
	}
	var got []byte
	for list.First != nil {
		got = append(got, list.First.Bytes()...)
		list.Pop().Free()
	}
	assert.True(t, bytes.Equal(want, got))
}

// BOUND-7: free blocks are given back when nobody has used them for a while; those in use stay.
func TestFreeBlocksAreGivenBack(t *testing.T) {
	checkLeaks(t)
	keeps := func(p *pool) int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.kept
	}
	for _, p := range []*pool{&small, &large} {
		UnmapFree()
		var blocks List
		for range 2 << 20 / p.size {
			blocks.Push(p.get())
		}
		before := Mapped()
		blocks.FreeAll()
		assert.Greater(t, keeps(p), 1<<20, "at first they are kept")
		assert.Equal(t, before, Mapped())
		// Half of them are used all the time.
		busy := func() {
			for range 1 << 20 / p.size {
				blocks.Push(p.get())
			}
			blocks.FreeAll()
		}
		assert.Eventually(t, func() bool { busy(); return keeps(p) < 1<<20+2*SpareBytes }, 10*time.Second, time.Millisecond)
		assert.GreaterOrEqual(t, keeps(p), 1<<20-p.size)
		assert.Eventually(t, func() bool { return keeps(p) <= SpareBytes }, 10*time.Second, time.Millisecond)
		assert.GreaterOrEqual(t, keeps(p), SpareBytes-p.size, "a few stay")
		assert.Less(t, Mapped(), before-1<<20)
	}
}

// BOUND-1: middle-sized pieces that came in blocks of their own do not keep these.
func TestListJoin(t *testing.T) {
	checkLeaks(t)
	for _, size := range []int{1, 4100, 8 << 10, 10_000, 17_000, 24_000, 32 << 10} {
		var list List
		var want []byte
		before := Mapped() - Kept()
		for i := range 200 {
			var one List
			part := bytes.Repeat([]byte{byte(i)}, size)
			require.True(t, one.Append(part))
			if b := list.Join(one); b != nil {
				b.Free()
			}
			want = append(want, part...)
		}
		assert.LessOrEqual(t, Mapped()-Kept()-before, int64(2*len(want)+LargeBlock), "pieces of %d bytes", size)
		var got []byte
		for list.First != nil {
			got = append(got, list.First.Bytes()...)
			list.Pop().Free()
		}
		assert.True(t, bytes.Equal(want, got))
	}
}
