package socket

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// DATA-5
func TestStreamBothWays(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		want := pattern(3 << 20)
		go peer.Write(want)
		sent := p.send(want)
		got := make(chan []byte, 1)
		go func() {
			b := make([]byte, len(want))
			io.ReadFull(peer, b)
			got <- b
		}()
		f.until("received", func() bool { return len(p.data) == len(want) && sent.ok() })
		assert.True(t, bytes.Equal(want, p.data))
		assert.True(t, bytes.Equal(want, <-got))
		peer.Close()
		f.until("closed", p.closed)
		assert.Equal(t, []string{"connect", "message", "end", "close"}, p.log)
	})
}

// LISTEN-2, DATA-7: a listener added later starts reading.
func TestStreamLateListener(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := connectTo(f, f.deaf(abi.KindTCP))
		write(t, peer, []byte("early"))
		f.settle()
		assert.Empty(t, p.data)
		p.listen(allEvents)
		f.until("read", func() bool { return string(p.data) == "early" })
		p.mute()
		f.settle()
		write(t, peer, []byte(" more"))
		f.settle()
		assert.Equal(t, "early", string(p.data))
		p.listen(allEvents)
		f.until("read", func() bool { return string(p.data) == "early more" })
	})
}

// DATA-7: flow control holds the peer back, and nothing is lost.
func TestStreamPause(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		f.settle()
		want := pattern(2 << 20)
		done := make(chan error, 1)
		go func() {
			_, err := peer.Write(want)
			done <- err
		}()
		f.settle()
		f.mu.Lock()
		assert.Empty(t, p.data)
		f.mu.Unlock()
		p.s.Resume()
		f.until("received", func() bool { return len(p.data) == len(want) })
		assert.NoError(t, <-done)
		assert.True(t, bytes.Equal(want, p.data))
	})
}

// What follows an urgent byte arrives; the byte itself does with OOBInline.
func TestStreamUrgent(t *testing.T) {
	for _, inline := range []bool{false, true} {
		everywhere(t, func(t *testing.T, f *fixture) {
			p, peer := pair(f)
			if inline {
				require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{OOBInline: FlagOf(true)}))
			}
			p.s.Pause()
			f.settle()
			want := ""
			for range 5 {
				write(t, peer, []byte("before"))
				urgent(t, peer, '!')
				write(t, peer, []byte("after"))
				if want += "before"; inline {
					want += "!"
				}
				want += "after"
				p.s.Resume()
				f.until("all read", func() bool { return string(p.data) == want })
			}
			peer.Close()
			f.until("closed", p.closed)
			assert.Equal(t, want, string(p.data))
		})
	}
}

// DATA-6
func TestStreamReset(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		f.settle()
		want := pattern(30 << 10)
		write(t, peer, want)
		reset(t, peer)
		f.settle()
		f.mu.Lock()
		assert.Equal(t, []string{"connect"}, p.log)
		f.mu.Unlock()
		p.s.Resume()
		f.until("closed", p.closed)
		assert.True(t, bytes.Equal(want, p.data))
		assert.Equal(t, []string{"connect", "message", "error 2301104", "close 2301104"}, p.log)
	})
}

// DATA-8: a paused socket reports a reset behind which nothing is unread, and one with
// unread bytes does not spin.
func TestStreamPausedReset(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		reset(t, peer)
		f.until("closed", p.closed)
		assert.Equal(t, []string{"connect", "error 2301104", "close 2301104"}, p.log)

		p, peer = pair(f)
		p.s.Pause()
		f.settle()
		write(t, peer, []byte("unread"))
		reset(t, peer)
		f.settle()
		before := f.loop.reactor.Iterations()
		for range 20 {
			f.turn(1)
		}
		assert.Less(t, f.loop.reactor.Iterations()-before, uint64(60), "the loop spins")
		require.Equal(t, errcode.OK, p.abort())
		f.until("closed", p.closed)
	})
}

// DATA-8
func TestStreamPausedEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		f.settle()
		write(t, peer, []byte("unread"))
		require.NoError(t, peer.CloseWrite())
		f.settle()
		f.mu.Lock()
		assert.Equal(t, []string{"connect"}, p.log)
		f.mu.Unlock()
		p.s.Resume()
		f.until("closed", p.closed)
		assert.Equal(t, []string{"connect", "message", "end", "close"}, p.log)
	})
}

// DATA-8: a sender that learns of the reset while reading is paused is told at once.
func TestStreamErrorOfSender(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.Pause()
		f.settle()
		write(t, peer, []byte("last words"))
		reset(t, peer)
		f.until("the sender knows", func() bool {
			f.mu.Unlock()
			code := p.send([]byte("x")).code
			f.mu.Lock()
			return code != errcode.OK
		})
		f.until("closed", p.closed)
		require.Len(t, p.log, 3, "%v", p.log)
		assert.Contains(t, []string{"error 2301104", "error 2301032"}, p.log[1])
	})
}

// DATA-8: an error of a send is told on a half-open connection whose peer has ended, although the
// kernel reports nothing.
func TestStreamErrorOfSenderHalfOpen(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.set(abi.OptionAllowHalfOpen, 1)
		require.NoError(t, peer.CloseWrite())
		f.until("ended", func() bool { return p.has("end") })
		f.settle()
		setHook(t, func(op sys.Op, fd int) (unix.Errno, int) {
			if op == sys.OpSend && fd == p.fd() {
				return unix.ENOBUFS, 0
			}
			return 0, 0
		})
		p.send([]byte("x"))
		f.until("closed", p.closed)
		assert.Equal(t, []string{"connect", "end", "error 2301105", "close 2301105"}, p.log)
	})
}

// HALF-1, HALF-2
func TestStreamEndOfPeer(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		answer := pattern(1 << 20)
		p.when(abi.EventEnd, func(*abi.Event) { p.sendFrom(f.thread, answer) })
		require.NoError(t, peer.CloseWrite())
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(peer)
			got <- b
		}()
		f.until("closed", p.closed)
		if f.venue != onPoll { // there the record is read when the close has begun
			assert.True(t, bytes.Equal(answer, <-got))
		}
		assert.Equal(t, []string{"connect", "end", "close"}, p.log)
	})
}

// HALF-3
func TestStreamHalfOpen(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.set(abi.OptionAllowHalfOpen, 1)
		require.NoError(t, peer.CloseWrite())
		f.until("ended", func() bool { return p.has("end") })
		f.settle()
		p.send([]byte("still here"))
		f.settle()
		assert.Equal(t, "still here", string(readN(t, peer, 10)))
		c := p.close()
		f.until("closed", c.ok)
		_, err := peer.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)
	})
}

// HALF-4
func TestStreamEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		want := pattern(1 << 20)
		p.send(want)
		e := p.end()
		assert.Equal(t, errcode.Shutdown, p.send([]byte("x")).code)
		assert.Equal(t, errcode.Shutdown, p.end().code)
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(peer)
			got <- b
		}()
		f.until("end", e.ok)
		assert.True(t, bytes.Equal(want, <-got))
		write(t, peer, []byte("thanks"))
		peer.Close()
		f.until("closed", p.closed)
		assert.Equal(t, []string{"connect", "message", "end", "close"}, p.log)
	})
}

// LOOP-6: a socket for which more arrives with everything it reads lets another have its turn after
// a few reads.
func TestReadsTakeTurns(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const rounds = 2 * readBudget
		busy, busyPeer := pair(f)
		quiet, quietPeer := pair(f)
		require.Equal(t, errcode.OK, busy.s.SetExtraOptions(Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 262144}))
		fd := busy.fd()
		more := make([]byte, readSize+readSize/4)
		// Until the kernel has what fills the next read.
		refill := func() {
			busyPeer.Write(more)
			for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); runtime.Gosched() {
				if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err != nil || n >= readSize {
					return
				}
			}
		}
		written, before := 0, -1
		busy.when(abi.EventMessage, func(*abi.Event) {
			if written++; written <= rounds {
				refill()
			}
		})
		quiet.when(abi.EventMessage, func(*abi.Event) {
			f.mu.Lock()
			before = len(busy.data)
			f.mu.Unlock()
		})
		busy.s.Pause()
		quiet.s.Pause()
		refill()
		write(t, quietPeer, []byte("x"))
		f.settle()
		// On the loop's thread, so that it looks at both.
		resume := host.function(func() {
			busy.s.Resume()
			quiet.s.Resume()
		})
		if f.venue == onPoll {
			resume.Func = 0
		}
		require.Equal(t, errcode.OK, f.loop.Post(resume))
		f.until("both", func() bool { return len(busy.data) == (rounds+1)*len(more) && before >= 0 })
		assert.LessOrEqual(t, before, (readBudget+1)*readSize)
	})
}

// LOOP-6: one that always has more does not starve another.
func TestStreamFairness(t *testing.T) {
	for _, v := range []venue{onRun, onPoll} {
		t.Run(v.String(), func(t *testing.T) {
			f := newFixture(t, v)
			busy, source := pair(f)
			quiet, peer := pair(f)
			f.settle()
			go func() {
				b := pattern(1 << 20)
				for range 64 {
					if _, err := source.Write(b); err != nil {
						return
					}
				}
			}()
			f.until("under way", func() bool { return len(busy.data) > 0 })
			write(t, peer, []byte("x"))
			at := len(busy.data)
			f.until("heard", func() bool { return len(quiet.data) == 1 })
			assert.Less(t, len(busy.data)-at, 8<<20)
			busy.abort()
			f.until("closed", busy.closed)
		})
	}
}

func TestStreamErrnoTexts(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	reset(t, peer)
	f.until("closed", p.closed)
	assert.Contains(t, p.s.ErrorDetail(), "connection to 127.0.0.1:")
	assert.Contains(t, p.s.ErrorDetail(), errcode.FromErrno(errcode.Client, unix.ECONNRESET).Text())
}
