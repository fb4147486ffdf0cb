package reactor

// A slot holds the handler of a watched descriptor.
type slot struct {
	handler    Handler
	generation uint32 // of the present handler, see Token
	next       uint32 // when free: the next free one of the chunk, plus one
}

const (
	slotChunkBits = 8
	slotChunk     = 1 << slotChunkBits
)

// slotTable has the slots, in chunks, so that nothing moves and is left behind when it
// grows. The lowest chunk with room is used first, and chunks that have become empty are
// let go.
type slotTable struct {
	chunks  []slotChunkState
	lowest  uint32 // no chunk before it has room
	empties int    // chunks of which nothing is used
	last    uint32 // generation
}

type slotChunkState struct {
	slots *[slotChunk]slot // nil: let go
	free  uint32           // the first free one, plus one
	fresh uint32           // how many were ever used
	live  uint32
}

// take finds a free slot, which stays free until set.
func (t *slotTable) take() (index, generation uint32) {
	i := t.lowest
	for int(i) < len(t.chunks) && t.chunks[i].live == slotChunk {
		i++
	}
	t.lowest = i
	if int(i) == len(t.chunks) {
		t.chunks = append(t.chunks, slotChunkState{})
	}
	c := &t.chunks[i]
	if c.slots == nil {
		c.slots = new([slotChunk]slot)
		t.empties++
	}
	at := c.free
	if at == 0 {
		at = c.fresh + 1
	}
	t.last++
	return i<<slotChunkBits | (at - 1), t.last
}

// set gives the slot that take has found to a handler.
func (t *slotTable) set(index, generation uint32, h Handler) {
	c := &t.chunks[index>>slotChunkBits]
	s := &c.slots[index%slotChunk]
	if c.live == 0 {
		t.empties--
	}
	c.live++
	if c.free != 0 {
		c.free = s.next
	} else {
		c.fresh++
	}
	*s = slot{handler: h, generation: generation}
}

// at returns a slot, nil if its chunk was let go.
func (t *slotTable) at(index uint32) *slot {
	c := t.chunks[index>>slotChunkBits].slots
	if c == nil {
		return nil
	}
	return &c[index%slotChunk]
}

// remove frees a slot. An empty chunk is kept only while there is no other.
func (t *slotTable) remove(index uint32) {
	i := index >> slotChunkBits
	c := &t.chunks[i]
	c.slots[index%slotChunk] = slot{next: c.free}
	c.free = index%slotChunk + 1
	c.live--
	t.lowest = min(t.lowest, i)
	if c.live > 0 {
		return
	}
	if t.empties > 0 {
		*c = slotChunkState{}
		return
	}
	t.empties++
}
