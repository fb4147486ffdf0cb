package socket

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// LISTEN-1
func TestListenerSet(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	var calls []string
	note := func(name string) Listener {
		return host.listener(func(*Event) { calls = append(calls, name) })
	}
	a, b, c := note("a"), note("b"), note("c")
	for _, l := range []Listener{a, b, a, c, b} {
		require.Equal(t, errcode.OK, p.s.On(EventMessage, l))
	}
	hear := func() string {
		calls = nil
		write(t, peer, []byte("x"))
		n := len(p.data)
		f.until("message", func() bool { return len(p.data) == n+1 })
		return fmt.Sprint(calls)
	}
	assert.Equal(t, "[a b c]", hear())
	require.Equal(t, errcode.OK, p.s.Off(EventMessage, b))
	require.Equal(t, errcode.OK, p.s.Off(EventMessage, b))
	assert.Equal(t, "[a c]", hear())
	require.Equal(t, errcode.OK, p.s.On(EventMessage, b))
	assert.Equal(t, "[a c b]", hear())
	require.Equal(t, errcode.OK, p.s.On(EventEnd, b))
	require.Equal(t, errcode.OK, p.s.Off(EventEnd, b))
	assert.Equal(t, "[a c b]", hear())
	for _, bad := range []EventType{-1, 0, EventCompletion, 99} {
		assert.Equal(t, errcode.Parameter, p.s.On(bad, a))
		assert.Equal(t, errcode.Parameter, p.s.Off(bad, a))
	}
	assert.Equal(t, errcode.Parameter, p.s.On(EventMessage, Listener{}))
	assert.Equal(t, errcode.NotSupported, p.s.Subscribe(1<<EventMessage, 1))
}

// LISTEN-3: removed by one called before it, in the same event.
func TestListenerRemovedByAnother(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	called := false
	second := host.listener(func(*Event) { called = true })
	p.on[EventMessage] = func(*Event) { p.s.Off(EventMessage, second) }
	require.Equal(t, errcode.OK, p.s.On(EventMessage, second))
	write(t, peer, []byte("x"))
	f.until("message", func() bool { return len(p.data) == 1 })
	assert.False(t, called)

	p.on[EventMessage] = func(*Event) { p.release() }
	require.Equal(t, errcode.OK, p.s.On(EventMessage, second))
	write(t, peer, []byte("x"))
	f.until("message", func() bool { return len(p.data) == 2 })
	assert.False(t, called)
	assert.Equal(t, errcode.BadFD, p.s.On(EventMessage, second))
	assert.Equal(t, errcode.BadFD, p.s.Off(EventMessage, second))
	assert.Nil(t, Lookup(p.s.Handle()))
}

func TestListenerSubscribe(t *testing.T) {
	f := newFixture(t, onPoll)
	p := f.socket(KindTCP)
	assert.Equal(t, errcode.NotSupported, p.s.On(EventMessage, Listener{Func: 1}))
	for _, bad := range []uint32{1, 1 << EventCompletion, 1 << 31, ^uint32(0)} {
		assert.Equal(t, errcode.Parameter, p.s.Subscribe(bad, 1))
	}
	assert.Equal(t, errcode.OK, p.s.Subscribe(0, 1))
	assert.Equal(t, errcode.OK, p.s.Subscribe(subscribable, p.listener.UserData))
}

// LISTEN-2, LISTEN-3 under the race detector: what was posted after Off runs after the
// last call.
func TestListenerConcurrency(t *testing.T) {
	f := newFixture(t, onThread)
	p, peer := pair(f)
	var stop atomic.Bool
	var flood sync.WaitGroup
	flood.Go(func() {
		for !stop.Load() {
			if _, err := peer.Write([]byte("flood")); err != nil {
				return
			}
		}
	})
	for range 200 {
		var off atomic.Bool
		l := host.listener(func(*Event) {
			if off.Load() {
				t.Error("called after off")
			}
		})
		require.Equal(t, errcode.OK, p.s.On(EventMessage, l))
		require.Equal(t, errcode.OK, p.s.Off(EventMessage, l))
		ran := make(chan struct{})
		require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
			off.Store(true)
			close(ran)
		})))
		<-ran
	}
	stop.Store(true)
	flood.Wait()
}
