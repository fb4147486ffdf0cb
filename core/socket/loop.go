package socket

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/handle"
	"ohsocket/core/reactor"
	"ohsocket/core/tlsengine"
)

const (
	readSize    = 64 << 10
	addressText = 64
	// arenaSize bounds the payload of one batch of records, minRead is the least it is worth
	// reading, and discardSize is read at a time of what nobody wants.
	arenaSize   = 1 << 20
	minRead     = 16 << 10
	discardSize = 4096
	pageSize    = 4096

	spareProcs = 3
)

// A Loop is a reactor with what sockets need on it: buffers, the event that
// listeners are shown, the sockets that have gathered something. Fields without a
// lock belong to the loop's thread.
type Loop struct {
	reactor *reactor.Reactor
	handle  int64
	mode    abi.LoopMode
	hosted  bool

	// gatherer is the thread whose sends are gathered, 0 for none.
	gatherer atomic.Uintptr
	handoff  sync.Mutex // host-driven: held by who needs the loop to stand still, such as a send that gathers records
	gathered []*Socket

	event   *abi.Event
	text    []byte // of the event's address
	address addressCache
	arena   buffer.Arena
	// buffer is for what is received: callback mode, see payload. discarded is for what nobody gets.
	buffer    []byte
	discarded []byte
	inbox     *inbox // for datagrams, from the first one on
	calls     int

	// Record mode: the host's array, what did not fit, and the payloads.
	out             []abi.Event
	filled          int
	overflow        []kept
	inUse           atomic.Bool
	recordsMade     uint64 // records, ever
	recordsReturned uint64 // of those, returned by a poll
	// waiting are sockets that go on when the host has had their records in its hands:
	// at the poll after the one that has returned them. hungry are those that have more
	// than the batch had room for, in the order of their turns.
	waiting        []waiter
	starvedReaders []*Socket
	dying          bool
	gone           bool // free has run
	broken         bool // there was a panic

	mu      sync.Mutex
	open    *Socket // list
	active  int
	stopped bool
	timers  map[int64]*userTimer
	timerID int64

	// Default loops.
	stopping atomic.Bool
	done     chan struct{}

	received, sent counter

	// sets are the last listener sets of sockets, for others to share.
	sets     [4]atomic.Pointer[listenerSet]
	setsTurn atomic.Uint32

	// spare is an empty block for what the loop's thread gathers next.
	spare *buffer.Block

	shakes shakeLine

	// With the first TLS socket: ciphertext received, and made.
	cipherIn  []byte
	cipherOut *tlsengine.Output
}

// counter counts messages and bytes.
type counter struct{ messages, bytes atomic.Uint64 }

// spareBlock takes a block that is mapped already, nil if there is none. It is for the
// loop's thread.
func (l *Loop) spareBlock() *buffer.Block {
	b := l.spare
	if b == nil {
		return buffer.SpareBlock()
	}
	l.spare = nil
	return b
}

// keepBlock frees a block, keeping one for the loop's thread, whose call it is.
func (l *Loop) keepBlock(b *buffer.Block) {
	if l.spare == nil && b.Size() == buffer.SmallBlock {
		b.Reset()
		l.spare = b
		return
	}
	b.Free()
}

var loops = handle.Table[Loop]{Tag: handle.Tagged}

// LookupLoop returns the loop of a handle, nil if it is not valid.
func LookupLoop(handle int64) *Loop { return loops.Find(handle) }

// NewLoop makes a host-driven loop.
func NewLoop(mode abi.LoopMode) (*Loop, errcode.Code) {
	if mode != abi.LoopCallbacks && mode != abi.LoopRecords {
		return nil, errcode.Parameter
	}
	return newLoop(mode, true)
}

func newLoop(mode abi.LoopMode, hosted bool) (*Loop, errcode.Code) {
	wantProcs(1)
	l := &Loop{mode: mode, hosted: hosted, timers: map[int64]*userTimer{}}
	var e unix.Errno
	if l.reactor, e = reactor.New(hosted, l); e != 0 {
		return nil, errcode.FromErrno(errcode.Client, e)
	}
	if !l.makeBuffers() {
		l.reactor.Close()
		return nil, errcode.FromErrno(errcode.Client, unix.ENOMEM)
	}
	if !loops.Publish(l, &l.handle) {
		l.free()
		return nil, tooManyOpen
	}
	return l, errcode.OK
}

// AfterEvent writes what the callbacks of an event have sent. Sends of a host that polls come between
// its polls.
func (l *Loop) AfterEvent() {
	if l.mode == abi.LoopCallbacks {
		l.flushGatheredAll()
	}
}

// makeBuffers maps the loop's memory. The payload comes last, and ends where the mapping does.
func (l *Loop) makeBuffers() bool {
	size := pageSize + readSize
	if l.mode == abi.LoopRecords {
		size = pageSize + discardSize + arenaSize + addressText
	}
	var ok bool
	if l.arena, ok = buffer.NewArena(size); !ok {
		return false
	}
	page := l.arena.Reserve(pageSize)
	l.event = buffer.View[abi.Event](page)
	l.text = page[unsafe.Sizeof(abi.Event{}):][:addressText]
	if l.mode == abi.LoopRecords {
		l.discarded = l.arena.Reserve(discardSize)
	} else {
		l.buffer = l.arena.Reserve(readSize)
		l.discarded = l.buffer
	}
	l.arena.Keep()
	return true
}

// wantProcs sees to it that the scheduler has processors enough for a number of loops.
// While one is idle it leaves a loop that waits in the kernel alone; otherwise it takes the
// loop's processor away after 20 us, and gives it back through a futex, which a host with one
// core notices in every message. A thread of the host that calls the library now and then
// keeps one, too: so there are some more.
func wantProcs(loops int) {
	if n := loops + spareProcs; runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
}

// free gives back what the loop has; nothing is open on it.
func (l *Loop) free() {
	l.gone = true
	if l.handle != 0 {
		loops.Remove(l.handle)
	}
	l.reactor.Close()
	l.arena.Free()
	if l.inbox != nil {
		l.inbox.free()
	}
	if l.spare != nil {
		l.spare.Free()
	}
	l.freeCipherBuffers()
	retired.add(l)
}

// Handle returns the loop's handle.
func (l *Loop) Handle() int64 { return l.handle }

// IsHosted reports whether a host drives the loop.
func (l *Loop) IsHosted() bool { return l.hosted }

// FD returns the descriptor a host waits on.
func (l *Loop) FD() int { return l.reactor.FD() }

// gathers reports whether sends of a thread are gathered.
func (l *Loop) gathers(t abi.Thread) bool {
	return t != 0 && l.gatherer.Load() == uintptr(t)
}

// beginGather reports whether a send is gathered. In record mode, in which the loop may go
// to another thread at any time, it does not until endGather.
func (l *Loop) beginGather(t abi.Thread) bool {
	if l.mode != abi.LoopRecords || !l.gathers(t) {
		return l.gathers(t)
	}
	l.handoff.Lock()
	if !l.gathers(t) {
		l.handoff.Unlock()
		return false
	}
	return true
}

func (l *Loop) endGather(gather bool) {
	if gather && l.mode == abi.LoopRecords {
		l.handoff.Unlock()
	}
}

// stopGathering makes what the last thread has gathered this one's.
func (l *Loop) stopGathering() {
	l.handoff.Lock()
	l.gatherer.Store(0)
	l.handoff.Unlock()
}

// ifStill calls a function if the loop's thread does nothing meanwhile: it is the caller, inside a
// callback, or nobody runs the loop. In a batch of records nobody is called.
func (l *Loop) ifStill(t abi.Thread, f func()) {
	switch {
	case l.mode == abi.LoopCallbacks && l.gathers(t):
		f()
	case l.hosted:
		l.handoff.Lock()
		defer l.handoff.Unlock()
		if !l.inUse.Load() {
			f()
		}
	}
}

// flushGatheredAll writes what has been gathered.
func (l *Loop) flushGatheredAll() {
	for i := 0; i < len(l.gathered); i++ {
		s := l.gathered[i]
		l.gathered[i] = nil
		s.flushGathered()
	}
	l.gathered = l.gathered[:0]
}

// payload is where the next message may be put: in record mode what the batch has left. Of what
// was put there the first bytes are kept by keep.
func (l *Loop) payload() []byte {
	if l.mode != abi.LoopRecords {
		return l.buffer
	}
	return l.arena.Rest(min(readSize, l.payloadRoom()))
}

// payloadRoom is what a batch of records has left for a message, whose address needs room too.
func (l *Loop) payloadRoom() int { return l.arena.Room() - addressText }

// keep makes the first size bytes of payload a message's, and returns them.
func (l *Loop) keep(size int) []byte {
	if l.mode != abi.LoopRecords {
		return l.buffer[:size]
	}
	p := l.arena.Reserve(size)
	if p == nil {
		panic("socket: a message without room")
	}
	return p
}

// addOpen puts a socket on the list of open ones. It fails when the loop is ending.
func (l *Loop) addOpen(s *Socket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	s.previous, s.next = nil, l.open
	if l.open != nil {
		l.open.previous = s
	}
	l.open = s
	l.active++
	return true
}

// removeOpen takes a socket off the list.
func (l *Loop) removeOpen(s *Socket) {
	l.mu.Lock()
	if s.previous != nil {
		s.previous.next = s.next
	} else {
		l.open = s.next
	}
	if s.next != nil {
		s.next.previous = s.previous
	}
	s.next, s.previous = nil, nil
	l.mu.Unlock()
	l.addActive(-1)
}

// addActive keeps the loop from being thought idle while n more deliveries are made.
func (l *Loop) addActive(n int) {
	l.mu.Lock()
	l.active += n
	last := l.active == 0
	l.mu.Unlock()
	if last && !l.hosted {
		defaults.nothingOpen()
	}
}

func (l *Loop) activeCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}

// abortAll aborts what is open and lets nothing be opened any more.
func (l *Loop) abortAll() {
	l.mu.Lock()
	l.stopped = true
	l.timers = map[int64]*userTimer{}
	l.mu.Unlock()
	for _, s := range l.openSockets() {
		s.doom()
	}
}

// openSockets copies the list.
func (l *Loop) openSockets() []*Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*Socket, 0, l.active)
	for s := l.open; s != nil; s = s.next {
		list = append(list, s)
	}
	return list
}

// releaseAll invalidates the handles of the loop's sockets. What is still to be
// delivered is.
func (l *Loop) releaseAll() {
	sockets.Each(func(s *Socket) {
		if s.loop == l {
			s.forget()
			s.mu.Lock()
			s.released = true
			s.mu.Unlock()
			s.forgetSecure()
		}
	})
}
