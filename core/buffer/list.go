package buffer

// List is a first-in, first-out list of blocks.
type List struct{ First *Block }

// Last returns the last block, nil if there is none.
func (l *List) Last() *Block {
	if l.First == nil {
		return nil
	}
	return l.First.last
}

// Push appends a block.
func (l *List) Push(b *Block) {
	b.last = b
	l.PushList(List{b})
}

// PushList appends another list.
func (l *List) PushList(m List) {
	switch {
	case m.First == nil:
	case l.First == nil:
		l.First = m.First
	default:
		l.First.last.next = m.First
		l.First.last = m.First.last
	}
}

// joinLimit is the number of bytes that Join copies: that takes a few microseconds.
const joinLimit = 32 << 10

// Join appends another list. If that is one block whose bytes fit behind the last ones they are
// copied there, and the block is returned: the caller frees it when no lock is held. So a queue of
// middle-sized pieces, each of which came in a block of its own, needs not four times their memory.
func (l *List) Join(m List) *Block {
	b, last := m.First, l.Last()
	if last == nil || b == nil || b.next != nil || b.Len() > joinLimit || b.Len() > last.Room() {
		l.PushList(m)
		return nil
	}
	last.Append(b.Bytes())
	return b
}

// PushFront puts another list before this one.
func (l *List) PushFront(m List) {
	m.PushList(*l)
	l.First = m.First
}

// Pop removes the first block and returns it.
func (l *List) Pop() *Block {
	b := l.First
	l.First = b.next
	if l.First != nil {
		l.First.last = b.last
	}
	b.next = nil
	return b
}

// Consume removes bytes from the front, and puts blocks that have become empty on another list.
func (l *List) Consume(n int, empty *List) {
	for n > 0 {
		b := l.First
		m := min(n, b.Len())
		b.Consume(m)
		n -= m
		if b.Len() == 0 {
			empty.Push(l.Pop())
		}
	}
}

// FreeAll empties the list.
func (l *List) FreeAll() {
	for l.First != nil {
		l.Pop().Free()
	}
}

// Append copies bytes behind the last ones: many small pieces need no more memory than they are
// long, and a block. It reports false if there is no memory; then some may have been appended.
func (l *List) Append(p []byte) bool { return l.AppendPart(p, len(p)) }

// AppendPart is Append for one of several pieces: with it, left bytes are still to come.
func (l *List) AppendPart(p []byte, left int) bool {
	for len(p) > 0 {
		b := l.Last()
		if b == nil || b.Room() == 0 {
			if b = NewBlock(left); b == nil {
				return false
			}
			l.Push(b)
		}
		n := b.Append(p)
		p, left = p[n:], left-n
	}
	return true
}
