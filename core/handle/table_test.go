package handle

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// add gives an object a handle; 0 if there are none left.
func (t *Table[T]) add(object *T) (handle int64) {
	t.Publish(object, &handle)
	return handle
}

func generationOf(h int64) int64 { return h >> slotBits & (1<<32 - 1) }

// LIFE-1, LIFE-2
func TestHandleStale(t *testing.T) {
	for _, tag := range []int64{0, Tagged} {
		table := &Table[int]{Tag: tag}
		a, b := new(int), new(int)
		h := table.add(a)
		require.Positive(t, h)
		assert.Equal(t, int64(float64(h)), h)
		assert.Less(t, h, int64(1)<<53)
		assert.Same(t, a, table.Find(h))
		assert.True(t, table.Remove(h))
		assert.Nil(t, table.Find(h))
		assert.False(t, table.Remove(h))
		h2 := table.add(b)
		assert.NotEqual(t, h, h2)
		assert.Nil(t, table.Find(h))
		assert.EqualValues(t, 1, table.Live())
	}
}

// LIFE-2
func TestHandleForged(t *testing.T) {
	for _, tag := range []int64{0, Tagged} {
		table := &Table[int]{Tag: tag}
		h := table.add(new(int))
		for _, forged := range []int64{0, -1, 1, 42, slotCount - 1, 1<<63 - 1, -1 << 63, h + 1, h - 1, -h,
			h ^ Tagged, h | 1<<53, h | 1<<62, h + 1<<slotBits, h &^ (slotCount<<12 - slotCount), tag, tag | 1, h + chunkSize} {
			assert.Nil(t, table.Find(forged), "%x", forged)
			assert.False(t, table.Remove(forged), "%x", forged)
		}
		for bit := range 64 {
			assert.Nil(t, table.Find(h^1<<bit))
		}
		assert.NotNil(t, table.Find(h))
	}
}

// Free slots come back first in, first out, and not before there is a queue of them.
func TestHandleReuse(t *testing.T) {
	table := &Table[int]{}
	o := new(int)
	var order []int64
	for range waitingSlots {
		order = append(order, table.add(o))
	}
	for _, h := range order {
		require.True(t, table.Remove(h))
	}
	for _, old := range order {
		h := table.add(o)
		assert.Equal(t, old&(slotCount-1), h&(slotCount-1))
		assert.Equal(t, generationOf(old)+1, generationOf(h))
		table.Remove(h)
	}
	seen := map[int64]bool{}
	for range 20 * waitingSlots {
		h := table.add(o)
		require.False(t, seen[h])
		seen[h] = true
		table.Remove(h)
	}
	assert.LessOrEqual(t, table.slots(), waitingSlots+chunkSize)
	assert.Zero(t, table.Live())
}

// slots returns the number of slots, used or not.
func (t *Table[T]) slots() int {
	n := 0
	for i := range t.chunks {
		if t.chunks[i].Load() != nil {
			n += chunkSize
		}
	}
	return n
}

// BOUND-7, LIFE-2: the slots of a burst go with it, and those of old handles that come again
// afterwards have other generations.
func TestHandleSlotsOfABurstAreLetGo(t *testing.T) {
	table := &Table[int]{}
	o := new(int)
	first := table.add(o)
	seen := map[int64]bool{first: true}
	for round := range 5 {
		var burst []int64
		for range 20000 {
			h := table.add(o)
			require.False(t, seen[h])
			seen[h] = true
			burst = append(burst, h)
		}
		stays := burst[10000]
		for _, h := range burst {
			if h != stays {
				require.True(t, table.Remove(h))
			}
		}
		table.Shrink()
		assert.LessOrEqual(t, table.slots(), (round+2)*chunkSize, "one for each that has stayed")
		for _, h := range burst {
			assert.Equal(t, h == stays, table.Find(h) != nil)
		}
		// The line of free slots is whole: all are found, none twice.
		line := map[uint32]bool{}
		for i := table.first; i != 0; i = table.at(i - 1).next {
			require.False(t, line[i])
			line[i] = true
		}
		assert.Len(t, line, table.waiting)
	}
	assert.Same(t, o, table.Find(first))
	assert.EqualValues(t, 6, table.Live())
}

func TestHandleGenerationWraps(t *testing.T) {
	table := &Table[int]{}
	o := new(int)
	var handles []int64
	for range waitingSlots {
		handles = append(handles, table.add(o))
	}
	for _, h := range handles {
		table.Remove(h)
	}
	table.at(0).generation.Store(1<<32 - 2)
	h := table.add(o)
	assert.EqualValues(t, 1<<32-1, generationOf(h))
	assert.Positive(t, h)
	assert.Less(t, h, int64(Tagged))
	assert.Same(t, o, table.Find(h))
	table.Remove(h)
	for range waitingSlots - 1 {
		table.Remove(table.add(o))
	}
	h = table.add(o)
	assert.EqualValues(t, 1, generationOf(h), "0 is no generation")
	assert.Same(t, o, table.Find(h))
}

func TestHandleExhaustion(t *testing.T) {
	table := &Table[int]{}
	o := new(int)
	var last int64
	for range slotCount {
		last = table.add(o)
	}
	require.NotZero(t, last)
	assert.Zero(t, table.add(o))
	assert.True(t, table.Remove(last))
	again := table.add(o)
	assert.Equal(t, last+1<<slotBits, again)
	assert.Zero(t, table.add(o))
	assert.Same(t, o, table.Find(again))
	count := 0
	table.Each(func(*int) { count++ })
	assert.Equal(t, slotCount, count)
}

// A look-up without lock never gives another object than the handle's.
func TestHandleConcurrentFind(t *testing.T) {
	type object struct{ handle atomic.Int64 }
	table := &Table[object]{}
	var shown [8]atomic.Int64
	var stop atomic.Bool
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 20000 {
				o := &object{}
				h := table.add(o)
				o.handle.Store(h)
				at := &shown[(i+w)%len(shown)]
				if old := at.Swap(h); old != 0 {
					table.Remove(old)
				}
			}
		})
	}
	var found atomic.Int64
	for range 2 {
		readers.Go(func() {
			for !stop.Load() {
				for i := range shown {
					h := shown[i].Load()
					if o := table.Find(h); o != nil {
						found.Add(1)
						if o.handle.Load() != h {
							t.Errorf("%x gave %x", h, o.handle.Load())
							return
						}
					}
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	assert.Positive(t, found.Load())
	for i := range shown {
		table.Remove(shown[i].Load())
	}
	assert.Zero(t, table.Live())
}

func TestHandleEach(t *testing.T) {
	table := &Table[int]{}
	want := map[*int]bool{}
	for i := range 3000 {
		o := new(int)
		h := table.add(o)
		if i%3 == 0 {
			table.Remove(h)
		} else {
			want[o] = true
		}
	}
	table.Each(func(o *int) {
		assert.True(t, want[o])
		delete(want, o)
	})
	assert.Empty(t, want)
}

func BenchmarkHandleFind(b *testing.B) {
	table := &Table[int]{}
	h := table.add(new(int))
	for b.Loop() {
		table.Find(h)
	}
}
