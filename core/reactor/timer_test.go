package reactor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

type expirer func(*Timer)

func (e expirer) Expire(t *Timer) { e(t) }

// LOOP-7
func TestTimerOrder(t *testing.T) {
	l := newLoop(t, false)
	now := Clock()
	var order []int64
	timers := make([]*Timer, 500)
	for i := range timers {
		timers[i] = &Timer{Owner: expirer(func(x *Timer) { order = append(order, x.When()) })}
		l.SetTimer(timers[i], now-int64(rand.IntN(1000)))
	}
	for range 1000 {
		x := timers[rand.IntN(len(timers))]
		if rand.IntN(3) == 0 {
			l.StopTimer(x)
		} else {
			l.SetTimer(x, now-int64(rand.IntN(1000)))
		}
	}
	set := 0
	for _, x := range timers {
		if x.IsSet() {
			set++
		}
	}
	// a turn is bounded in time
	for steps := 0; len(order) < set && steps < 2*len(timers); steps++ {
		l.Step(0)
	}
	require.Len(t, order, set)
	for i := range order[1:] {
		assert.LessOrEqual(t, order[i], order[i+1])
	}
	for _, x := range timers {
		assert.False(t, x.IsSet())
	}
}

func TestTimerNotBeforeItsTime(t *testing.T) {
	l := newLoop(t, false)
	when := Clock() + 20e6
	var at int64
	x := &Timer{Owner: expirer(func(*Timer) { at = Clock() })}
	l.SetTimer(x, when)
	assert.True(t, x.IsSet())
	assert.Equal(t, when, x.When())
	l.Step(0)
	assert.Zero(t, at)
	steps := 0
	stepUntil(t, l, func() bool { steps++; return at != 0 })
	assert.GreaterOrEqual(t, at, when)
	assert.Less(t, steps, 12, "a wait ends when the timer has expired")
}

// LOOP-7: nor does one that expires soon after another go with it.
func TestTimersSideBySide(t *testing.T) {
	l := newLoop(t, false)
	start := Clock() + 20e6
	left := 10
	for i := range left {
		when := start + int64(i)*2e6
		l.SetTimer(&Timer{Owner: expirer(func(*Timer) {
			left--
			assert.GreaterOrEqual(t, Clock(), when)
		})}, when)
	}
	stepUntil(t, l, func() bool { return left == 0 })
}

func TestTimerReset(t *testing.T) {
	l := newLoop(t, false)
	ran := 0
	x := &Timer{Owner: expirer(func(*Timer) { ran++ })}
	l.SetTimer(x, Clock()-1)
	l.SetTimer(x, Clock()+3600e9)
	l.Step(0)
	assert.Zero(t, ran)
	l.SetTimer(x, Clock()-1)
	l.Step(0)
	assert.Equal(t, 1, ran)
	l.StopTimer(x) // not running
	l.Step(0)
	assert.Equal(t, 1, ran)
}

func TestTimerStopsAnother(t *testing.T) {
	l := newLoop(t, false)
	now := Clock()
	var order []string
	b := &Timer{Owner: expirer(func(*Timer) { order = append(order, "b") })}
	a := &Timer{}
	a.Owner = expirer(func(*Timer) {
		order = append(order, "a")
		l.StopTimer(b)
		l.StopTimer(a)
	})
	c := &Timer{}
	c.Owner = expirer(func(*Timer) {
		order = append(order, "c")
		if len(order) < 4 {
			l.SetTimer(c, now) // in its own expiry
		}
	})
	l.SetTimer(a, now-3)
	l.SetTimer(b, now-2)
	l.SetTimer(c, now-1)
	l.Step(0)
	assert.Equal(t, []string{"a", "c", "c", "c"}, order)
	assert.False(t, a.IsSet() || b.IsSet() || c.IsSet())
}

// LOOP-1
func TestRestReadable(t *testing.T) {
	l := newLoop(t, true)
	r, w := pipe(t)
	heard := 0
	_, e := l.Add(r, ready(func(uint32) { heard++ }))
	require.Zero(t, e)
	rest := func() {
		l.Step(0)
		l.Yield(false)
	}
	rest()
	require.False(t, readable(t, l.FD()))

	poke(t, w)
	assert.True(t, readable(t, l.FD()))
	rest()
	assert.Equal(t, 1, heard)
	assert.False(t, readable(t, l.FD()), "edge-triggered: nobody has read")

	ran := 0
	l.Schedule(newTask(func() { ran++ }))
	assert.True(t, readable(t, l.FD()))
	rest()
	assert.Equal(t, 1, ran)
	assert.False(t, readable(t, l.FD()))

	var again Runner
	again = newTask(func() {
		if ran++; ran < 5 {
			l.Schedule(again)
		}
	})
	l.Schedule(again)
	for ran < 5 {
		require.True(t, readable(t, l.FD()), "after %d", ran)
		rest()
	}
	rest()
	assert.False(t, readable(t, l.FD()))

	l.Step(0)
	l.Yield(true)
	assert.True(t, readable(t, l.FD()), "the caller has work of its own")
	rest()
	assert.False(t, readable(t, l.FD()))
}

func TestRestArmsTimer(t *testing.T) {
	l := newLoop(t, true)
	armed := 0
	sys.SetHook(func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpTimerfdSettime {
			armed++
		}
		return 0, 0
	})
	expired := 0
	x := &Timer{Owner: expirer(func(*Timer) { expired++ })}
	l.SetTimer(x, Clock()+30e6)
	l.Yield(false)
	assert.Equal(t, 1, armed)
	assert.False(t, readable(t, l.FD()))
	l.Step(0)
	l.Yield(false)
	assert.Equal(t, 1, armed, "set already")

	wait := func() {
		require.True(t, poll(t, l.FD(), patience))
	}
	wait()
	l.Step(0)
	assert.Equal(t, 1, expired)
	l.Yield(false)
	assert.False(t, readable(t, l.FD()))

	// A timer that has expired before the loop rests.
	l.SetTimer(x, Clock()-5)
	l.Yield(false)
	wait()
	l.Step(0)
	assert.Equal(t, 2, expired)

	// One that is stopped.
	l.SetTimer(x, Clock()+5e6)
	l.Yield(false)
	l.StopTimer(x)
	l.Step(0)
	l.Yield(false)
	assert.False(t, poll(t, l.FD(), 20*time.Millisecond))
	assert.Equal(t, 2, expired)
}

func TestMilliseconds(t *testing.T) {
	for ns, want := range map[int64]int{-1: -1, 0: 0, 1: 1, 999_999: 1, 1_000_000: 1, 1_000_001: 2, 1 << 62: 1 << 30} {
		assert.Equal(t, want, milliseconds(ns))
	}
}
