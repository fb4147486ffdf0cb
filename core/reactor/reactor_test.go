package reactor

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

const patience = 10 * time.Second

// run is a task of a test.
type run func()

func (r run) RunTask() { r() }

// ready is a handler of a test.
type ready func(events uint32)

func (r ready) Ready(events uint32) { r(events) }

func newTask(f func()) Runner { return run(f) }

// host is the host of a test.
type host func()

func (h host) AfterEvent() { h() }

func newLoop(t *testing.T, hostDriven bool) *Reactor {
	before := descriptors(t)
	l, e := New(hostDriven, host(func() {}))
	require.Zero(t, e)
	t.Cleanup(func() {
		sys.SetHook(nil)
		l.Close()
		assert.Equal(t, before, descriptors(t))
	})
	return l
}

func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}

// pipe is a descriptor that a test can make readable.
func pipe(t *testing.T) (r, w int) {
	var p [2]int
	require.NoError(t, unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
	t.Cleanup(func() {
		unix.Close(p[0])
		unix.Close(p[1])
	})
	return p[0], p[1]
}

func poke(t *testing.T, w int) {
	_, err := unix.Write(w, []byte{1})
	require.NoError(t, err)
}

func readable(t *testing.T, fd int) bool {
	return poll(t, fd, 0)
}

// The signals of the runtime's scheduler interrupt a poll.
func poll(t *testing.T, fd int, timeout time.Duration) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(timeout.Milliseconds()))
		if err != unix.EINTR {
			require.NoError(t, err)
			return n > 0
		}
	}
}

func stepUntil(t *testing.T, l *Reactor, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		require.True(t, time.Now().Before(deadline), "it does not happen")
		l.Step(5e6)
	}
}

// However many threads schedule, a sleeping loop is woken once.
func TestWakeOnce(t *testing.T) {
	l := newLoop(t, false)
	var raised atomic.Int64
	sys.SetHook(func(op sys.Op, fd int) (unix.Errno, int) {
		if op == sys.OpWrite && fd == l.wakefd {
			raised.Add(1)
		}
		return 0, 0
	})
	for range 20 {
		raised.Store(0)
		l.state.Store(asleep) // nobody is inside Step
		var ran atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 10 {
					l.Schedule(newTask(func() { ran.Add(1) }))
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, raised.Load())
		stepUntil(t, l, func() bool { return ran.Load() == 80 })
	}
	l.state.Store(asleep)
	raised.Store(0)
	for range 100 {
		l.Schedule(newTask(func() {}))
	}
	assert.EqualValues(t, 1, raised.Load())
}

// A loop that waits without limit hears of tasks and of nothing twice.
func TestWakeFromOtherThreads(t *testing.T) {
	l := newLoop(t, false)
	const senders, each = 4, 2000
	ran := 0
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range each {
				l.Schedule(newTask(func() { ran++ }))
				if i%100 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ran < senders*each {
			l.Step(-1)
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("a wake-up was lost")
	}
	all.Wait()
}

func TestTaskOrder(t *testing.T) {
	l := newLoop(t, false)
	var order []int
	for i := range 100 {
		l.Schedule(newTask(func() { order = append(order, i) }))
	}
	stepUntil(t, l, func() bool { return len(order) == 100 })
	for i, n := range order {
		assert.Equal(t, i, n)
	}
}

func TestTaskTwice(t *testing.T) {
	l := newLoop(t, false)
	ran := 0
	task := newTask(func() { ran++ })
	l.Schedule(task)
	l.Schedule(task)
	l.Step(0)
	assert.Equal(t, 2, ran, "once for each call")
	assert.False(t, l.Pending())
	l.Schedule(task)
	l.Step(0)
	assert.Equal(t, 3, ran)
}

// What tasks schedule waits for the next step.
func TestTaskSchedulesItself(t *testing.T) {
	l := newLoop(t, false)
	var order []string
	var a, b Runner
	a = newTask(func() {
		order = append(order, "a")
		l.Schedule(a)
		l.Schedule(b)
	})
	b = newTask(func() { order = append(order, "b") })
	l.Schedule(a)
	l.Step(0)
	assert.Equal(t, []string{"a"}, order)
	l.Step(0)
	assert.Equal(t, []string{"a", "a", "b"}, order)
	l.Step(0)
	assert.Equal(t, []string{"a", "a", "b", "a", "b"}, order)
}

// A task that is always there does not starve descriptors and timers.
func TestTaskFairness(t *testing.T) {
	for _, timeout := range []int64{0, 1e9, -1} {
		l := newLoop(t, false)
		r, w := pipe(t)
		var busy Runner
		busy = newTask(func() { l.Schedule(busy) })
		l.Schedule(busy)
		for range 300 {
			l.Step(timeout)
		}
		heard := 0
		token, e := l.Add(r, ready(func(events uint32) { heard++ }))
		require.Zero(t, e)
		poke(t, w)
		expired := 0
		timer := &Timer{Owner: expirer(func(*Timer) { expired++ })}
		l.SetTimer(timer, Clock())
		for range 50 {
			l.Step(timeout)
		}
		assert.Equal(t, 1, heard, "timeout %d", timeout)
		assert.Equal(t, 1, expired, "timeout %d", timeout)
		l.Remove(token, r)
	}
}

// An event that was fetched before its descriptor was removed does not reach the one
// that has its place now.
func TestRemovedInTheSameBatch(t *testing.T) {
	l := newLoop(t, false)
	const count = 8
	fds := make([]int, count)
	tokens := make([]Token, count)
	var heard, successors int
	for i := range count {
		r, w := pipe(t)
		fds[i] = r
		var e unix.Errno
		tokens[i], e = l.Add(r, ready(func(uint32) {
			heard++
			for j := range tokens {
				if j == i {
					continue
				}
				l.Remove(tokens[j], fds[j])
				r2, _ := pipe(t)
				token, e := l.Add(r2, ready(func(uint32) { successors++ }))
				require.Zero(t, e)
				assert.Equal(t, tokens[j], token, "the place is used again")
			}
		}))
		require.Zero(t, e)
		poke(t, w)
	}
	l.Step(0)
	assert.Equal(t, 1, heard)
	assert.Zero(t, successors)
}

func TestReplace(t *testing.T) {
	l := newLoop(t, false)
	r, w := pipe(t)
	old, now := 0, 0
	token, e := l.Add(r, ready(func(uint32) { old++ }))
	require.Zero(t, e)
	l.Replace(token, ready(func(uint32) { now++ }))
	poke(t, w)
	l.Step(0)
	assert.Equal(t, 0, old)
	assert.Equal(t, 1, now)
	l.Remove(token, r)
	poke(t, w)
	l.Step(0)
	assert.Equal(t, 1, now)
}

func TestAddFails(t *testing.T) {
	l := newLoop(t, false)
	r, _ := pipe(t)
	for range 3 {
		_, e := l.Add(-1, ready(func(uint32) {}))
		assert.Equal(t, unix.EBADF, e)
	}
	_, e := l.Add(r, ready(func(uint32) {}))
	assert.Zero(t, e)
	assert.EqualValues(t, slotFirst+1, l.slots.chunks[0].fresh, "a slot was lost")
	_, e = l.Add(r, ready(func(uint32) {}))
	assert.Equal(t, unix.EEXIST, e)
}

// A signal ends a wait early.
func TestInterrupted(t *testing.T) {
	l := newLoop(t, true)
	sys.SetHook(func(op sys.Op, fd int) (unix.Errno, int) {
		if op == sys.OpEpollWait {
			return unix.EINTR, 0
		}
		return 0, 0
	})
	assert.True(t, l.Step(-1))
	assert.True(t, l.Step(1e9))
	assert.False(t, l.Step(0), "nothing was waited for")
	sys.SetHook(nil)
	ran := false
	l.Schedule(newTask(func() { ran = true }))
	l.Step(-1)
	assert.True(t, ran)
}

func TestNewFails(t *testing.T) {
	for _, op := range []sys.Op{sys.OpEpollCreate, sys.OpEventfd, sys.OpEpollAdd, sys.OpTimerfdCreate} {
		before := descriptors(t)
		sys.SetHook(func(o sys.Op, _ int) (unix.Errno, int) {
			if o == op {
				return unix.EMFILE, 0
			}
			return 0, 0
		})
		l, e := New(true, host(func() {}))
		sys.SetHook(nil)
		assert.Nil(t, l)
		assert.Equal(t, unix.EMFILE, e)
		assert.Equal(t, before, descriptors(t))
	}
}

// Schedule may come while the loop is being closed, and later: nothing is written to a
// descriptor that is not the loop's any more.
func TestCloseWithSchedule(t *testing.T) {
	for range 50 {
		l, e := New(true, host(func() {}))
		require.Zero(t, e)
		var closed atomic.Bool
		sys.SetHook(func(op sys.Op, fd int) (unix.Errno, int) {
			switch {
			case op == sys.OpClose:
				closed.Store(true)
			case op == sys.OpWrite && closed.Load():
				t.Error("written to a closed descriptor")
			}
			return 0, 0
		})
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 4 {
			all.Go(func() {
				<-start
				for range 50 {
					l.Schedule(newTask(func() {}))
				}
			})
		}
		close(start)
		l.Step(0)
		l.Yield(false)
		l.Step(0)
		l.Yield(true)
		l.Close()
		all.Wait()
		sys.SetHook(nil)
	}
}

func TestIterations(t *testing.T) {
	l := newLoop(t, false)
	for range 5 {
		l.Step(0)
	}
	assert.EqualValues(t, 5, l.Iterations())
}
