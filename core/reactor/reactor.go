package reactor

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ohsocket/core/lock"
	"ohsocket/core/sys"
)

// Interest is the mask every descriptor is watched with. PRI tells that a short
// read may have stopped at urgent data rather than at the end of what there is.
const Interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET

// Handler is told what its descriptor has become ready for (EPOLL* bits).
type Handler interface{ Ready(events uint32) }

// Token names a watched descriptor; 0 names none. The kernel is told its slot and
// generation, never the descriptor itself, so that events fetched before a removal
// cannot reach a successor.
type Token uint32

const (
	slotWake = iota
	slotTimer
	slotFirst

	batch         = 256
	maxEmptyPolls = 3
	clockEvery    = 16 // handlers that are called without a look at the clock
)

// yieldInterval is the time for which a step goes on with events, with timers and with tasks: what
// is left is for the next one, so that each kind has its turn, and a loop that is to end sees it.
//
// It is also how long a busy loop goes on before it lets the scheduler have its turn. After
// 10 ms the scheduler's monitor does not wait any more: it takes the processor away from
// each call into C that it meets, every few dozen microseconds, and the loop has to find
// another one after each.
const yieldInterval = 5_000_000

const (
	awake    = iota // inside Step, or gone
	asleep          // waiting, or nobody is inside Step
	notified        // asleep, and the eventfd has been raised
)

// A Host owns the reactor. AfterEvent is called on the loop's thread after each handler,
// timer and task: what these have made leaves together.
type Host interface{ AfterEvent() }

// A Reactor watches descriptors, timers and tasks for one thread.
type Reactor struct {
	poller  poller
	host    Host
	wakefd  int
	timerfd int // host-driven loops only, otherwise -1

	state  atomic.Int32
	wakers atomic.Int32

	mu    lock.Mutex[lock.Leaf]
	tasks taskQueue

	slots  slotTable
	timers timerHeap
	armed  int64 // what timerfd is set to
	now    int64
	turned int64 // when the scheduler has had its last turn
	events [batch]event
	// first to last are events that were fetched and are to be handled, in the next step if
	// this one's time is over.
	first, last int

	// emptyPolls counts looks without waiting that found nothing. Such a look is cheaper
	// than a wait when there is something; a loop with one busy connection finds
	// nothing time after time and waits at once.
	emptyPolls int

	iterations atomic.Uint64
}

// New makes a loop. A host-driven one keeps FD readable while Step would do
// something.
func New(hostDriven bool, host Host) (*Reactor, unix.Errno) {
	p, e := newEpoll()
	if e != 0 {
		return nil, e
	}
	return newReactor(p, hostDriven, host)
}

// newReactor makes a loop of a poller, which then is its own, or closed.
func newReactor(p poller, hostDriven bool, host Host) (*Reactor, unix.Errno) {
	l := &Reactor{poller: p, host: host, wakefd: -1, timerfd: -1}
	for range slotFirst {
		i, generation := l.slots.take()
		l.slots.set(i, generation, nil)
	}
	var e unix.Errno
	if l.wakefd, e = sys.Eventfd(); e == 0 {
		e = p.add(l.wakefd, unix.EPOLLIN, slotWake)
	}
	if e == 0 && hostDriven {
		if l.timerfd, e = sys.Timerfd(); e == 0 {
			e = p.add(l.timerfd, unix.EPOLLIN, slotTimer)
		}
	}
	if e != 0 {
		l.closeFDs()
		return nil, e
	}
	l.state.Store(asleep)
	return l, 0
}

// FD returns a descriptor that is readable when there are events.
func (l *Reactor) FD() int { return l.poller.fd() }

// Iterations counts the calls of Step. Safe from any thread.
func (l *Reactor) Iterations() uint64 { return l.iterations.Load() }

var epoch = time.Now()

// Clock returns nanoseconds of the monotonic clock. Safe from any thread.
func Clock() int64 { return int64(time.Since(epoch)) }

// Now returns the time at which this step's events were fetched, or a little later.
func (l *Reactor) Now() int64 { return l.now }

func (l *Reactor) refresh() int64 {
	l.now = Clock()
	return l.now
}

// yieldIfDue lets the scheduler have its turn if it is time.
func (l *Reactor) yieldIfDue() {
	if l.refresh()-l.turned > yieldInterval {
		l.turned = l.now
		runtime.Gosched()
	}
}

// Add watches a descriptor.
func (l *Reactor) Add(fd int, h Handler) (Token, unix.Errno) {
	i, generation := l.slots.take()
	if e := l.poller.add(fd, Interest, uint64(generation)<<32|uint64(i)); e != 0 {
		return 0, e
	}
	l.slots.set(i, generation, h)
	return Token(i), 0
}

// Replace gives a watched descriptor another handler.
func (l *Reactor) Replace(t Token, h Handler) { l.slots.at(uint32(t)).handler = h }

// Remove stops watching a descriptor. To be called before close(2): a descriptor
// that a forked process holds too stays in the set otherwise.
func (l *Reactor) Remove(t Token, fd int) {
	l.poller.remove(fd)
	l.slots.remove(uint32(t))
}

// wake makes a sleeping loop look at its tasks.
func (l *Reactor) wake() {
	if l.state.Load() != asleep {
		return
	}
	l.wakers.Add(1)
	if l.state.CompareAndSwap(asleep, notified) && sys.Signal(l.wakefd) != 0 && sys.Signal(l.wakefd) != 0 {
		// The next one tries again.
		l.state.CompareAndSwap(notified, asleep)
	}
	l.wakers.Add(-1)
}

// MarkAwake is for a host that is about to call Step or Rest: tasks that are queued from
// now on are found there, and no eventfd has to be raised for them.
func (l *Reactor) MarkAwake() { l.state.Store(awake) }

// Step waits for events for up to timeout nanoseconds (negative: without limit),
// handles one batch of them, the expired timers and the queued tasks, as far as it gets in
// its turn. It reports whether a signal has ended the wait early.
func (l *Reactor) Step(timeout int64) (interrupted bool) {
	l.iterations.Add(1)
	l.state.Store(awake)
	if l.first == l.last {
		l.last, interrupted = l.fetch(timeout)
		l.first = 0
	} else {
		l.refresh()
	}
	busy := l.first < l.last
	l.handleEvents()
	l.runTimers()
	l.runTasks()
	if busy {
		l.yieldIfDue()
	}
	return interrupted
}

// fetch gets events.
func (l *Reactor) fetch(timeout int64) (n int, interrupted bool) {
	if timeout == 0 || l.emptyPolls < maxEmptyPolls {
		if n, _ = l.poller.wait(l.events[:], 0); n > 0 {
			l.emptyPolls = 0
		} else {
			l.emptyPolls++
		}
	}
	if n <= 0 && timeout != 0 {
		if n, interrupted = l.sleep(timeout); n > 1 {
			l.emptyPolls = 0
		}
	}
	if n > 0 {
		if before := l.now; l.refresh()-before > yieldInterval {
			l.turned = l.now // nothing was done for as long
		}
	}
	return max(n, 0), interrupted
}

// handleEvents hands the events to their handlers.
func (l *Reactor) handleEvents() {
	began := l.now
	for count := 1; l.first < l.last; count++ {
		ev := &l.events[l.first]
		l.first++
		switch ev.Fd {
		case slotWake:
			sys.Drain(l.wakefd)
		case slotTimer:
			sys.Drain(l.timerfd)
			l.armed = 0
		default:
			s := l.slots.at(uint32(ev.Fd))
			if s != nil && s.generation == uint32(ev.Pad) && s.handler != nil {
				s.handler.Ready(ev.Events)
				l.host.AfterEvent()
			}
		}
		if count%clockEvery == 0 && l.isOver(began) {
			return
		}
	}
}

// isOver gives the scheduler its turn, and reports whether one that has begun then is over.
func (l *Reactor) isOver(began int64) bool {
	l.yieldIfDue()
	return l.now-began > yieldInterval
}

// sleep waits in the kernel unless a task has come meanwhile.
func (l *Reactor) sleep(timeout int64) (n int, interrupted bool) {
	wait := timeout
	if len(l.timers) > 0 {
		left := max(l.timers[0].when-Clock(), 0)
		if wait < 0 || left < wait {
			wait = left
		}
	}
	l.state.Store(asleep)
	if l.Pending() {
		l.state.Store(awake)
		n, _ = l.poller.wait(l.events[:], 0) // tasks may not starve descriptors
		return n, false
	}
	n, e := l.poller.wait(l.events[:], milliseconds(wait))
	l.state.Store(awake)
	return n, e == unix.EINTR
}

// milliseconds rounds up, so that a timer has expired when the wait is over.
func milliseconds(ns int64) int {
	if ns < 0 {
		return -1
	}
	return int(min((ns+999_999)/1_000_000, 1<<30))
}

// Yield is called when a host-driven loop goes back to its host: it arms the timerfd
// for the next timer and, if work is left (busy: the caller's own), raises the eventfd.
func (l *Reactor) Yield(busy bool) {
	var next int64
	if len(l.timers) > 0 {
		next = l.timers[0].when
	}
	if next != l.armed {
		ns := int64(0)
		if next != 0 {
			ns = max(next-Clock(), 1)
		}
		if sys.SetTimerfd(l.timerfd, ns) == 0 {
			l.armed = next
		} else {
			busy = true // otherwise the host would sleep past the timer
		}
	}
	l.state.Store(asleep)
	if busy || l.first < l.last || l.Pending() {
		l.wake()
	}
}

// Close gives the loop's descriptors back. Tasks scheduled later never run.
func (l *Reactor) Close() {
	l.state.Store(awake)
	for l.wakers.Load() != 0 {
		runtime.Gosched()
	}
	l.closeFDs()
}

func (l *Reactor) closeFDs() {
	for _, fd := range []int{l.timerfd, l.wakefd} {
		if fd >= 0 {
			sys.Close(fd)
		}
	}
	l.poller.close()
}
