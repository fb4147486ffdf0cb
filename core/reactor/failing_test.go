package reactor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

// failNext makes the next calls of an operation fail.
func failNext(op sys.Op, times int) {
	sys.SetHook(func(o sys.Op, _ int) (unix.Errno, int) {
		if o == op && times > 0 {
			times--
			return unix.EPERM, 0
		}
		return 0, 0
	})
}

func readableInTime(t *testing.T, fd int) bool {
	return poll(t, fd, patience)
}

// LOOP-1: the descriptor becomes readable for a task though the eventfd could not be
// raised.
func TestRaiseFails(t *testing.T) {
	l := newLoop(t, true)
	ran := 0
	count := func() { ran++ }
	failNext(sys.OpWrite, 1)
	l.Schedule(newTask(count))
	assert.True(t, readable(t, l.FD()), "tried twice")
	l.Step(0)
	l.Yield(false)
	assert.Equal(t, 1, ran)

	failNext(sys.OpWrite, 2)
	l.Schedule(newTask(count))
	assert.False(t, readable(t, l.FD()))
	l.Schedule(newTask(count))
	assert.True(t, readable(t, l.FD()), "the next task raises it for both")
	l.Step(0)
	l.Yield(false)
	assert.Equal(t, 3, ran)
	assert.False(t, readable(t, l.FD()))
}

// What could not be cleared is cleared the next time; nothing runs twice.
func TestClearFails(t *testing.T) {
	l := newLoop(t, true)
	ran, expired := 0, 0
	x := &Timer{Owner: expirer(func(*Timer) { expired++ })}
	l.SetTimer(x, Clock()+1e6)
	l.Schedule(newTask(func() { ran++ }))
	l.Yield(false)
	require.True(t, readableInTime(t, l.FD()))
	failNext(sys.OpRead, 2)
	for expired == 0 {
		require.True(t, readableInTime(t, l.FD()))
		l.Step(0)
		l.Yield(false)
	}
	for range 3 {
		l.Step(0)
		l.Yield(false)
	}
	assert.Equal(t, 1, ran)
	assert.Equal(t, 1, expired)
	assert.False(t, readable(t, l.FD()))
}

// LOOP-1: a timer that the kernel does not take is not slept past.
func TestSetTimerfdFails(t *testing.T) {
	l := newLoop(t, true)
	expired := 0
	x := &Timer{Owner: expirer(func(*Timer) { expired++ })}
	failNext(sys.OpTimerfdSettime, 3)
	l.SetTimer(x, Clock()+20e6)
	steps := 0
	for l.Yield(false); expired == 0; l.Yield(false) {
		require.True(t, readableInTime(t, l.FD()))
		l.Step(0)
		steps++
	}
	assert.Less(t, steps, 10, "it waits as soon as it can")
	assert.False(t, readable(t, l.FD()))
}
