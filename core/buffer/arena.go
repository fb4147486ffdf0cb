package buffer

// Arena is a mapping that is cut from front to back. What was cut before Keep stays until Free,
// what was cut later until Reset. A cut may be refused.
type Arena struct {
	memory []byte
	kept   int // of used, what Reset leaves alone
	used   int
}

// alignment is that of everything that is cut.
const alignment = 8

// NewArena returns an arena of a size, false if there is no memory.
func NewArena(size int) (Arena, bool) {
	b := Map(size)
	return Arena{memory: b}, b != nil
}

// Free gives the memory back.
func (a *Arena) Free() {
	Unmap(a.memory)
	*a = Arena{}
}

// Room is the size of the largest piece that can still be cut.
func (a *Arena) Room() int { return len(a.memory) - a.used }

// Rest is the memory that can still be cut, at most limit bytes of it. It is not cut yet: a caller
// that has filled its first n bytes cuts them by Reserve(n).
func (a *Arena) Rest(limit int) []byte {
	end := a.used + max(0, min(limit, a.Room()))
	return a.memory[a.used:end:end]
}

// Reserve cuts size bytes, nil if there are not so many. They are as the last user has left them.
func (a *Arena) Reserve(size int) []byte {
	if size < 0 || size > a.Room() {
		return nil
	}
	p := a.memory[a.used : a.used+size : a.used+size]
	a.used = min(a.used+(size+alignment-1)&^(alignment-1), len(a.memory))
	return p
}

// Keep makes the pieces cut so far outlive every Reset.
func (a *Arena) Keep() { a.kept = a.used }

// Reset takes back what was cut since Keep. In the strict build it overwrites it, so that who goes
// on reading there notices.
func (a *Arena) Reset() {
	forget(a.memory[a.kept:a.used])
	a.used = a.kept
}
