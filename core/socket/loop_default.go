package socket

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/goruntime"
	"ohsocket/core/lock"
)

// defaultLoops are the loops with threads of their own. They start with the first
// socket and end with Shutdown.
type defaultLoops struct {
	mu      lock.Mutex[lock.Defaults]
	loops   []*Loop
	ending  []*Loop // taken down by Shutdown, and not done yet
	threads int
	turn    int
	changed *sync.Cond // a loop has nothing open any more, was taken down or is done
}

func newDefaults() *defaultLoops {
	d := &defaultLoops{threads: 1}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// SetDispatchThreads sets the number of default loops.
func SetDispatchThreads(count int) errcode.Code {
	if count < 1 || count > 256 {
		return errcode.Parameter
	}
	library.defaults.mu.Lock()
	defer library.defaults.mu.Unlock()
	if len(library.defaults.loops) > 0 && count != library.defaults.threads {
		return errcode.AlreadyInProgress
	}
	library.defaults.threads = count
	return errcode.OK
}

// NextDefaultLoop returns the default loops in turn, starting them if need be.
func NextDefaultLoop() (*Loop, errcode.Code) {
	d := library.defaults
	d.mu.Lock()
	defer d.mu.Unlock()
	if code := d.start(); code != errcode.OK {
		return nil, code
	}
	d.turn++
	return d.loops[d.turn%len(d.loops)], errcode.OK
}

// beside returns the loop for a connection that a server on loop l has accepted: the
// default loops in turn if it is one of them.
func (d *defaultLoops) beside(l *Loop) *Loop {
	if l.hosted {
		return l
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.loops, l) {
		return l // it is ending
	}
	d.turn++
	return d.loops[d.turn%len(d.loops)]
}

// DefaultLoop returns the first default loop.
func DefaultLoop() (*Loop, errcode.Code) {
	d := library.defaults
	d.mu.Lock()
	defer d.mu.Unlock()
	if code := d.start(); code != errcode.OK {
		return nil, code
	}
	return d.loops[0], errcode.OK
}

func (d *defaultLoops) start() errcode.Code {
	if len(d.loops) > 0 {
		return errcode.OK
	}
	goruntime.WantProcs(d.threads)
	started := make([]*Loop, 0, d.threads)
	for range d.threads {
		l, code := newLoop(newCallbackSink, false)
		if code != errcode.OK {
			for _, l := range started {
				l.free()
			}
			return code
		}
		l.done = make(chan struct{})
		started = append(started, l)
	}
	d.turn = -1
	d.loops = started
	for _, l := range started {
		go l.dispatch()
	}
	return errcode.OK
}

// dispatch is the life of a default loop's thread.
func (l *Loop) dispatch() {
	// Callbacks are made on one thread, which sends recognise. At the end it goes back to
	// the runtime: a thread that exits lets a signal through that the host may have
	// blocked (34, which the runtime leaves open then for the sake of musl).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.gatherer.Store(uintptr(Host.ThreadID()))
	for !l.stopping.Load() {
		l.step(-1)
	}
	l.abortAll()
	l.drain()
	l.gatherer.Store(0)
	l.releaseAll()
	l.free()
	library.defaults.ended(l)
	close(l.done)
}

// ended forgets a loop that is done.
func (d *defaultLoops) ended(l *Loop) {
	d.mu.Lock()
	d.ending = slices.DeleteFunc(d.ending, func(o *Loop) bool { return o == l })
	d.changed.Broadcast()
	d.mu.Unlock()
}

// stop makes dispatch end.
func (l *Loop) stop() {
	l.stopping.Store(true)
	l.reactor.Schedule(&posted{loop: l})
}

// onDefaultThread reports whether a thread is a default loop's, one that is ending
// included.
func onDefaultThread(t abi.Thread) (is bool) {
	library.loops.Each(func(l *Loop) { is = is || !l.hosted && l.gathers(t) })
	return is
}

// nothingOpen is called when a default loop has lost its last open socket.
func (d *defaultLoops) nothingOpen() {
	d.mu.Lock()
	d.changed.Broadcast()
	d.mu.Unlock()
}

// RunDefault waits until the default loops have no open socket and those that end are done.
func RunDefault(t abi.Thread) errcode.Code {
	d := library.defaults
	d.mu.Lock()
	defer d.mu.Unlock()
	if onDefaultThread(t) {
		return errcode.Deadlock
	}
	for {
		open := 0
		library.loops.Each(func(l *Loop) { // those that are ending too
			if !l.hosted {
				open += l.activeCount()
			}
		})
		if open == 0 && len(d.ending) == 0 {
			return errcode.OK
		}
		d.changed.Wait()
	}
}

// Shutdown ends the default loops, and waits for all that are ending, whoever has begun it.
func Shutdown(t abi.Thread, timeoutMs int32) errcode.Code {
	if timeoutMs < 0 || timeoutMs > maxTimeout {
		return errcode.Parameter
	}
	d := library.defaults
	d.mu.Lock()
	if onDefaultThread(t) {
		d.mu.Unlock()
		return errcode.Deadlock
	}
	for _, l := range d.loops {
		l.stop()
	}
	d.ending = append(d.ending, d.loops...)
	d.loops = nil
	ending := slices.Clone(d.ending)
	d.changed.Broadcast()
	d.mu.Unlock()
	deadline := time.NewTimer(time.Duration(timeoutMs) * time.Millisecond)
	defer deadline.Stop()
	for _, l := range ending {
		select {
		case <-l.done:
		case <-deadline.C:
			return errcode.TimedOut
		}
	}
	return errcode.OK
}
