package socket

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/goruntime"
	"ohsocket/core/lock"
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
)

// A Loop is a reactor with what sockets need on it: buffers, the event that
// listeners are shown, the sockets that have gathered something. Fields without a
// lock belong to the loop's thread.
type Loop struct {
	reactor *reactor.Reactor
	handle  int64
	hosted  bool

	// gatherer is the thread whose sends are gathered, 0 for none.
	gatherer atomic.Uintptr
	// host-driven: held by who needs the loop to stand still, such as a send that gathers records
	handoff  lock.Mutex[lock.Handoff]
	gathered []*Socket

	sink   sink
	reads  int           // that a socket may make before others have their turn
	moves  bool          // to another thread, between two polls
	sender *addressCache // of the event that callbacks are shown; nil without callbacks
	inbox  *inbox        // for datagrams, from the first one on
	inUse  atomic.Bool
	dying  bool
	gone   bool // free has run
	broken bool // there was a panic

	mu      lock.Mutex[lock.Loop]
	open    *Socket // list
	active  int
	stopped atomic.Bool // set under mu: nothing is opened any more
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

// LookupLoop returns the loop of a handle, nil if it is not valid.
func LookupLoop(handle int64) *Loop { return library.loops.Find(handle) }

// NewLoop makes a host-driven loop.
func NewLoop(mode abi.LoopMode) (*Loop, errcode.Code) {
	switch mode {
	case abi.LoopCallbacks:
		return newLoop(newCallbackSink, true)
	case abi.LoopRecords:
		return newLoop(newRecordSink, true)
	}
	return nil, errcode.Parameter
}

func newLoop(newSink func(*Loop) sink, hosted bool) (*Loop, errcode.Code) {
	goruntime.WantProcs(1)
	l := &Loop{hosted: hosted, timers: map[int64]*userTimer{}}
	if l.sink = newSink(l); l.sink == nil {
		return nil, errcode.FromErrno(errcode.Client, unix.ENOMEM)
	}
	var e unix.Errno
	if l.reactor, e = reactor.New(hosted, l.sink); e != 0 {
		l.sink.free()
		return nil, errcode.FromErrno(errcode.Client, e)
	}
	if !library.loops.Publish(l, &l.handle) {
		l.free()
		return nil, tooManyOpen
	}
	return l, errcode.OK
}

// free gives back what the loop has; nothing is open on it.
func (l *Loop) free() {
	l.gone = true
	if l.handle != 0 {
		library.loops.Remove(l.handle)
	}
	l.reactor.Close()
	l.sink.free()
	if l.inbox != nil {
		l.inbox.free()
	}
	if l.spare != nil {
		l.spare.Free()
	}
	l.freeCipherBuffers()
	library.retired.add(l)
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

// beginGather reports whether a send is gathered. A loop that moves does not until endGather.
func (l *Loop) beginGather(t abi.Thread) bool {
	if !l.gathers(t) || !l.moves {
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
	if gather && l.moves {
		l.handoff.Unlock()
	}
}

// readBudget returns the budget of a socket that begins to read.
func (l *Loop) readBudget() budget { return budget{reads: l.reads} }

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
	case l.sink.inCallback(t):
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

// addOpen puts a socket on the list of open ones. It fails when the loop is ending.
func (l *Loop) addOpen(s *Socket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped.Load() {
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
		library.defaults.nothingOpen()
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
	l.stopped.Store(true)
	l.timers = map[int64]*userTimer{}
	l.mu.Unlock()
	for _, s := range l.openSockets() {
		s.abortOpen()
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
	library.sockets.Each(func(s *Socket) {
		if s.loop == l {
			s.forget()
			s.mu.Lock()
			s.released = true
			s.mu.Unlock()
			s.forgetSecure()
		}
	})
}
