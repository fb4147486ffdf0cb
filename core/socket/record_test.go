package socket

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

func pollable(t *testing.T, l *Loop) bool {
	return poll(t, l.FD(), 0)
}

// The signals of the runtime's scheduler interrupt a poll.
func poll(t require.TestingT, fd int, timeout time.Duration) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(timeout.Milliseconds()))
		if err != unix.EINTR {
			require.NoError(t, err)
			return n > 0
		}
	}
}

// Records one at a time: the same events, in the same order.
func TestRecordCapacityOne(t *testing.T) {
	for _, capacity := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			f := newFixture(t, onPoll)
			f.out = f.out[:capacity]
			p, peer := pair(f)
			want := pattern(500_000)
			go func() {
				peer.Write(want)
				peer.CloseWrite()
			}()
			var calls []*call
			for range 10 {
				calls = append(calls, p.send([]byte("x")))
			}
			f.until("closed", p.closed)
			assert.True(t, bytes.Equal(want, p.data))
			for _, c := range calls {
				assert.True(t, c.ok())
			}
			assert.Equal(t, []string{"connect", "message", "end", "close"}, p.log)
		})
	}
}

// LOOP-1: readable while records wait, and not otherwise.
func TestRecordReadable(t *testing.T) {
	f := newFixture(t, onPoll)
	f.out = f.out[:1]
	p, peer := pair(f)
	f.settle()
	for range 5 {
		f.turn(0)
	}
	require.False(t, pollable(t, f.loop))
	write(t, peer, []byte("x"))
	for range 5 {
		p.send([]byte("y"))
	}
	for p.data == nil || f.calls[len(f.calls)-1].ran == 0 {
		require.True(t, pollable(t, f.loop))
		f.turn(0)
	}
	f.turn(0)
	f.turn(0)
	assert.False(t, pollable(t, f.loop))
	assert.Empty(t, f.loop.sink.(*recordSink).overflow)
}

// LOOP-6: a batch has no more payload than the arena.
func TestRecordArena(t *testing.T) {
	f := newFixture(t, onPoll)
	var probes []*probe
	var peers []*net.TCPConn
	want := pattern(100_000)
	for range 40 {
		p, peer := pair(f)
		probes, peers = append(probes, p), append(peers, peer)
	}
	for _, peer := range peers {
		go peer.Write(want)
	}
	// More has arrived than fits before the first batch is made.
	require.True(t, eventually(patience, func() bool {
		arrived := 0
		for _, p := range probes {
			n, err := unix.IoctlGetInt(p.fd(), unix.TIOCINQ)
			require.NoError(t, err)
			arrived += n
		}
		return arrived > arenaSize+readSize
	}))
	out := make([]abi.Event, 4096)
	most := uint64(0)
	f.until("received", func() bool {
		f.mu.Unlock()
		defer f.mu.Lock()
		n, code := f.loop.Poll(f.thread, out, 1)
		require.Equal(t, errcode.OK, code)
		total := uint64(0)
		type span struct{ from, to uint64 }
		var spans []span
		for _, e := range out[:n] {
			if e.Type == abi.EventMessage {
				total += e.Size
				spans = append(spans, span{uint64(e.Data), uint64(e.Data) + e.Size})
			}
		}
		for i, a := range spans {
			for _, b := range spans[:i] {
				require.False(t, a.from < b.to && b.from < a.to, "payloads overlap")
			}
		}
		most = max(most, total)
		f.dispatch(out[:n])
		for _, p := range probes {
			if len(p.data) < len(want) {
				return false
			}
		}
		return true
	})
	for _, p := range probes {
		assert.True(t, bytes.Equal(want, p.data))
	}
	assert.LessOrEqual(t, most, uint64(arenaSize))
}

// LOOP-2: only the next poll takes payloads away.
func TestRecordPayloadValid(t *testing.T) {
	f := newFixture(t, onPoll)
	p, peer := pair(f)
	other, _ := pair(f)
	u, to := udp(f)
	f.settle()
	write(t, peer, []byte("precious"))
	u.sendTo(to, []byte("datagram"))
	var records []abi.Event
	f.until("both", func() bool {
		f.mu.Unlock()
		defer f.mu.Lock()
		n, _ := f.loop.Poll(f.thread, f.out, 5)
		messages := 0
		for _, e := range f.out[:n] {
			if e.Type == abi.EventMessage {
				messages++
			}
		}
		if messages == 2 {
			records = append(records, f.out[:n]...)
			return true
		}
		f.dispatch(f.out[:n])
		write(t, peer, []byte("precious"))
		u.sendTo(to, []byte("datagram"))
		return false
	})
	write(t, peer, pattern(5000))
	p.send(pattern(5000))
	other.release()
	p.s.Flush()
	u.abort()
	f.loop.Flush()
	p.release()
	for _, e := range records {
		switch {
		case e.Type != abi.EventMessage:
		case e.Socket == p.s.Handle():
			assert.Equal(t, "precious", string(bytesAt(e.Data, e.Size))[:8])
			assert.Equal(t, "127.0.0.1", textAt(e.Remote.Address))
		default:
			assert.Equal(t, "datagram", string(bytesAt(e.Data, e.Size)))
		}
	}
	f.dispatch(records)
}

// LOOP-2: what a closing socket reads and discards in the same poll leaves the records alone.
func TestRecordsOutliveADiscard(t *testing.T) {
	for first := range 2 {
		t.Run([]string{"behind the record", "before it"}[first], func(t *testing.T) {
			f := newFixture(t, onPoll)
			p, peer := pair(f)
			closing, other := pair(f)
			closing.set(abi.OptionCloseTimeout, maxTimeout)
			closing.close()
			f.settle()
			peers := []net.Conn{peer, other}
			text := []string{"precious", "discarded"}
			for i := range peers {
				at := (i + first) % 2
				write(t, peers[at], []byte(text[at]))
				require.True(t, pollable(t, f.loop))
			}
			f.until("received", func() bool { return p.data != nil })
			assert.Equal(t, "precious", string(p.data))
		})
	}
}

// Datagrams that do not fit in the host's array wait and keep their order.
func TestRecordDatagrams(t *testing.T) {
	f := newFixture(t, onPoll)
	f.out = f.out[:3]
	p, to := udp(f)
	require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 262144}))
	from, _ := udp(f)
	for i := range 60 {
		from.sendTo(to, []byte(fmt.Sprint(i)))
	}
	f.until("arrived", func() bool { return len(p.packets) == 60 })
	for i, b := range p.packets {
		assert.Equal(t, fmt.Sprint(i), string(b))
	}
}

// LOOP-3
func TestRecordNoneAfterClose(t *testing.T) {
	for i, end := range []func(p *probe){
		func(p *probe) { p.close() }, func(p *probe) { p.abort() }, func(p *probe) { p.release() },
		func(p *probe) { p.s.Pause() }, func(p *probe) { p.s.Subscribe(0, 0) },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t, onPoll)
			p, peer := pair(f)
			f.settle()
			write(t, peer, pattern(100))
			end(p)
			for range 10 {
				f.turn(1)
			}
			assert.Empty(t, p.data, "%d", i)
			p.released = true
			p.s.Release()
		})
	}
}

// LOOP-5
func TestRecordLoopClose(t *testing.T) {
	f := newFixture(t, onPoll)
	f.out = f.out[:1]
	p, _ := pair(f)
	sent := p.send(pattern(20 << 20))
	closed := p.close()
	l := f.loop
	f.end()
	assert.Equal(t, -int32(errcode.Canceled), sent.err)
	assert.Equal(t, 1, closed.ran)
	assert.Equal(t, []string{"connect", "close"}, p.log)
	for _, code := range []errcode.Code{l.Close(f.thread), l.Flush()} {
		assert.Equal(t, errcode.BadFD, code, "of a loop that is gone")
	}
	_, code := l.Poll(f.thread, f.out, 0)
	assert.Equal(t, errcode.BadFD, code)
}

// A second close drops what is left.
func TestRecordLoopClosedTwice(t *testing.T) {
	checkLeaks(t)
	l, code := NewLoop(abi.LoopRecords)
	require.Equal(t, errcode.OK, code)
	s, code := Construct(l, abi.KindUDP)
	require.Equal(t, errcode.OK, code)
	require.Equal(t, errcode.OK, s.Bind(literal(t, "127.0.0.1", 0)))
	require.Equal(t, errcode.OK, l.Close(1))
	assert.Nil(t, Lookup(s.Handle()))
	require.Equal(t, errcode.OK, l.Close(1))
	assert.Nil(t, LookupLoop(l.Handle()))
	assert.Equal(t, errcode.BadFD, l.Close(1))
}
