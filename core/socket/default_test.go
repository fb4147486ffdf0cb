package socket

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// PROC-4, PROC-5
func TestDefaultRunAndShutdown(t *testing.T) {
	f := newFixture(t, onThread)
	p, peer := pair(f)
	p.close()
	go peer.Close()
	require.Equal(t, errcode.OK, RunDefault(f.here()))
	f.mu.Lock()
	assert.Equal(t, 1, p.closes)
	f.mu.Unlock()
	q, _ := pair(f)
	sent := q.send(pattern(20 << 20))
	require.Equal(t, errcode.OK, Shutdown(f.here(), 5000))
	assert.Equal(t, 1, q.closes)
	assert.Equal(t, 1, sent.ran)
	assert.Nil(t, Lookup(q.s.Handle()))
	assert.Equal(t, errcode.OK, Shutdown(f.here(), 0), "nothing is running")
	assert.Equal(t, errcode.Parameter, Shutdown(f.here(), -1))
	l, code := NextDefaultLoop() // the next begins anew
	require.Equal(t, errcode.OK, code)
	assert.NotSame(t, f.loop, l)
}

// THREAD-1
func TestDefaultWithinCallback(t *testing.T) {
	f := newFixture(t, onThread)
	codes := make(chan errcode.Code, 2)
	require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
		codes <- RunDefault(Host.ThreadID())
		codes <- Shutdown(Host.ThreadID(), 1000)
	})))
	assert.Equal(t, errcode.Deadlock, <-codes)
	assert.Equal(t, errcode.Deadlock, <-codes)
}

// The same while the loops end: their callbacks are still on their threads.
func TestDefaultWithinLastCallback(t *testing.T) {
	f := newFixture(t, onThread)
	p, _ := pair(f)
	codes := make(chan errcode.Code, 2)
	p.when(abi.EventClose, func(*abi.Event) {
		codes <- RunDefault(Host.ThreadID())
		codes <- Shutdown(Host.ThreadID(), 1000)
	})
	require.Equal(t, errcode.OK, Shutdown(f.here(), 5000))
	assert.Equal(t, errcode.Deadlock, <-codes)
	assert.Equal(t, errcode.Deadlock, <-codes)
}

// A callback that does not return: Shutdown gives up, and the rest is done when it does.
func TestDefaultShutdownTimeout(t *testing.T) {
	f := newFixture(t, onThread)
	p, _ := pair(f)
	inside, leave := make(chan struct{}), make(chan struct{})
	require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
		close(inside)
		<-leave
	})))
	<-inside
	assert.Equal(t, errcode.TimedOut, Shutdown(f.here(), 10))
	close(leave)
	f.until("closed", p.closed)
	f.until("gone", func() bool { return library.loops.Live() == 0 })
}

// PROC-5, PROC-4: whoever waits for loops that end waits until their last callback has returned:
// a later call of Shutdown, two at once, Run, and when there are new loops meanwhile.
func TestDefaultShutdownIsWaitedForByAll(t *testing.T) {
	f := newFixture(t, onThread)
	inside, leave := make(chan struct{}), make(chan struct{})
	var over atomic.Bool
	require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
		close(inside)
		<-leave
		over.Store(true)
	})))
	<-inside
	assert.Equal(t, errcode.TimedOut, Shutdown(f.here(), 10))
	assert.Equal(t, errcode.TimedOut, Shutdown(f.here(), 10), "the callback still runs")
	next, code := NextDefaultLoop()
	require.Equal(t, errcode.OK, code)
	assert.NotSame(t, f.loop, next)
	s, code := Construct(next, abi.KindTCP)
	require.Equal(t, errcode.OK, code)
	assert.Equal(t, errcode.TimedOut, Shutdown(f.here(), 10), "the old loop's")
	assert.True(t, eventually(patience, func() bool { return Lookup(s.Handle()) == nil }), "the new loop ends, too")
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			assert.Equal(t, errcode.OK, Shutdown(0, int32(patience.Milliseconds())))
			assert.True(t, over.Load())
		})
		all.Go(func() {
			assert.Equal(t, errcode.OK, RunDefault(0))
			assert.True(t, over.Load())
		})
	}
	close(leave)
	all.Wait()
	assert.Equal(t, errcode.OK, Shutdown(f.here(), 0), "nothing is left to wait for")
}

// LOOP-11: when a loop ends, what was posted runs once; timers do not, those included whose time
// has come.
func TestPostsAndTimersOfALoopThatEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		posts, timers := 0, 0
		count := func(n *int) abi.Function {
			fn := host.function(func() {
				f.mu.Lock()
				*n++
				f.mu.Unlock()
			})
			if f.venue == onPoll {
				fn.Func = 0
			}
			return fn
		}
		leave := make(chan struct{})
		if f.venue == onThread {
			inside := make(chan struct{})
			require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
				close(inside)
				<-leave
			})))
			<-inside
		}
		for range 100 {
			for _, delay := range []int64{0, 1, 1000} {
				_, code := f.loop.SetTimer(delay, delay, count(&timers))
				require.Equal(t, errcode.OK, code)
			}
			require.Equal(t, errcode.OK, f.loop.Post(count(&posts)))
		}
		l := f.loop
		if f.venue == onThread {
			require.Equal(t, errcode.TimedOut, Shutdown(f.here(), 2))
			close(leave)
		}
		f.end()
		assert.Equal(t, 100, posts)
		assert.Zero(t, timers)
		assert.Equal(t, errcode.BadFD, l.Post(count(&posts)))
		_, code := l.SetTimer(0, 0, count(&timers))
		assert.Equal(t, errcode.BadFD, code)
	})
}

// A client accepted while the default loops end does not start new ones.
func TestDefaultAcceptWhileEnding(t *testing.T) {
	f := newFixture(t, onThread)
	server := f.socket(abi.KindTCPServer)
	inside, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	server.when(abi.EventConnect, func(*abi.Event) {
		once.Do(func() {
			close(inside)
			<-leave
		})
	})
	server.s.Pause()
	require.Equal(t, errcode.OK, server.serve())
	for range 5 {
		rawDial(t, server.port())
	}
	server.s.Resume()
	<-inside
	assert.Equal(t, errcode.TimedOut, Shutdown(f.here(), 10))
	close(leave)
	f.until("gone", func() bool { return library.loops.Live() == 0 })
}

func TestDefaultThreads(t *testing.T) {
	checkLeaks(t)
	for _, bad := range []int{-1, 0, 257} {
		assert.Equal(t, errcode.Parameter, SetDispatchThreads(bad))
	}
	require.Equal(t, errcode.OK, SetDispatchThreads(3))
	t.Cleanup(func() { require.Equal(t, errcode.OK, SetDispatchThreads(1)) })
	t.Run("loops", func(t *testing.T) {
		f := newFixture(t, onThread)
		seen := map[*Loop]int{}
		for range 9 {
			l, code := NextDefaultLoop()
			require.Equal(t, errcode.OK, code)
			seen[l]++
		}
		assert.Len(t, seen, 3)
		assert.Equal(t, errcode.AlreadyInProgress, SetDispatchThreads(2))
		assert.Equal(t, errcode.OK, SetDispatchThreads(3))
		// Clients are spread, and events of one still come one at a time.
		server := f.socket(abi.KindTCPServer)
		server.when(0, func(e *abi.Event) {
			if s := Lookup(e.Socket); s != nil {
				s.Send(Host.ThreadID(), e.Data, uintptr(e.Size), abi.Completion{})
			}
		})
		require.Equal(t, errcode.OK, server.serve())
		var all sync.WaitGroup
		for range 12 {
			peer := rawDial(t, server.port())
			all.Go(func() {
				want := pattern(100_000)
				go peer.Write(want)
				assert.Equal(t, want, readN(t, peer, len(want)))
			})
		}
		all.Wait()
		on := map[*Loop]bool{}
		f.mu.Lock()
		for _, c := range server.children {
			on[c.s.loop] = true
		}
		f.mu.Unlock()
		assert.Len(t, on, 3)
	})
}

// LOOP-7, and what was accepted before a loop ends still runs.
func TestPostOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var order []int
		for i := range 100 {
			fn := host.function(func() {
				f.mu.Lock()
				order = append(order, i)
				f.mu.Unlock()
			})
			if f.venue == onPoll {
				fn.Func = 0
			}
			require.Equal(t, errcode.OK, f.loop.Post(fn))
		}
		f.until("all ran", func() bool { return len(order) == 100 })
		for i := range order {
			assert.Equal(t, i, order[i])
		}
	})
}

func TestPostWhileClosing(t *testing.T) {
	checkLeaks(t)
	for range 100 {
		l, code := NewLoop(abi.LoopCallbacks)
		require.Equal(t, errcode.OK, code)
		var mu sync.Mutex
		ran, accepted := 0, 0
		fn := host.function(func() {
			mu.Lock()
			ran++
			mu.Unlock()
		})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for l.Post(fn) == errcode.OK {
					mu.Lock()
					accepted++
					mu.Unlock()
				}
			})
		}
		for range 3 {
			l.Run(1, 0)
		}
		require.Equal(t, errcode.OK, l.Close(1))
		all.Wait()
		assert.Equal(t, accepted, ran)
	}
}

func TestTimers(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var order []string
		set := func(name string, delay, interval int64) int64 {
			fn := host.function(func() {
				f.mu.Lock()
				order = append(order, name)
				f.mu.Unlock()
			})
			if f.venue == onPoll {
				fn.Func = 0
			}
			id, code := f.loop.SetTimer(delay, interval, fn)
			require.Equal(t, errcode.OK, code)
			return id
		}
		start := time.Now()
		never := set("never", 20, 0)
		set("late", 40, 0)
		set("early", 1, 0)
		again := set("again", 60, 1)
		require.Equal(t, errcode.OK, f.loop.ClearTimer(never))
		assert.Equal(t, errcode.Parameter, f.loop.ClearTimer(never))
		f.until("expired", func() bool { return len(order) >= 5 })
		require.Equal(t, errcode.OK, f.loop.ClearTimer(again))
		assert.GreaterOrEqual(t, time.Since(start), 60*time.Millisecond)
		f.mu.Lock()
		assert.Equal(t, []string{"early", "late", "again", "again"}, order[:4])
		f.mu.Unlock()
		for _, bad := range [][2]int64{{-1, 0}, {0, -1}, {1<<40 + 1, 0}, {0, 1<<40 + 1}} {
			_, code := f.loop.SetTimer(bad[0], bad[1], abi.Function{Func: 1})
			assert.Equal(t, errcode.Parameter, code)
		}
		set("at the end of time", 1<<40, 1<<40)
	})
}
