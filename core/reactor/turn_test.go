package reactor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// long is more than the sixteenth part of a turn.
const long = yieldInterval / 4

func work() {
	for until := Clock() + long; Clock() < until; {
	}
}

// steps runs a loop until a number is reached, and checks that no step does it all; it returns
// after how many it was.
func steps(t *testing.T, l *Reactor, done *int, all int) (count int) {
	for *done < all {
		before := *done
		l.Step(0)
		l.Yield(false)
		require.Greater(t, *done, before, "a step does something")
		require.LessOrEqual(t, *done-before, 4*clockEvery, "it does not do all")
		if *done < all {
			require.True(t, readable(t, l.FD()), "LOOP-1: the rest is for the next step")
		}
		count++
	}
	l.Step(0)
	l.Yield(false)
	assert.False(t, readable(t, l.FD()))
	return count
}

// LOOP-12: of many tasks a step runs as many as its time allows, in their order.
func TestTasksOfATurn(t *testing.T) {
	l := newLoop(t, true)
	const all = 10 * clockEvery
	done := 0
	for i := range all {
		l.Schedule(newTask(func() {
			assert.Equal(t, i, done)
			done++
			work()
		}))
	}
	assert.Greater(t, steps(t, l, &done, all), 2)
}

// LOOP-12: so it is with timers, and tasks have their turn meanwhile.
func TestTimersOfATurn(t *testing.T) {
	l := newLoop(t, true)
	const all = 10 * clockEvery
	done, between := 0, 0
	for i := range all {
		l.SetTimer(&Timer{Owner: expirer(func(*Timer) {
			assert.Equal(t, i, done)
			done++
			work()
		})}, int64(i+1))
	}
	l.Schedule(newTask(func() { between = done }))
	assert.Greater(t, steps(t, l, &done, all), 2)
	assert.Less(t, between, all)
}

// LOOP-12: so it is with descriptors: no event is lost, none comes twice, none to a descriptor that
// was removed.
func TestEventsOfATurn(t *testing.T) {
	l := newLoop(t, true)
	const all = 8 * clockEvery
	done, removed, between := 0, 0, 0
	var tokens [all]Token
	var fds [all]int
	for i := range all {
		r, w := pipe(t)
		poke(t, w)
		told := false
		fds[i] = r
		tokens[i], _ = l.Add(r, ready(func(uint32) {
			require.False(t, told)
			told = true
			done++
			work()
			if last := all - 1; removed == 0 && i != last {
				removed = 1
				l.Schedule(newTask(func() { between = done })) // without waking the loop
				l.Remove(tokens[last], fds[last])
			}
		}))
	}
	assert.Greater(t, steps(t, l, &done, all-1), 2)
	assert.Less(t, between, all-1)
	assert.Equal(t, all-1, done)
}
