package socket

import (
	"bytes"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// DATA-1: what is queued is sent, what the peer sends meanwhile is discarded.
func TestCloseSendsAll(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		f.settle()
		write(t, peer, pattern(10_000))
		want := pattern(6 << 20)
		sent, closed := p.send(want), p.close()
		assert.Equal(t, errcode.Shutdown, p.send([]byte("x")).code)
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(peer)
			peer.Close()
			got <- b
		}()
		f.until("closed", closed.ok)
		assert.True(t, sent.ok())
		assert.True(t, bytes.Equal(want, <-got))
		assert.Equal(t, []string{"connect", "close"}, p.log)
	})
}

// LIFE-3, ORDER-7
func TestCloseAndAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		assert.Equal(t, errcode.Other, p.s.Close(abi.Completion{}))
		assert.Equal(t, errcode.Other, p.abort())
		for range 3 {
			_, peer := connectTo(f, p)
			a, b := p.close(), p.close()
			assert.Equal(t, errcode.OK, a.code)
			assert.Equal(t, errcode.OK, b.code)
			if f.venue != onThread {
				assert.Equal(t, errcode.AlreadyInProgress, p.bind("127.0.0.1", 0))
				assert.Equal(t, errcode.AlreadyInProgress, p.connect(target(t, "127.0.0.1", 1), 0).code)
			}
			peer.Close()
			f.until("closed", func() bool { return a.ok() && b.ok() })
			assert.Equal(t, errcode.Other, p.s.Close(abi.Completion{}))
		}
		assert.Equal(t, 3, p.closes)
	})
}

// DATA-2: bytes that nobody takes are given up after the close timeout.
func TestCloseTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, _ := pair(f)
		p.set(abi.OptionCloseTimeout, 50)
		sent := p.send(pattern(20 << 20))
		start := time.Now()
		closed := p.close()
		f.until("given up", func() bool { return closed.ran > 0 })
		assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
		assert.Equal(t, -int32(errcode.TimedOut), closed.err)
		assert.Equal(t, -int32(errcode.TimedOut), sent.err)
		assert.Equal(t, []string{"connect", "error 2301110", "close 2301110"}, p.log)
	})
}

// DATA-2: a peer that does not end costs the timeout, and is no error.
func TestCloseWithoutEndOfPeer(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	p.set(abi.OptionCloseTimeout, 30)
	sent, closed := p.send([]byte("all of it")), p.close()
	f.until("closed", closed.ok)
	assert.True(t, sent.ok())
	assert.Equal(t, "all of it", string(readN(t, peer, 9)))
	assert.Equal(t, []string{"connect", "close"}, p.log)
}

// DATA-2: the timeout starts anew whenever the peer takes something.
func TestCloseTimeoutWithSlowPeer(t *testing.T) {
	f := newFixture(t, onThread)
	p, peer := pair(f)
	p.set(abi.OptionCloseTimeout, 400)
	want := 24 << 20
	sent, closed := p.send(pattern(want)), p.close()
	start := time.Now()
	b := make([]byte, want/8)
	for range 8 {
		_, err := io.ReadFull(peer, b)
		require.NoError(t, err)
		<-time.After(100 * time.Millisecond)
	}
	peer.Close()
	f.until("closed", closed.ok)
	assert.True(t, sent.ok())
	assert.Greater(t, time.Since(start), 400*time.Millisecond)
}

// DATA-3
func TestAbort(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		sent := p.send(pattern(20 << 20))
		ended := p.end()
		require.Equal(t, errcode.OK, p.abort())
		f.until("closed", p.closed)
		assert.Equal(t, -int32(errcode.Canceled), sent.err)
		assert.Equal(t, -int32(errcode.Canceled), ended.err)
		assert.Equal(t, []string{"connect", "close"}, p.log)
		_, err := io.Copy(io.Discard, struct{ io.Reader }{peer})
		assert.ErrorIs(t, err, unix.ECONNRESET)
	})
}

// DATA-4
func TestCloseWithLinger(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{Linger: FlagOf(true)}))
		p.send(pattern(20 << 20))
		closed := p.close()
		f.until("closed", func() bool { return closed.ran == 1 })
		_, err := io.Copy(io.Discard, struct{ io.Reader }{peer})
		assert.ErrorIs(t, err, unix.ECONNRESET)

		p, _ = pair(f)
		require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{Linger: FlagOf(true), LingerMs: 30}))
		p.send(pattern(20 << 20))
		start := time.Now()
		closed = p.close()
		f.until("closed", func() bool { return closed.ran == 1 })
		assert.Equal(t, -int32(errcode.TimedOut), closed.err)
		assert.Less(t, time.Since(start), 1500*time.Millisecond)
	})
}

// BOUND-4
func TestIdleTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		start := time.Now()
		p.set(abi.OptionIdleTimeout, 60)
		for range 4 { // bytes in either direction keep it alive
			<-time.After(25 * time.Millisecond)
			write(t, peer, []byte("x"))
			f.settle()
		}
		f.mu.Lock()
		assert.Zero(t, p.closes)
		f.mu.Unlock()
		p.s.Pause()
		f.until("failed", p.closed)
		assert.Greater(t, time.Since(start), 130*time.Millisecond)
		assert.Equal(t, []string{"connect", "message", "error 2301110", "close 2301110"}, p.log)
	})
}

// BOUND-5
func TestSocketTimeout(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, _ := pair(f)
		require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{SetSocketTimeout: true, SocketTimeoutMs: 50}))
		f.settle()
		start := time.Now()
		sent := p.send(pattern(20 << 20))
		f.until("failed", p.closed)
		assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
		assert.Equal(t, -int32(errcode.TimedOut), sent.err)
		assert.Equal(t, []string{"connect", "error 2301110", "close 2301110"}, p.log)
	})
}

// BOUND-5: the time begins when bytes begin to wait, however long it was quiet before.
func TestSocketTimeoutAfterAQuietTime(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const timeout = 100 * time.Millisecond
		p, _ := pair(f)
		require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{SetSocketTimeout: true, SocketTimeoutMs: int32(timeout.Milliseconds())}))
		f.until("sent", p.send([]byte("x")).ok)
		start := time.Now()
		f.until("it was quiet for long", func() bool { return time.Since(start) > 2*timeout })
		again(f, sys.OpSend, p.fd(), math.MaxInt32)
		start = time.Now()
		p.send([]byte("y"))
		f.until("failed", p.closed)
		assert.GreaterOrEqual(t, time.Since(start), timeout)
		assert.Equal(t, []string{"connect", "error 2301110", "close 2301110"}, p.log)
	})
}

// ORDER-3: a drain that a writer on another thread has left, when the loop has begun to end the
// period, is not told any more.
func TestNoDrainAfterClose(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, _ := pair(f)
		post := host.function(func() {
			p.s.mu.Lock()
			p.s.setEndingLocked(flushing)
			p.s.manner = aborted
			p.s.queueWorkLocked(workDrain)
			p.s.mu.Unlock()
			p.s.closeStep()
		})
		if f.venue == onPoll {
			post.Func = 0
		}
		require.Equal(t, errcode.OK, f.loop.Post(post))
		f.until("closed", p.closed)
		f.settle()
		assert.Equal(t, []string{"connect", "close"}, p.log)
	})
}

// LIFE-5
func TestReleaseSendsAll(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		want := pattern(3 << 20)
		sent := p.send(want)
		require.Equal(t, errcode.OK, p.release())
		assert.Nil(t, Lookup(p.s.Handle()))
		assert.Equal(t, errcode.BadFD, p.s.Release())
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(peer)
			peer.Close()
			got <- b
		}()
		f.until("sent", sent.ok)
		var b []byte
		f.until("arrived", func() bool {
			select {
			case b = <-got:
			default:
			}
			return b != nil
		})
		assert.True(t, bytes.Equal(want, b))
		f.until("given back", func() bool { return f.loop.activeCount() == 0 })
		assert.Equal(t, []string{"connect"}, p.log)
	})
}

// LIFE-5, LIFE-6: release in every callback.
func TestReleaseInCallbacks(t *testing.T) {
	for _, event := range []abi.EventType{abi.EventConnect, abi.EventMessage, abi.EventEnd, abi.EventError, abi.EventClose, abi.EventListening} {
		everywhere(t, func(t *testing.T, f *fixture) {
			server := f.socket(abi.KindTCPServer)
			client := f.socket(abi.KindTCP)
			for _, p := range []*probe{server, client} {
				p.when(event, func(*abi.Event) { p.release() })
			}
			server.when(0, func(e *abi.Event) {
				if s := Lookup(e.Socket); s != nil {
					s.Send(f.thread, e.Data, uintptr(e.Size), abi.Completion{})
				}
			})
			require.Equal(t, errcode.OK, server.serve())
			c := client.connect(target(t, "127.0.0.1", max(server.port(), 1)), 0)
			f.until("connected", func() bool { return c.ran == 1 })
			client.send([]byte("x"))
			f.settle()
			client.close()
			server.close()
			f.until("given back", func() bool {
				return f.loop.activeCount() == 0 || server.released == false && client.released == false && len(server.children) == 0
			})
		})
	}
}

// A connection released in the listener that is shown it.
func TestReleaseWhileShown(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		server := f.socket(abi.KindTCPServer)
		server.when(abi.EventConnect, func(e *abi.Event) {
			f.mu.Lock()
			c := server.children[len(server.children)-1]
			f.mu.Unlock()
			c.release()
		})
		require.Equal(t, errcode.OK, server.serve())
		for range 10 {
			peer := rawDial(t, server.port())
			go peer.Read(make([]byte, 1))
			go peer.CloseWrite()
		}
		f.until("all accepted", func() bool { return len(server.children) == 10 })
		f.until("given back", func() bool { return library.sockets.Live() == 1 })
	})
}
