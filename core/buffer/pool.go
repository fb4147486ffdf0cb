package buffer

import (
	"time"

	"ohsocket/core/lock"
	"ohsocket/core/sys"
)

const (
	// KeptBytes of each size at most stay mapped for the next user, those over SpareBytes
	// only for as long as they are used: what nobody has taken for keptCalm is given back.
	KeptBytes  = 4 << 20
	SpareBytes = 256 << 10
	keptCalm   = time.Second
)

// pool keeps free blocks of one size.
type pool struct {
	size int
	mu   lock.Mutex[lock.Leaf]
	free *Block
	kept int // bytes
	// least is the smallest number of bytes kept since the last look; a timer looks while there are
	// more than SpareBytes.
	least   int
	looking bool
}

var (
	small = pool{size: SmallBlock}
	large = pool{size: LargeBlock}
)

func (p *pool) get() *Block {
	if b := p.spare(); b != nil {
		return b
	}
	memory := Map(p.size)
	if memory == nil {
		return nil
	}
	return &Block{memory: memory}
}

// spare returns a block that is mapped already, nil if there is none.
func (p *pool) spare() *Block {
	p.mu.Lock()
	b := p.free
	if b == nil {
		p.mu.Unlock()
		return nil
	}
	p.free = b.next
	p.kept -= p.size
	p.least = min(p.least, p.kept)
	p.mu.Unlock()
	b.Reset()
	return b
}

func (p *pool) put(b *Block) {
	p.mu.Lock()
	if p.kept < KeptBytes {
		b.next = p.free
		p.free = b
		p.kept += p.size
		if p.kept > SpareBytes && !p.looking {
			p.lookLocked()
		}
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	Unmap(b.memory)
}

// lookLocked lets trim run after a while.
func (p *pool) lookLocked() {
	p.looking = true
	p.least = p.kept
	time.AfterFunc(keptCalm, p.trim)
}

// trim gives back what nobody has taken since the last look.
func (p *pool) trim() {
	p.mu.Lock()
	unused := p.shrinkLocked(p.kept - p.least + SpareBytes)
	p.looking = false
	if p.kept > SpareBytes {
		p.lookLocked()
	}
	p.mu.Unlock()
	unmapAll(unused)
}

// shrinkLocked takes out what is kept beyond some bytes, that is what was given back first.
func (p *pool) shrinkLocked(to int) *Block {
	kept := 0
	at := &p.free
	for *at != nil && kept+p.size <= to {
		at = &(*at).next
		kept += p.size
	}
	list := *at
	*at = nil
	mapped.Add(int64(kept - p.kept)) // with mu, so that Mapped and Kept agree
	p.kept = kept
	p.least = min(p.least, kept)
	return list
}

// unmapAll unmaps blocks that shrink has taken out.
func unmapAll(list *Block) {
	for list != nil {
		b := list
		list = b.next
		sys.Unmap(b.memory)
	}
}

// Kept returns how many bytes lie in free blocks that are mapped for the next user.
func Kept() int64 {
	sum := int64(0)
	for _, p := range []*pool{&small, &large} {
		p.mu.Lock()
		sum += int64(p.kept)
		p.mu.Unlock()
	}
	return sum
}

// UnmapFree gives all free blocks back to the system.
func UnmapFree() {
	for _, p := range []*pool{&small, &large} {
		p.mu.Lock()
		list := p.shrinkLocked(0)
		p.mu.Unlock()
		unmapAll(list)
	}
}
