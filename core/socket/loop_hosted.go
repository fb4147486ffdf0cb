package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/reactor"
)

// enter makes the calling thread the loop's. It fails when another one is, or this
// one from inside a callback.
func (l *Loop) enter() errcode.Code {
	if !l.inUse.CompareAndSwap(false, true) {
		return errcode.AlreadyInProgress
	}
	if l.gone {
		// Closed after the caller had looked it up.
		l.leave()
		return errcode.BadFD
	}
	return errcode.OK
}

func (l *Loop) leave() { l.inUse.Store(false) }

// Run handles one batch of events of a host-driven loop in callback mode and
// returns the number of callbacks made.
func (l *Loop) Run(t abi.Thread, timeoutMs int32) (int, errcode.Code) {
	if timeoutMs < -1 {
		return 0, errcode.Parameter
	}
	c, ok := l.sink.(*callbackSink)
	if !ok || !l.hosted {
		return 0, errcode.NotSupported
	}
	if code := l.enter(); code != errcode.OK {
		return 0, code
	}
	defer l.leave()
	l.stopGathering()
	l.gatherer.Store(uintptr(t))
	c.calls = 0
	l.wait(timeoutMs, func() bool { return c.calls > 0 })
	l.gatherer.Store(0)
	l.reactor.Yield(false)
	return c.calls, errcode.OK
}

// Poll fills a host's array with one batch of records.
func (l *Loop) Poll(t abi.Thread, out []abi.Event, timeoutMs int32) (int, errcode.Code) {
	if timeoutMs < -1 {
		return 0, errcode.Parameter
	}
	r, ok := l.sink.(*recordSink)
	if !ok {
		return 0, errcode.NotSupported
	}
	if code := l.enter(); code != errcode.OK {
		return 0, code
	}
	defer l.leave()
	l.reactor.MarkAwake()
	l.stopGathering()
	l.flushGatheredAll()
	r.beginBatch(out)
	r.resumeWaiting(false)
	r.resumeStarved()
	if r.filled > 0 || l.dying {
		timeoutMs = 0
	}
	if !r.isFull() {
		l.wait(timeoutMs, func() bool { return r.filled > 0 })
	}
	n := r.endBatch()
	if l.dying && n == 0 && l.activeCount() == 0 && !l.reactor.Pending() {
		l.free()
		return 0, errcode.BadFD
	}
	l.reactor.Yield(r.hasMore())
	l.gatherer.Store(uintptr(t)) // from now on: nobody sends inside a poll
	return n, errcode.OK
}

// wait steps until something is done, the time is over or a signal has come.
func (l *Loop) wait(timeoutMs int32, done func() bool) {
	left := int64(-1)
	var deadline int64
	if timeoutMs >= 0 {
		left = int64(timeoutMs) * 1e6
		if left > 0 {
			deadline = reactor.Clock() + left
		}
	}
	for {
		// Starved sockets may have read what makes no record: ciphertext. They go on.
		span := left
		if l.sink.hasStarved() {
			span = 0
		}
		interrupted := l.step(span)
		l.sink.resumeWaiting(false) // what has nothing to show does not wait for the next poll
		if interrupted || done() || left == 0 {
			return
		}
		if l.sink.resumeStarved(); done() {
			return
		}
		if left > 0 {
			left = max(deadline-reactor.Clock(), 0)
		}
	}
}

// step is one step of the reactor. A panic in it is a defect of the library that must
// not end the host.
func (l *Loop) step(timeout int64) (interrupted bool) {
	defer func() {
		if recover() != nil {
			library.panics.Add(1)
			l.broken = true
		}
	}()
	return l.reactor.Step(timeout)
}

// drain delivers everything when the loop's sockets have been aborted. After a panic
// something may never get done: then it is given a second.
func (l *Loop) drain() {
	deadline := reactor.Clock() + 1e9
	for l.activeCount() > 0 || l.reactor.Pending() {
		l.step(100e6)
		l.sink.forget()
		if l.broken && reactor.Clock() > deadline {
			return
		}
	}
}

// Flush writes what has been gathered since the last poll.
func (l *Loop) Flush() errcode.Code {
	if _, ok := l.sink.(*recordSink); !ok {
		return errcode.OK
	}
	if code := l.enter(); code != errcode.OK {
		return code
	}
	l.stopGathering()
	l.flushGatheredAll()
	l.leave()
	return errcode.OK
}

// Close ends a host-driven loop.
func (l *Loop) Close(t abi.Thread) errcode.Code {
	if !l.hosted {
		return errcode.BadFD
	}
	if code := l.enter(); code != errcode.OK {
		return code
	}
	defer l.leave()
	again := l.dying
	l.dying = true
	l.stopGathering()
	l.flushGatheredAll()
	l.sink.resumeWaiting(true)
	l.abortAll()
	if _, ok := l.sink.(*recordSink); ok && !again {
		l.releaseAll()
		l.reactor.Yield(true)
		return errcode.OK
	}
	l.gatherer.Store(uintptr(t))
	l.drain()
	l.gatherer.Store(0)
	l.releaseAll()
	l.free()
	return errcode.OK
}
