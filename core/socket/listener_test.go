package socket

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// LISTEN-1
func TestListenerSet(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	var calls []string
	note := func(name string) abi.Listener {
		return host.listener(func(*abi.Event) { calls = append(calls, name) })
	}
	a, b, c := note("a"), note("b"), note("c")
	for _, l := range []abi.Listener{a, b, a, c, b} {
		require.Equal(t, errcode.OK, p.s.On(abi.EventMessage, l))
	}
	hear := func() string {
		calls = nil
		write(t, peer, []byte("x"))
		n := len(p.data)
		f.until("message", func() bool { return len(p.data) == n+1 })
		return fmt.Sprint(calls)
	}
	assert.Equal(t, "[a b c]", hear())
	require.Equal(t, errcode.OK, p.s.Off(abi.EventMessage, b))
	require.Equal(t, errcode.OK, p.s.Off(abi.EventMessage, b))
	assert.Equal(t, "[a c]", hear())
	require.Equal(t, errcode.OK, p.s.On(abi.EventMessage, b))
	assert.Equal(t, "[a c b]", hear())
	require.Equal(t, errcode.OK, p.s.On(abi.EventEnd, b))
	require.Equal(t, errcode.OK, p.s.Off(abi.EventEnd, b))
	assert.Equal(t, "[a c b]", hear())
	for _, bad := range []abi.EventType{-1, 0, abi.EventCompletion, 99} {
		assert.Equal(t, errcode.Parameter, p.s.On(bad, a))
		assert.Equal(t, errcode.Parameter, p.s.Off(bad, a))
	}
	assert.Equal(t, errcode.Parameter, p.s.On(abi.EventMessage, abi.Listener{}))
	assert.Equal(t, errcode.NotSupported, p.s.Subscribe(1<<abi.EventMessage, 1))
}

// LISTEN-3: removed by one called before it, in the same event.
func TestListenerRemovedByAnother(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	called := false
	second := host.listener(func(*abi.Event) { called = true })
	p.when(abi.EventMessage, func(*abi.Event) { p.s.Off(abi.EventMessage, second) })
	require.Equal(t, errcode.OK, p.s.On(abi.EventMessage, second))
	write(t, peer, []byte("x"))
	f.until("message", func() bool { return len(p.data) == 1 })
	assert.False(t, called)

	p.when(abi.EventMessage, func(*abi.Event) { p.release() })
	require.Equal(t, errcode.OK, p.s.On(abi.EventMessage, second))
	write(t, peer, []byte("x"))
	f.until("message", func() bool { return len(p.data) == 2 })
	assert.False(t, called)
	assert.Equal(t, errcode.BadFD, p.s.On(abi.EventMessage, second))
	assert.Equal(t, errcode.BadFD, p.s.Off(abi.EventMessage, second))
	assert.Nil(t, Lookup(p.s.Handle()))
}

func TestListenerSubscribe(t *testing.T) {
	f := newFixture(t, onPoll)
	p := f.socket(abi.KindTCP)
	assert.Equal(t, errcode.NotSupported, p.s.On(abi.EventMessage, abi.Listener{Func: 1}))
	for _, bad := range []uint32{1, 1 << abi.EventCompletion, 1 << 31, ^uint32(0)} {
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
		l := host.listener(func(*abi.Event) {
			if off.Load() {
				t.Error("called after off")
			}
		})
		require.Equal(t, errcode.OK, p.s.On(abi.EventMessage, l))
		require.Equal(t, errcode.OK, p.s.Off(abi.EventMessage, l))
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
