package buffer

import "ohsocket/core/lock"

// A Block is a piece of a queue: bytes are appended at its end and consumed at its front. Its
// header lies in the Go heap, out of the reach of who goes past the end of its memory.
type Block struct {
	next   *Block
	last   *Block // of the list whose first this is
	memory []byte
	start  int // of the first byte that was not consumed
	end    int // behind the last byte
}

// SmallBlock and LargeBlock are the two sizes: most queues hold little, and a datagram, with what
// is known about it, must fit in one piece.
const (
	SmallBlock = 16 << 10
	LargeBlock = 68 << 10
)

// NewBlock returns an empty block for at least size bytes, or for a part of them if they do not
// fit in any; nil if there is no memory. It may have to be mapped: no mutex of a socket is held.
func NewBlock(size int) *Block {
	lock.MustNotHold[lock.Socket]()
	if size <= SmallBlock {
		return small.get()
	}
	return large.get()
}

// SpareBlock returns an empty small block that is mapped already, nil if there is none.
func SpareBlock() *Block { return small.spare() }

// Next returns the next block of the list.
func (b *Block) Next() *Block { return b.next }

// Size is the room that an empty block has.
func (b *Block) Size() int { return len(b.memory) }

// Len returns the number of bytes that wait to be consumed.
func (b *Block) Len() int { return b.end - b.start }

// Bytes are those that wait to be consumed.
func (b *Block) Bytes() []byte { return b.memory[b.start:b.end:b.end] }

// Consume removes the first n bytes.
func (b *Block) Consume(n int) {
	_ = b.Bytes()[:n]
	b.start += n
}

// Room returns the number of bytes that can be appended.
func (b *Block) Room() int { return len(b.memory) - b.end }

// Rest returns the memory for bytes that can be appended; a caller that has filled its first n
// bytes adds them by Grow(n).
func (b *Block) Rest() []byte { return b.memory[b.end:] }

// Grow appends the first n bytes of Rest and returns them.
func (b *Block) Grow(n int) []byte {
	p := b.Rest()[:n:n]
	b.end += n
	return p
}

// Append appends as many bytes as there is room for and returns their number.
func (b *Block) Append(p []byte) int {
	n := copy(b.Rest(), p)
	b.end += n
	return n
}

// Reset empties the block.
func (b *Block) Reset() { b.next, b.last, b.start, b.end = nil, nil, 0, 0 }

// Free gives the block back. It may be unmapped: no mutex of a socket is held.
func (b *Block) Free() {
	lock.MustNotHold[lock.Socket]()
	forget(b.memory[:b.end])
	b.pool().put(b)
}

func (b *Block) pool() *pool {
	if len(b.memory) == LargeBlock {
		return &large
	}
	return &small
}
