package socket

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"ohsocket/core/sys"
)

// Payloads live in blocks outside the Go heap, in two sizes: most queues hold little,
// and a datagram must fit in one piece. A block begins with its header.
type block struct {
	next  *block
	last  *block // of the list whose first this is
	start uint32 // offset of the first byte not yet sent
	end   uint32 // offset after the last byte
	size  uint32
	_     uint32
}

const (
	blockHeader = uint32(unsafe.Sizeof(block{}))
	smallBlock  = 16 << 10
	largeBlock  = 68 << 10
	// keptBytes of each size at most stay mapped for the next user, those over spareBytes
	// only for as long as they are used: what nobody has taken for keptCalm is given back.
	keptBytes  = 4 << 20
	spareBytes = 256 << 10
	keptCalm   = time.Second
)

func (b *block) at(offset uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(b), offset) }
func (b *block) unsent() int                     { return int(b.end - b.start) }
func (b *block) room() int                       { return int(b.size - b.end) }

// blockPool keeps free blocks of one size.
type blockPool struct {
	size uint32
	mu   sync.Mutex
	free *block
	kept int // bytes
	// least is how few were kept since the last look; a timer looks while there are more
	// than spareBytes.
	least   int
	looking bool
}

var (
	smallBlocks = blockPool{size: smallBlock}
	largeBlocks = blockPool{size: largeBlock}
	mappedBytes atomic.Int64
)

// newBlock returns an empty block for at least size bytes, or for a part of them if
// they do not fit in any; nil if there is no memory.
func newBlock(size int) *block {
	if size <= smallBlock-int(blockHeader) {
		return smallBlocks.get()
	}
	return largeBlocks.get()
}

func (p *blockPool) get() *block {
	if b := p.spare(); b != nil {
		return b
	}
	b := (*block)(sys.Map(int(p.size)))
	if b == nil {
		return nil
	}
	mappedBytes.Add(int64(p.size))
	b.reset(p.size)
	return b
}

// spare returns a block that is mapped already, nil if there is none.
func (p *blockPool) spare() *block {
	p.mu.Lock()
	b := p.free
	if b == nil {
		p.mu.Unlock()
		return nil
	}
	p.free = b.next
	p.kept -= int(p.size)
	p.least = min(p.least, p.kept)
	p.mu.Unlock()
	b.reset(p.size)
	return b
}

func (b *block) reset(size uint32) {
	b.next, b.last, b.start, b.end, b.size = nil, nil, blockHeader, blockHeader, size
}

// free gives a block back.
func (b *block) free() {
	p := &smallBlocks
	if b.size == largeBlock {
		p = &largeBlocks
	}
	p.mu.Lock()
	if p.kept < keptBytes {
		b.next = p.free
		p.free = b
		p.kept += int(p.size)
		if p.kept > spareBytes && !p.looking {
			p.look()
		}
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	mappedBytes.Add(-int64(p.size))
	sys.Unmap(unsafe.Pointer(b), int(p.size))
}

// look has trim run after a while. mu is held.
func (p *blockPool) look() {
	p.looking = true
	p.least = p.kept
	time.AfterFunc(keptCalm, p.trim)
}

// trim gives back what nobody has taken since the last look.
func (p *blockPool) trim() {
	p.mu.Lock()
	unused := p.shrink(p.kept - p.least + spareBytes)
	p.looking = false
	if p.kept > spareBytes {
		p.look()
	}
	p.mu.Unlock()
	p.unmap(unused)
}

// shrink takes out what is kept beyond some bytes, that is what was given back first.
// mu is held.
func (p *blockPool) shrink(to int) *block {
	kept := 0
	at := &p.free
	for *at != nil && kept+int(p.size) <= to {
		at = &(*at).next
		kept += int(p.size)
	}
	list := *at
	*at = nil
	mappedBytes.Add(int64(kept - p.kept))
	p.kept = kept
	p.least = min(p.least, kept)
	return list
}

func (p *blockPool) unmap(list *block) {
	for list != nil {
		b := list
		list = b.next
		sys.Unmap(unsafe.Pointer(b), int(p.size))
	}
}

// blockList is a first-in, first-out list of blocks.
type blockList struct{ first *block }

// last returns the last block, nil if there is none.
func (l *blockList) last() *block {
	if l.first == nil {
		return nil
	}
	return l.first.last
}

func (l *blockList) push(b *block) {
	b.last = b
	l.pushList(blockList{b})
}

// pushList appends another list.
func (l *blockList) pushList(m blockList) {
	switch {
	case m.first == nil:
	case l.first == nil:
		l.first = m.first
	default:
		l.first.last.next = m.first
		l.first.last = m.first.last
	}
}

// pushFront puts another list before this one.
func (l *blockList) pushFront(m blockList) {
	m.pushList(*l)
	l.first = m.first
}

func (l *blockList) pop() *block {
	b := l.first
	l.first = b.next
	if l.first != nil {
		l.first.last = b.last
	}
	b.next = nil
	return b
}

func (l *blockList) freeAll() {
	for l.first != nil {
		l.pop().free()
	}
}

// move copies memory that does not overlap.
func move(to, from unsafe.Pointer, size int) {
	copy(unsafe.Slice((*byte)(to), size), unsafe.Slice((*byte)(from), size))
}

// address turns a caller's address into a pointer, when it is used.
func address(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }
