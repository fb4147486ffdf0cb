package handle

import (
	"sync/atomic"

	"ohsocket/core/lock"
)

const (
	slotBits  = 20
	slotCount = 1 << slotBits
	chunkBits = 9
	chunkSize = 1 << chunkBits
	tagBit    = 52
	// waitingSlots is the number of free slots there must be before one is used again.
	waitingSlots = 1024
)

// Tagged is the Tag of a table whose handles are no handles of a table without one.
const Tagged = 1 << tagBit

// A Table finds objects by handle. Look-up takes no lock. Free slots are reused first
// in, first out, so that a stale handle stays recognisable for as long as possible.
type Table[T any] struct {
	Tag    int64 // 0 or Tagged
	chunks [slotCount / chunkSize]atomic.Pointer[chunk[T]]
	Counter

	mu      lock.Mutex[lock.Leaf]
	fresh   uint32 // the next slot of the chunk made last that was never used,
	end     uint32 // up to here
	first   uint32 // of the line of free slots, plus one
	last    uint32 // of it, plus one
	waiting int    // its length
	given   uint64 // handles, ever
	// highest has the highest generation of each chunk that was let go.
	highest [slotCount / chunkSize]uint32
}

type chunk[T any] [chunkSize]entry[T]

// entry is a slot. Its generation is set before its object, and stays when that has gone.
type entry[T any] struct {
	object     atomic.Pointer[T]
	generation atomic.Uint32
	next       uint32 // of the line of free slots, plus one
}

// Publish gives an object a handle, which the object keeps itself: it has it before anybody can
// find it. It reports false if there are none left.
func (t *Table[T]) Publish(object *T, handle *int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.slotLocked()
	if !ok {
		return false
	}
	e := t.at(i)
	generation := e.generation.Load() + 1
	if generation == 0 {
		generation = 1
	}
	e.generation.Store(generation)
	*handle = t.Tag | int64(generation)<<slotBits | int64(i)
	e.object.Store(object)
	t.given++
	t.Enter()
	return true
}

// slotLocked takes a free slot. Fresh ones come first while the line is short, so that
// generations last.
func (t *Table[T]) slotLocked() (uint32, bool) {
	if t.waiting < waitingSlots && (t.fresh < t.end || t.growLocked()) {
		t.fresh++
		return t.fresh - 1, true
	}
	if t.waiting == 0 {
		return 0, false
	}
	i := t.first - 1
	t.first = t.at(i).next
	if t.waiting--; t.waiting == 0 {
		t.last = 0
	}
	return i, true
}

// growLocked makes the first chunk that there is not.
func (t *Table[T]) growLocked() bool {
	for i := range t.chunks {
		if t.chunks[i].Load() != nil {
			continue
		}
		c := new(chunk[T])
		if generation := t.highest[i]; generation != 0 {
			for j := range c {
				c[j].generation.Store(generation)
			}
		}
		t.chunks[i].Store(c)
		t.fresh = uint32(i) << chunkBits
		t.end = t.fresh + chunkSize
		return true
	}
	return false
}

// waitLocked puts a slot to the end of the line.
func (t *Table[T]) waitLocked(i uint32) {
	t.at(i).next = 0
	if t.waiting == 0 {
		t.first = i + 1
	} else {
		t.at(t.last - 1).next = i + 1
	}
	t.last = i + 1
	t.waiting++
}

// at returns a slot of a chunk that there is.
func (t *Table[T]) at(i uint32) *entry[T] { return &t.chunks[i>>chunkBits].Load()[i%chunkSize] }

func (t *Table[T]) entry(h int64) *entry[T] {
	if h <= 0 || h&^(Tagged<<1-1) != 0 || h&Tagged != t.Tag {
		return nil
	}
	c := t.chunks[(h&(slotCount-1))>>chunkBits].Load()
	if c == nil {
		return nil
	}
	return &c[h&(chunkSize-1)]
}

// Given returns the number of handles that were ever given.
func (t *Table[T]) Given() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.given
}

// Find returns the object of a handle, nil if it is not valid.
func (t *Table[T]) Find(h int64) *T {
	e := t.entry(h)
	if e == nil {
		return nil
	}
	o := e.object.Load()
	// The slot may have been given to another object before or after that.
	if e.generation.Load() != uint32(h>>slotBits) {
		return nil
	}
	return o
}

// Remove takes a handle back. It reports whether it was valid.
func (t *Table[T]) Remove(h int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Find(h) == nil {
		return false
	}
	i := uint32(h & (slotCount - 1))
	t.at(i).object.Store(nil)
	t.waitLocked(i)
	t.Leave()
	return true
}

// Shrink lets chunks go of which no slot is used. What comes in their place goes on with
// the highest of their generations, so that handles of theirs stay invalid.
func (t *Table[T]) Shrink() {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := map[int]bool{}
	for i := range t.chunks {
		if c := t.chunks[i].Load(); c != nil && c.unused() {
			gone[i] = true
		}
	}
	if len(gone) == 0 {
		return
	}
	next := t.first
	t.first, t.last, t.waiting = 0, 0, 0
	for next != 0 {
		i := next - 1
		next = t.at(i).next
		if !gone[int(i>>chunkBits)] {
			t.waitLocked(i)
		}
	}
	for i := range gone {
		for j := range chunkSize {
			t.highest[i] = max(t.highest[i], t.chunks[i].Load()[j].generation.Load())
		}
		t.chunks[i].Store(nil)
	}
	if t.end > 0 && gone[int(t.end-1)>>chunkBits] {
		t.fresh, t.end = 0, 0
	}
}

func (c *chunk[T]) unused() bool {
	for j := range c {
		if c[j].object.Load() != nil {
			return false
		}
	}
	return true
}

// Each calls f with every object there is.
func (t *Table[T]) Each(f func(*T)) {
	for i := range t.chunks {
		c := t.chunks[i].Load()
		if c == nil {
			continue
		}
		for j := range c {
			if o := c[j].object.Load(); o != nil {
				f(o)
			}
		}
	}
}
