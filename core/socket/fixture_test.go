package socket

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// venue says what runs the loop of a test.
type venue int

const (
	onRun    venue = iota // the test, with callbacks
	onPoll                // the test, with records
	onThread              // the library: default loops
)

func (v venue) String() string { return [...]string{"run", "poll", "thread"}[v] }

// everywhere runs a test on every kind of loop.
func everywhere(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, v := range []venue{onRun, onPoll, onThread} {
		t.Run(v.String(), func(t *testing.T) { test(t, newFixture(t, v)) })
	}
}

// A fixture is a loop with the sockets of a test, in whose books stands all that
// happens to them.
type fixture struct {
	testing.TB
	venue  venue
	loop   *Loop
	thread abi.Thread
	out    []abi.Event
	polled int  // records
	quick  bool // sockets close in little time
	note   func() string

	mu     sync.Mutex // of all that callbacks touch
	probes []*probe
	calls  []*call
}

// call is an operation that has a completion.
type call struct {
	operation string
	probe     *probe
	code      errcode.Code // of the call
	ran       int
	err       int32 // of the completion
	then      func(err int32)
}

func (c *call) ok() bool { return c.ran == 1 && c.err == 0 }

func newFixture(t testing.TB, v venue) *fixture {
	checkLeaks(t)
	f := &fixture{TB: t, venue: v, out: make([]abi.Event, 64), note: func() string { return "" }}
	f.open()
	t.Cleanup(f.end)
	return f
}

// open makes the loop.
func (f *fixture) open() {
	var code errcode.Code
	f.loop = nil
	switch f.venue {
	case onRun:
		f.loop, code = NewLoop(abi.LoopCallbacks)
	case onPoll:
		f.loop, code = NewLoop(abi.LoopRecords)
	case onThread:
		f.loop, code = NextDefaultLoop()
	}
	if f.venue != onThread {
		f.thread = lockThread(f.TB)
	}
	require.Equal(f, errcode.OK, code)
}

// end closes the loop; then the books must balance.
func (f *fixture) end() {
	if f.loop == nil {
		return
	}
	l := f.loop
	f.loop = nil
	watchdog := time.AfterFunc(2*patience, func() { panic("the loop of " + f.Name() + " does not end\n" + f.note() + f.books()) })
	defer watchdog.Stop()
	for _, p := range f.allProbes() {
		p.cancel(p.connecting())
	}
	switch f.venue {
	case onRun:
		require.Equal(f, errcode.OK, l.Close(f.thread))
	case onPoll:
		require.Equal(f, errcode.OK, l.Close(f.thread))
		deadline := time.Now().Add(patience)
		for {
			n, code := l.Poll(f.thread, f.out, 0)
			if code == errcode.BadFD {
				break
			}
			require.Equal(f, errcode.OK, code)
			require.True(f, time.Now().Before(deadline), "the loop does not end")
			f.dispatch(f.out[:n])
		}
	case onThread:
		require.Equal(f, errcode.OK, Shutdown(Host.ThreadID(), int32(patience/time.Millisecond)))
	}
	for _, p := range f.allProbes() {
		p.s.Release()
	}
	f.check()
}

// allProbes returns the probes there are now; an accepted client adds one on the loop's thread.
func (f *fixture) allProbes() []*probe {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.probes)
}

// check balances the books: every accepted completion has run once, every open period
// has one close event, in the right order.
func (f *fixture) check() {
	f.mu.Lock()
	defer f.mu.Unlock()
	books := f.books()
	for _, c := range f.calls {
		want := 0
		if c.code == errcode.OK {
			want = 1
		}
		require.Equal(f, want, c.ran, "%s of %s: %d, completion runs\n%s", c.operation, c.probe.name, c.code, books)
	}
	for _, p := range f.probes {
		p.check()
	}
}

func (f *fixture) books() string {
	var b strings.Builder
	for _, p := range f.probes {
		fmt.Fprintf(&b, "%s: %s\n", p.name, strings.Join(p.log, ", "))
	}
	for _, c := range f.calls {
		fmt.Fprintf(&b, "%s of %s: %d, %d runs: %d\n", c.operation, c.probe.name, c.code, c.ran, c.err)
	}
	return b.String()
}

// turn lets the loop do something, or waits a little for it.
func (f *fixture) turn(timeoutMs int32) {
	switch f.venue {
	case onRun:
		_, code := f.loop.Run(f.thread, timeoutMs)
		require.Equal(f, errcode.OK, code)
	case onPoll:
		n, code := f.loop.Poll(f.thread, f.out, timeoutMs)
		require.Equal(f, errcode.OK, code)
		f.polled += n
		f.dispatch(f.out[:n])
	case onThread:
		host.awaitCall(time.Duration(timeoutMs) * time.Millisecond)
	}
}

func (f *fixture) dispatch(records []abi.Event) {
	for i := range records {
		e := &records[i]
		switch e.Type {
		case abi.EventCompletion:
			host.done(e.UserData)(e.Error)
		case abi.EventPost, abi.EventTimer:
			host.posted(e.UserData)()
		default:
			host.event(e.UserData)(e)
		}
	}
}

// until runs the loop until something is true.
func (f *fixture) until(what string, is func() bool) {
	f.Helper()
	for deadline := time.Now().Add(patience); ; {
		f.mu.Lock()
		now := is()
		books := ""
		if !now && time.Now().After(deadline) {
			books = f.books()
		}
		f.mu.Unlock()
		if now {
			return
		}
		if books != "" {
			f.Fatalf("still not: %s\n%s", what, books)
		}
		f.turn(5)
	}
}

// settle lets the loop do all that it can do now: a posted function comes behind it.
func (f *fixture) settle() {
	for range 3 {
		done := false
		fn := host.function(func() {
			f.mu.Lock()
			done = true
			f.mu.Unlock()
		})
		if f.venue == onPoll {
			fn.Func = 0
		}
		require.Equal(f, errcode.OK, f.loop.Post(fn))
		f.until("the loop has looked", func() bool { return done })
	}
}

// here is the thread for a send outside callbacks: none that gathers.
func (f *fixture) here() abi.Thread { return Host.ThreadID() }

func target(t testing.TB, text string, port int) netaddr.Target {
	target, code := netaddr.ParseTarget(text, int32(port), abi.FamilyUnspecified)
	require.Equal(t, errcode.OK, code)
	return target
}

func literal(t testing.TB, text string, port int) netaddr.Sockaddr {
	sa, code := netaddr.ParseLiteral(text, int32(port), abi.FamilyUnspecified)
	require.Equal(t, errcode.OK, code)
	return sa
}
