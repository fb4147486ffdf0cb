package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/reactor"
)

// posted is a function on its way to the loop.
type posted struct {
	loop     *Loop
	function abi.Function
}

// RunTask runs the function. One without a function only wakes a default loop.
func (p *posted) RunTask() {
	p.loop.sink.function(p.function, abi.EventPost, 0)
}

// Post runs a function on the loop's thread.
func (l *Loop) Post(f abi.Function) errcode.Code {
	if !l.sink.takes(f) {
		return errcode.Parameter
	}
	l.mu.Lock()
	defer l.mu.Unlock() // so that a loop that ends runs what was accepted
	if l.stopped.Load() {
		return errcode.BadFD
	}
	l.reactor.Schedule(&posted{loop: l, function: f})
	return errcode.OK
}

// userTimer is a timer of a caller's. It starts on the loop's thread.
type userTimer struct {
	timer    reactor.Timer
	loop     *Loop
	id       int64
	start    int64
	interval int64
	function abi.Function
}

const maxDelay = 1 << 40

// SetTimer starts a timer and returns its id.
func (l *Loop) SetTimer(delayMs, intervalMs int64, f abi.Function) (int64, errcode.Code) {
	if delayMs < 0 || delayMs > maxDelay || intervalMs < 0 || intervalMs > maxDelay || !l.sink.takes(f) {
		return 0, errcode.Parameter
	}
	t := &userTimer{loop: l, start: reactor.Clock() + min(delayMs*1e6, 1<<61), interval: min(intervalMs*1e6, 1<<61), function: f}
	t.timer.Owner = t
	l.mu.Lock()
	if l.stopped.Load() {
		l.mu.Unlock()
		return 0, errcode.BadFD
	}
	l.timerID++
	t.id = l.timerID
	l.timers[t.id] = t
	l.mu.Unlock()
	l.reactor.Schedule(t)
	return t.id, errcode.OK
}

// ClearTimer stops a timer.
func (l *Loop) ClearTimer(id int64) errcode.Code {
	l.mu.Lock()
	t := l.timers[id]
	delete(l.timers, id)
	l.mu.Unlock()
	if t == nil {
		return errcode.Parameter
	}
	l.reactor.Schedule(t)
	return errcode.OK
}

// running reports whether nobody has cleared the timer.
func (t *userTimer) running() bool {
	t.loop.mu.Lock()
	defer t.loop.mu.Unlock()
	return t.loop.timers[t.id] == t
}

// RunTask starts the timer, or stops it if it was cleared.
func (t *userTimer) RunTask() {
	if t.running() {
		t.loop.reactor.SetTimer(&t.timer, t.start)
	} else {
		t.loop.reactor.StopTimer(&t.timer)
	}
}

// Expire runs the function and starts the next interval.
func (t *userTimer) Expire(*reactor.Timer) {
	if !t.running() {
		return
	}
	if t.interval == 0 {
		t.loop.mu.Lock()
		delete(t.loop.timers, t.id)
		t.loop.mu.Unlock()
	} else {
		next := t.timer.When() + t.interval
		if now := reactor.Clock(); next <= now {
			next += (now - next + t.interval) / t.interval * t.interval
		}
		t.loop.reactor.SetTimer(&t.timer, next)
	}
	t.loop.sink.function(t.function, abi.EventTimer, t.id)
}
