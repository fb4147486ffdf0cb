package reactor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakePoller tells what a test has put into told, one batch a time, and notes what it was asked.
type fakePoller struct {
	epoll    // for the descriptors of the loop itself
	added    map[int]uint64
	told     [][]event
	timeouts []int
	result   unix.Errno
}

func (p *fakePoller) add(fd int, _ uint32, data uint64) unix.Errno {
	if p.result == 0 {
		p.added[fd] = data
	}
	return p.result
}

func (p *fakePoller) remove(fd int) { delete(p.added, fd) }

func (p *fakePoller) wait(events []event, timeout int) (int, unix.Errno) {
	p.timeouts = append(p.timeouts, timeout)
	if p.result != 0 {
		return -1, p.result
	}
	if len(p.told) == 0 {
		return 0, 0
	}
	n := copy(events, p.told[0])
	p.told = p.told[1:]
	return n, 0
}

// ready is the event of a descriptor.
func (p *fakePoller) ready(fd int) event {
	data := p.added[fd]
	return event{Events: unix.EPOLLIN, Fd: int32(data), Pad: int32(data >> 32)}
}

func newFakeLoop(t *testing.T, h host) (*Reactor, *fakePoller) {
	real, e := newEpoll()
	require.Zero(t, e)
	p := &fakePoller{epoll: real, added: map[int]uint64{}}
	l, e := newReactor(p, false, h)
	require.Zero(t, e)
	t.Cleanup(l.Close)
	return l, p
}

// LIFE-4: what was fetched for a descriptor that a handler of the same batch has removed does not
// reach the one that has its slot, nor its number, now.
func TestPollerStaleEvent(t *testing.T) {
	after := 0
	l, p := newFakeLoop(t, func() { after++ })
	const first, second, third = 1001, 1002, 1003
	calls := map[int]int{}
	handler := func(name int) Handler { return ready(func(uint32) { calls[name]++ }) }
	tokens := map[int]Token{}
	tokens[second], _ = l.Add(second, handler(second))
	_, e := l.Add(first, ready(func(uint32) {
		calls[first]++
		l.Remove(tokens[second], second)
		tokens[third], _ = l.Add(third, handler(third))
	}))
	require.Zero(t, e)
	p.told = [][]event{{p.ready(first), p.ready(second)}}
	l.Step(0)
	assert.Equal(t, map[int]int{first: 1}, calls)
	assert.Equal(t, tokens[second], tokens[third], "the slot has a successor")
	assert.Equal(t, 1, after, "once for each handler that was called")
	p.told = [][]event{{p.ready(third)}}
	l.Step(0)
	assert.Equal(t, 1, calls[third])
}

// LOOP-1: a loop waits until the next timer at most, and not at all while tasks wait.
func TestPollerTimeout(t *testing.T) {
	l, p := newFakeLoop(t, func() {})
	l.emptyPolls = maxEmptyPolls
	waited := func(timeout int64) []int {
		p.timeouts = nil
		l.Step(timeout)
		return p.timeouts
	}
	assert.Equal(t, []int{-1}, waited(-1))
	assert.Equal(t, []int{2}, waited(1_000_001), "rounded up")
	assert.Equal(t, []int{0}, waited(0))
	x := &Timer{Owner: expirer(func(*Timer) {})}
	l.SetTimer(x, Clock()+3_600_000_000_000)
	if left := waited(-1); assert.Len(t, left, 1) {
		assert.InDelta(t, 3_600_000, left[0], 60_000)
	}
	l.StopTimer(x)
	l.state.Store(awake)
	l.Schedule(newTask(func() {}))
	assert.Equal(t, []int{0}, waited(-1))
	l.emptyPolls = 0
	assert.Equal(t, []int{0, -1}, waited(-1), "it looks before it waits")
}

// A descriptor that cannot be watched takes no slot; a signal ends the wait.
func TestPollerFails(t *testing.T) {
	l, p := newFakeLoop(t, func() {})
	l.emptyPolls = maxEmptyPolls
	p.result = unix.ENOSPC
	_, e := l.Add(1001, ready(func(uint32) {}))
	assert.Equal(t, unix.ENOSPC, e)
	p.result = unix.EINTR
	assert.True(t, l.Step(-1))
	p.result = 0
	token, e := l.Add(1001, ready(func(uint32) {}))
	assert.Zero(t, e)
	assert.EqualValues(t, slotFirst, token)
	assert.False(t, l.Step(-1))
}
