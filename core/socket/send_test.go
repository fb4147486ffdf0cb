package socket

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// Many threads send on one connection, and so does the loop's own, which gathers: every
// byte arrives, and those of each thread in its order.
func TestSendFromManyThreads(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const senders, each, size = 8, 10000, 12
		p, peer := pair(f)
		p.set(abi.OptionSendQueueLimit, 1<<30)
		var all sync.WaitGroup
		for id := range senders {
			all.Go(func() {
				b := make([]byte, size)
				for i := range each {
					binary.LittleEndian.PutUint32(b, uint32(id))
					binary.LittleEndian.PutUint32(b[4:], uint32(i))
					data, n := numbers(b)
					if code := p.s.Send(abi.Thread(1<<40+id), data, n, abi.Completion{}); code != errcode.OK {
						t.Errorf("send: %d", code)
						return
					}
				}
			})
		}
		var own atomic.Int32
		mine := make([]byte, size)
		p.when(abi.EventMessage, func(e *abi.Event) {
			binary.LittleEndian.PutUint32(mine, senders)
			binary.LittleEndian.PutUint32(mine[4:], uint32(own.Load()))
			data, n := numbers(mine)
			if p.s.Send(f.thread, data, n, abi.Completion{}) == errcode.OK {
				own.Add(1)
			}
		})
		got := make(chan []int, 1)
		go func() {
			next := make([]int, senders+1)
			b := make([]byte, size)
			for {
				if _, err := io.ReadFull(peer, b); err != nil {
					break
				}
				id := binary.LittleEndian.Uint32(b)
				if id > senders || int(binary.LittleEndian.Uint32(b[4:])) != next[id] {
					t.Errorf("%x comes instead of %d", b, next)
					break
				}
				if next[id]++; next[0]%50 == 1 {
					peer.Write(b[:1])
				}
			}
			got <- next
		}()
		finished := make(chan struct{})
		go func() { all.Wait(); close(finished) }()
		f.until("sent", func() bool {
			select {
			case <-finished:
				return own.Load() > 0
			default:
				return false
			}
		})
		e := p.end()
		f.until("ended", e.ok)
		next := <-got
		for id := range senders {
			assert.Equal(t, each, next[id])
		}
		assert.EqualValues(t, own.Load(), next[senders])
		p.abort()
		f.until("closed", p.closed)
	})
}

// BOUND-1, BOUND-2, DONE-6
func TestSendLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const limit = 100_000
		p, peer := pair(f)
		p.set(abi.OptionSendQueueLimit, limit)
		big := pattern(20 << 20)
		first := p.send(big) // any size is taken by an empty queue
		require.Equal(t, errcode.OK, first.code)
		require.Greater(t, p.s.QueueLength(), int64(limit))
		assert.Equal(t, errcode.Again, p.send([]byte("x")).code)
		assert.Equal(t, errcode.Again, p.send([]byte("x")).code)
		assert.Equal(t, errcode.OK, p.s.Send(f.here(), 0, 0, abi.Completion{}), "nothing fits always")
		assert.Equal(t, errcode.Again, p.send(nil).code, "but its completion does not")
		assert.False(t, p.has("drain"))
		got := make(chan []byte, 1)
		go func() { got <- readN(t, peer, len(big)) }()
		f.until("drained", func() bool { return p.has("drain") })
		f.until("sent", func() bool { return first.ok() && p.s.QueueLength() == 0 })
		assert.True(t, bytes.Equal(big, <-got))
		f.settle()
		drains := 0
		for _, e := range p.log {
			if e == "drain" {
				drains++
			}
		}
		assert.Equal(t, 1, drains)
		assert.Equal(t, errcode.OK, p.send([]byte("x")).code)
	})
}

// BOUND-2, DATA-5: drain comes when the queue has fallen under half the limit, not before.
func TestDrainUnderHalfTheLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.set(abi.OptionSendQueueLimit, 1000)
		fd := p.fd()
		var room atomic.Int32
		setHook(f, func(op sys.Op, on int) (unix.Errno, int) {
			if op != sys.OpSend || on != fd {
				return 0, 0
			}
			if n := room.Swap(0); n > 0 {
				return 0, int(n)
			}
			return unix.EAGAIN, 0
		})
		send := func(n int) errcode.Code {
			data, size := numbers(pattern(n))
			return p.s.Send(f.here(), data, size, abi.Completion{})
		}
		var users descriptorUsers
		take := func(n int32) {
			room.Store(n)
			users.edge(fd)
			f.until("taken", func() bool { return room.Load() == 0 })
			f.settle()
		}
		require.Equal(t, errcode.OK, send(900))
		require.Equal(t, errcode.Again, send(200))
		take(300)
		assert.EqualValues(t, 600, p.s.QueueLength())
		assert.Equal(t, []string{"connect"}, p.log)
		take(150)
		assert.EqualValues(t, 450, p.s.QueueLength())
		assert.Equal(t, []string{"connect", "drain"}, p.log)
		take(450)
		assert.Equal(t, pattern(900), readN(t, peer, 900))
	})
}

// Pending completions count against the limit too.
func TestSendLimitOfPromises(t *testing.T) {
	f := newFixture(t, onRun)
	p, _ := pair(f)
	p.set(abi.OptionSendQueueLimit, 1000)
	const completionCost = 64
	accepted := 0
	for range 100 {
		if p.send([]byte("x")).code == errcode.OK {
			accepted++
		}
	}
	assert.LessOrEqual(t, accepted, 1000/completionCost+1)
	assert.GreaterOrEqual(t, accepted, 1000/completionCost-1)
	f.until("drained", func() bool { return p.has("drain") })
}

// GATHER-1, GATHER-2
func TestSendGathered(t *testing.T) {
	f := newFixture(t, onRun)
	p, peer := pair(f)
	var writes []int
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSend {
			writes = append(writes, len(p.data))
		}
		return 0, 0
	})
	after := 0
	p.when(abi.EventMessage, func(*abi.Event) {
		for range 10 {
			p.sendFrom(f.thread, []byte("small "))
		}
		after = len(writes)
	})
	write(t, peer, []byte("x"))
	readN(t, peer, 0)
	f.until("answered", func() bool { return len(p.data) == 1 })
	assert.Equal(t, "small small small ", string(readN(t, peer, 60))[:18])
	assert.Zero(t, after, "not within the callback")
	assert.Len(t, writes, 1)

	writes = nil
	p.when(abi.EventMessage, func(*abi.Event) {
		p.sendFrom(f.thread, []byte("a"))
		assert.Empty(t, writes)
		p.s.Flush()
		assert.Len(t, writes, 1)
		p.sendFrom(f.thread, pattern(directSend))
		assert.Len(t, writes, 2)
		for range 5 {
			p.sendFrom(f.thread, pattern(directSend-1))
		}
		assert.GreaterOrEqual(t, len(writes), 3, "64 KiB are written at once")
	})
	write(t, peer, []byte("x"))
	f.until("answered", func() bool { return len(p.data) == 2 })
	readN(t, peer, 1+directSend+5*(directSend-1))
	writes = nil
	p.send([]byte("direct"))
	assert.Len(t, writes, 1, "outside callbacks at once")
}

// GATHER-3
func TestSendGatheredBetweenPolls(t *testing.T) {
	f := newFixture(t, onPoll)
	p, peer := pair(f)
	writes := 0
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSend {
			writes++
		}
		return 0, 0
	})
	for range 3 {
		writes = 0
		f.turn(0)
		p.sendFrom(f.thread, []byte("ab"))
		p.sendFrom(f.thread, []byte("cd"))
		assert.Zero(t, writes)
		require.Equal(t, errcode.OK, f.loop.Flush())
		assert.Equal(t, 1, writes)
		p.sendFrom(f.thread, []byte("e")) // no longer gathered
		assert.Equal(t, 2, writes)
		assert.Equal(t, "abcde", string(readN(t, peer, 5)))
		f.turn(0)
		p.sendFrom(f.thread, []byte("f"))
		f.turn(0)
		assert.Equal(t, "f", string(readN(t, peer, 1)))
	}
}

// LOOP-8: the thread that polled last sends while another one polls.
func TestSendWhileLoopMoves(t *testing.T) {
	f := newFixture(t, onPoll)
	p, peer := pair(f)
	go io.Copy(io.Discard, struct{ io.Reader }{peer})
	for round := range 300 {
		me, other := abi.Thread(1+round%2), abi.Thread(2-round%2)
		_, code := f.loop.Poll(me, f.out, 0)
		require.Equal(t, errcode.OK, code)
		var both sync.WaitGroup
		both.Go(func() {
			b := []byte("gathered")
			data, n := numbers(b)
			for range 5 {
				p.s.Send(me, data, n, abi.Completion{})
			}
		})
		both.Go(func() { f.loop.Poll(other, make([]abi.Event, 8), 0) })
		both.Wait()
	}
	f.turn(0)
}

// DATA-5: a vector that the kernel takes a part of goes on where that ended.
func TestSendVectorCutShort(t *testing.T) {
	f := newFixture(t, onThread)
	p, peer := pair(f)
	fd := p.fd()
	part := pattern(3000)
	for _, taken := range []int32{1, 500, 999, 1000} {
		var limit atomic.Int32
		limit.Store(taken)
		setHook(f, func(op sys.Op, on int) (unix.Errno, int) {
			if op == sys.OpSend && on == fd {
				return 0, int(limit.Swap(0))
			}
			return 0, 0
		})
		c, done := p.begin("sendv")
		c.returned(p.s.SendVector(f.here(), buffersOf(part[:1000], nil, part[1000:1001], part[1001:]), done))
		f.until("sent", c.ok)
		assert.Equal(t, part, readN(t, peer, 3000), "%d taken", taken)
	}
}

func TestSendVector(t *testing.T) {
	f := newFixture(t, onThread)
	p, peer := pair(f)
	part := pattern(3000)
	parts := buffersOf(part[:1000], nil, part[1000:1001], part[1001:])
	c, done := p.begin("sendv")
	c.returned(p.s.SendVector(f.here(), parts, done))
	f.until("sent", c.ok)
	assert.Equal(t, part, readN(t, peer, 3000))

	many := make([]abi.Buffer, 1024)
	data, _ := numbers(part)
	for i := range many {
		many[i] = abi.Buffer{Data: data + uintptr(i), Size: uint64(i % 4)}
	}
	c, done = p.begin("sendv")
	c.returned(p.s.SendVector(f.here(), many, done))
	f.until("sent", c.ok)
	var want []byte
	for i := range many {
		want = append(want, part[i:i+i%4]...)
	}
	assert.Equal(t, want, readN(t, peer, len(want)))

	for _, bad := range [][]abi.Buffer{{{Data: 0, Size: 1}}, {{Data: data, Size: 1 << 40}}, {{Data: data, Size: 1<<31 - 1}, {Data: data, Size: 1}}} {
		assert.Equal(t, errcode.Parameter, p.s.SendVector(f.here(), bad, abi.Completion{}))
	}
	assert.Equal(t, errcode.OK, p.s.SendVector(f.here(), nil, abi.Completion{}))
}

// DATA-3: an abort while another thread is in the middle of a write.
func TestSendWhileAborted(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		big := pattern(4 << 20)
		for range 20 {
			p, _ := pair(f)
			var both sync.WaitGroup
			both.Go(func() {
				for p.send(big[:len(big)/4]).code == errcode.OK {
				}
			})
			both.Go(func() { p.abort() })
			f.until("closed", p.closed)
			both.Wait()
		}
	})
}

// DATA-5: what the kernel has not taken of a send comes before the sends that have come meanwhile.
func TestSendOvertakenByNobody(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		fd := p.fd()
		var others []*call
		setHook(f, func(op sys.Op, on int) (unix.Errno, int) {
			if op != sys.OpSend || on != fd || others != nil {
				return 0, 0
			}
			others = []*call{}
			for _, text := range []string{"DEF", "GHI"} {
				others = append(others, p.send([]byte(text)))
			}
			return 0, 1
		})
		first := p.send([]byte("ABC"))
		f.until("sent", func() bool { return first.ok() && others[0].ok() && others[1].ok() })
		assert.Equal(t, "ABCDEFGHI", string(readN(t, peer, 9)))
	})
}

// DONE-5
func TestSendCompletionsInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		var order []int
		const count = 500
		all := pattern(9000)
		for i := range count {
			c, done := p.begin("send")
			c.then = func(int32) {
				f.mu.Lock()
				order = append(order, i)
				f.mu.Unlock()
			}
			data, size := numbers(all[:i*13%9000])
			c.returned(p.s.Send(f.here(), data, size, done))
		}
		go io.Copy(io.Discard, struct{ io.Reader }{peer})
		f.until("complete", func() bool { return len(order) == count })
		for i := range order {
			assert.Equal(t, i, order[i])
		}
	})
}
