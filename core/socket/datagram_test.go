package socket

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// DATA-10
func TestDatagramSizes(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		a, _ := udp(f)
		b, to := udp(f)
		for _, n := range []int{0, 1, 1400, 9000, 65507} {
			b.packets = nil
			c := a.sendTo(to, pattern(n))
			f.until("arrived", func() bool { return len(b.packets) == 1 && c.ok() })
			assert.True(t, bytes.Equal(pattern(n), b.packets[0]))
			assert.Equal(t, fmt.Sprintf("127.0.0.1 %d", a.port()), b.senders[len(b.senders)-1])
		}
		for _, n := range []int{65508, maxPacket - 1, maxPacket, 1 << 20} {
			c := a.sendTo(to, pattern(n))
			f.until("failed", func() bool { return c.ran == 1 })
			assert.Equal(t, -int32(errcode.MessageSize), c.err)
		}
		assert.Equal(t, errcode.InvalidArgument, a.sendTo(to.WithPort(0), nil).code)
		assert.Equal(t, errcode.DestinationRequired, a.send(nil).code)
	})
}

// More than a system call takes, and more than a buffer of the kernel holds.
func TestDatagramBurst(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		a, _ := udp(f)
		b, to := udp(f)
		require.Equal(t, errcode.OK, b.s.SetExtraOptions(Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 262144}))
		const count = 3*packetBatch + 5
		for i := range count {
			a.sendTo(to, []byte(fmt.Sprint(i)))
		}
		f.until("arrived", func() bool { return len(b.packets) == count })
		for i, p := range b.packets {
			assert.Equal(t, fmt.Sprint(i), string(p))
		}
	})
}

// Gathered datagrams go out in order, and one that cannot be sent fails alone: DATA-11.
func TestDatagramGathered(t *testing.T) {
	for _, v := range []venue{onRun, onThread} {
		t.Run(v.String(), func(t *testing.T) {
			f := newFixture(t, v)
			a, from := udp(f)
			b, to := udp(f)
			var calls []*call
			send := func(to netaddr.Sockaddr, size int) {
				c, done := a.begin("send_to")
				data, n := numbers(pattern(size))
				c.returned(a.s.SendTo(Host.ThreadID(), to, data, n, done))
				f.mu.Lock()
				calls = append(calls, c)
				f.mu.Unlock()
			}
			sizes := []int{1, 65507, 65508, 2, maxPacket, 3, maxPacket + 1, maxPacket + 2, 4, 100_000}
			a.when(abi.EventMessage, func(*abi.Event) {
				for range 5 {
					for _, n := range sizes {
						send(to, n)
					}
					send(literal(t, "::1", 9), 5) // another family
				}
			})
			b.sendTo(from, []byte("go"))
			f.until("complete", func() bool {
				for _, c := range calls {
					if c.ran == 0 {
						return false
					}
				}
				return len(calls) == 5*(len(sizes)+1)
			})
			for i, c := range calls {
				n := 5
				if i%(len(sizes)+1) < len(sizes) {
					n = sizes[i%(len(sizes)+1)]
				}
				switch {
				case n == 5:
					assert.NotZero(t, c.err)
				case n > 65507:
					assert.Equal(t, -int32(errcode.MessageSize), c.err, "%d", n)
				default:
					assert.Zero(t, c.err, "%d", n)
				}
			}
		})
	}
}

// What an aborted period had refused does not hold up the completions of the next.
func TestDatagramRefusedThenAborted(t *testing.T) {
	f := newFixture(t, onRun)
	a, from := udp(f)
	b, to := udp(f)
	a.when(abi.EventMessage, func(*abi.Event) {
		a.sendTo(to, []byte("x"))
		a.sendTo(to, pattern(maxPacket))
		a.abort()
	})
	b.sendTo(from, []byte("go"))
	f.until("closed", a.closed)
	require.Equal(t, errcode.OK, a.bind("127.0.0.1", 0))
	var last *call
	a.when(abi.EventMessage, func(*abi.Event) {
		a.sendTo(to, []byte("x"))
		a.sendTo(to, pattern(maxPacket))
		last = a.sendTo(to, []byte("y"))
	})
	b.sendTo(from.WithPort(a.port()), []byte("go"))
	f.until("complete", func() bool { return last != nil && last.ran == 1 })
	assert.True(t, last.ok())
}

// ORDER-6: the receiver is not there; the socket goes on.
func TestDatagramNotice(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		peer, port := rawUDP(t)
		peer.Close()
		p := f.socket(abi.KindUDP)
		c := p.connect(target(t, "127.0.0.1", port), 0)
		f.until("connected", c.ok)
		refused := fmt.Sprintf("error %d", errcode.FromErrno(errcode.Client, unix.ECONNREFUSED))
		for range 3 {
			p.log = nil
			s := p.send([]byte("to nobody"))
			f.until("noticed", func() bool { return s.ok() && p.has(refused) })
		}
		back, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		require.NoError(t, err)
		defer back.Close()
		s := p.send([]byte("hello"))
		f.until("sent", s.ok)
		b := make([]byte, 10)
		n, from, err := back.ReadFromUDP(b)
		require.NoError(t, err)
		back.WriteToUDP(b[:n], from)
		f.until("answered", func() bool { return len(p.packets) == 1 })
	})
}

// The notice comes with the next send, which is sent all the same.
func TestDatagramNoticeOfSend(t *testing.T) {
	f := newFixture(t, onRun)
	peer, port := rawUDP(t)
	p := f.socket(abi.KindUDP)
	c := p.connect(target(t, "127.0.0.1", port), 0)
	f.until("connected", c.ok)
	first := true
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSend && first {
			first = false
			return unix.ECONNREFUSED, 0
		}
		return 0, 0
	})
	s := p.send([]byte("hello"))
	f.until("sent", s.ok)
	b := make([]byte, 10)
	n, _, err := peer.ReadFromUDP(b)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(b[:n]))
	assert.Equal(t, []string{"connect", "error 2301111"}, p.log)
}

// DATA-10, LOOP-3: a pause in the middle of a batch: the rest of it comes after the resume.
func TestDatagramPauseInBatch(t *testing.T) {
	f := newFixture(t, onRun)
	p, to := udp(f)
	from, _ := udp(f)
	p.when(abi.EventMessage, func(*abi.Event) { p.s.Pause() })
	const count = 2*packetBatch + 3
	for i := range count {
		from.sendTo(to, []byte{byte(i)})
	}
	for i := range count {
		f.until("one", func() bool { return len(p.packets) == i+1 })
		f.settle()
		require.Len(t, p.packets, i+1, "paused")
		p.s.Resume()
	}
	for i, b := range p.packets {
		assert.Equal(t, []byte{byte(i)}, b)
	}
	// What was kept is given up with the period.
	for i := range count {
		from.sendTo(to, []byte{byte(i)})
	}
	f.until("one", func() bool { return len(p.packets) == count+1 })
	c := p.close()
	f.until("closed", c.ok)
}

// LISTEN-3 in the middle of a batch.
func TestDatagramOffInBatch(t *testing.T) {
	f := newFixture(t, onRun)
	p, to := udp(f)
	from, _ := udp(f)
	p.when(abi.EventMessage, func(*abi.Event) { p.mute() })
	for i := range 10 {
		from.sendTo(to, []byte{byte(i)})
	}
	for i := range 10 {
		f.until("one", func() bool { return len(p.packets) == i+1 })
		f.settle()
		require.Len(t, p.packets, i+1)
		p.listen(allEvents)
	}
}

// A close in the middle of a batch ends it: LOOP-3.
func TestDatagramCloseInBatch(t *testing.T) {
	for i, end := range []func(p *probe){
		func(p *probe) { p.close() },
		func(p *probe) { p.abort() },
		func(p *probe) { p.release() },
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t, onRun)
			p, to := udp(f)
			from, _ := udp(f)
			p.when(abi.EventMessage, func(*abi.Event) { end(p) })
			for i := range packetBatch {
				from.sendTo(to, []byte{byte(i)})
			}
			f.until("closed", func() bool { return f.loop.activeCount() == 1 })
			assert.Len(t, p.packets, 1)
		})
	}
}

// Nobody else's datagrams reach a connected socket, and SendTo may still go elsewhere.
func TestDatagramConnected(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		peer, port := rawUDP(t)
		other, to := udp(f)
		p := f.socket(abi.KindUDP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		own := literal(t, "127.0.0.1", p.port())
		c := p.connect(target(t, "localhost", port), 0)
		f.until("connected", c.ok)
		assert.Equal(t, own.Port(), p.port())
		other.sendTo(own, []byte("stranger"))
		s := p.sendTo(to, []byte("elsewhere"))
		f.until("sent", s.ok)
		f.until("arrived", func() bool { return len(other.packets) == 1 })
		peer.WriteToUDP([]byte("friend"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: own.Port()})
		f.until("heard", func() bool { return len(p.packets) > 0 })
		f.settle()
		assert.Equal(t, "friend", string(bytes.Join(p.packets, []byte(" "))))
		assert.Equal(t, []string{"listening", "connect", "message"}, p.log)
	})
}
