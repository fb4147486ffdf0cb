package socket

import (
	"sync"
	"sync/atomic"
)

// A handle is
//
//	bit 52      1 for loops
//	bits 20-51  generation, from 1
//	bits  0-19  slot
//
// so that it is positive and exact as a double.
const (
	slotBits  = 20
	slotCount = 1 << slotBits
	chunkBits = 10
	chunkSize = 1 << chunkBits
	loopBit   = 1 << 52
)

// table finds objects by handle. Look-up takes no lock. Free slots are reused first
// in, first out, so that a stale handle stays recognisable for as long as possible.
type table[T any] struct {
	tag    int64
	chunks [slotCount / chunkSize]atomic.Pointer[[chunkSize]entry[T]]
	crowd

	mu    sync.Mutex
	used  int // slots ever used
	queue []uint32
	head  int
}

type entry[T any] struct {
	object     atomic.Pointer[T]
	handle     atomic.Int64
	generation uint32
}

// add gives an object a handle; 0 if there are none left.
func (t *table[T]) add(object *T) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var i int
	switch {
	case t.used < slotCount && t.waiting() < chunkSize:
		// Fresh slots first keep a queue of some length, so that generations last.
		i = t.used
		t.used++
	case t.waiting() > 0:
		i = int(t.queue[t.head])
		t.head++
		if t.head == len(t.queue) {
			t.queue, t.head = t.queue[:0], 0
		} else if t.head >= 4096 && t.head*2 >= len(t.queue) {
			t.queue = t.queue[:copy(t.queue, t.queue[t.head:])]
			t.head = 0
		}
	default:
		return 0
	}
	c := t.chunks[i>>chunkBits].Load()
	if c == nil {
		c = new([chunkSize]entry[T])
		t.chunks[i>>chunkBits].Store(c)
	}
	e := &c[i&(chunkSize-1)]
	e.generation++
	if e.generation == 0 {
		e.generation = 1
	}
	h := t.tag | int64(e.generation)<<slotBits | int64(i)
	e.handle.Store(h)
	e.object.Store(object)
	t.enter()
	return h
}

func (t *table[T]) waiting() int { return len(t.queue) - t.head }

func (t *table[T]) entry(h int64) *entry[T] {
	if h <= 0 || h&^(loopBit<<1-1) != 0 || h&loopBit != t.tag {
		return nil
	}
	c := t.chunks[(h&(slotCount-1))>>chunkBits].Load()
	if c == nil {
		return nil
	}
	return &c[h&(chunkSize-1)]
}

// find returns the object of a handle, nil if it is not valid.
func (t *table[T]) find(h int64) *T {
	e := t.entry(h)
	if e == nil {
		return nil
	}
	o := e.object.Load()
	// The slot may have been given to another object between the loads: its handle
	// is stored before it, and cleared before it is taken away.
	if e.handle.Load() != h {
		return nil
	}
	return o
}

// remove takes a handle back. It reports whether it was valid.
func (t *table[T]) remove(h int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entry(h)
	if e == nil || e.handle.Load() != h {
		return false
	}
	e.handle.Store(0)
	e.object.Store(nil)
	t.queue = append(t.queue, uint32(h&(slotCount-1)))
	t.leave()
	return true
}

// each calls f with every object there is.
func (t *table[T]) each(f func(*T)) {
	for i := range t.chunks {
		c := t.chunks[i].Load()
		if c == nil {
			return
		}
		for j := range c {
			if o := c[j].object.Load(); o != nil {
				f(o)
			}
		}
	}
}
