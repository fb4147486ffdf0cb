package socket

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// answers replaces the name servers.
func answers(t *testing.T, f func(ctx context.Context) ([]netip.Addr, error)) {
	old := netaddr.Lookup
	netaddr.Lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) { return f(ctx) }
	t.Cleanup(func() { netaddr.Lookup = old })
}

func resolved(t *testing.T, texts ...string) {
	answers(t, func(context.Context) ([]netip.Addr, error) {
		var list []netip.Addr
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list, nil
	})
}

func TestConnectRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		l, port := rawListener(t)
		l.Close()
		for range 3 {
			c := p.connect(target(t, "127.0.0.1", port), 0)
			s, e := p.send([]byte("never")), p.end()
			f.until("refused", func() bool { return c.over() && s.over() && e.over() })
			for _, x := range []*call{c, s, e} {
				if f.venue == onThread && x.code != errcode.OK {
					continue // it was refused before this call
				}
				assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.ECONNREFUSED)), x.err)
			}
		}
		assert.Empty(t, p.log)
		connectTo(f, p)
	})
}

// The first address is dead: the next is tried at once.
func TestConnectSecondAddress(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		resolved(t, "127.0.0.7", "127.0.0.8", "127.0.0.1")
		p := f.socket(abi.KindTCP)
		start := time.Now()
		c := p.connect(target(t, "host.example", port), 0)
		s := p.send([]byte("hello"))
		f.until("connected", func() bool { return c.ok() && s.ok() })
		assert.Less(t, time.Since(start), 200*time.Millisecond)
		assert.Equal(t, "hello", string(readN(t, rawAccept(t, l), 5)))
		sa, code := p.s.RemoteAddr()
		assert.Equal(t, errcode.OK, code)
		assert.Equal(t, literal(t, "127.0.0.1", port), sa)
	})
}

// ADDR-4: a name server may give a thousand addresses. Those that refuse are tried one after the
// other, with no wait between them, and the last one has the connection.
func TestConnectThousandAddresses(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		list := make([]string, 0, 1000)
		for i := range cap(list) - 1 {
			list = append(list, netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}).String())
		}
		resolved(t, append(list, "127.0.0.1")...)
		p := f.socket(abi.KindTCP)
		c := p.connect(target(t, "many.example", port), 0)
		s := p.send([]byte("hello"))
		f.until("connected", func() bool { return c.ok() && s.ok() })
		assert.Equal(t, "hello", string(readN(t, rawAccept(t, l), 5)))
		sa, code := p.s.RemoteAddr()
		assert.Equal(t, errcode.OK, code)
		assert.Equal(t, literal(t, "127.0.0.1", port), sa)
	})
}

// The first address answers nothing: the next is tried beside it after 250 ms.
func TestConnectBesideStalled(t *testing.T) {
	port, listeners := stalled(t, "127.0.0.3")
	resolved(t, "127.0.0.2", "127.0.0.3")
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		start := time.Now()
		c := p.connect(target(t, "host.example", port), 0)
		f.until("connected", c.ok)
		assert.GreaterOrEqual(t, time.Since(start), 240*time.Millisecond)
		assert.Less(t, time.Since(start), 900*time.Millisecond)
		peer := rawAccept(t, listeners[0])
		write(t, peer, []byte("x"))
		f.until("heard", func() bool { return len(p.data) == 1 })
		assert.Equal(t, 1, p.opened)
	})
}

// BOUND-6
func TestConnectTimeout(t *testing.T) {
	port, _ := stalled(t)
	resolved(t, "127.0.0.2", "127.0.0.2")
	everywhere(t, func(t *testing.T, f *fixture) {
		for _, host := range []string{"127.0.0.2", "host.example"} {
			p := f.socket(abi.KindTCP)
			start := time.Now()
			c := p.connect(target(t, host, port), 60)
			s := p.send([]byte("x"))
			f.until("given up", func() bool { return c.ran == 1 && s.ran == 1 })
			assert.GreaterOrEqual(t, time.Since(start), 60*time.Millisecond)
			assert.Equal(t, -int32(errcode.TimedOut), c.err)
			assert.Equal(t, -int32(errcode.TimedOut), s.err)
			assert.Empty(t, p.log)
		}
	})
}

// A bound socket keeps its port and its family.
func TestConnectBound(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		resolved(t, "::1", "127.0.0.7", "127.0.0.1")
		p := f.socket(abi.KindTCP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		own := p.port()
		dead := p.connect(target(t, "127.0.0.9", port), 0)
		f.until("refused", func() bool { return dead.ran == 1 })
		assert.Equal(t, own, p.port())
		bound, connected, _ := p.s.State()
		assert.True(t, bound)
		assert.False(t, connected)
		c := p.connect(target(t, "host.example", port), 0)
		f.until("connected", c.ok)
		assert.Equal(t, own, p.port())
		peer := rawAccept(t, l)
		assert.Equal(t, literal(t, "127.0.0.1", own).String(), peer.RemoteAddr().String())

		resolved(t, "::1")
		p = f.socket(abi.KindTCP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		c = p.connect(target(t, "host.example", port), 0)
		f.until("failed", func() bool { return c.ran == 1 })
		assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.EAFNOSUPPORT)), c.err)
	})
}

func TestConnectLookupFails(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		for _, test := range []struct {
			lookup func(context.Context) ([]netip.Addr, error)
			want   errcode.Code
		}{
			{func(context.Context) ([]netip.Addr, error) { return nil, errors.New("no such host") }, errcode.Resolve},
			{func(context.Context) ([]netip.Addr, error) { return nil, nil }, errcode.Resolve},
			{func(context.Context) ([]netip.Addr, error) { panic("resolver") }, errcode.Internal},
			{func(ctx context.Context) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }, errcode.TimedOut},
		} {
			answers(t, test.lookup)
			timeout := int32(patience / time.Millisecond)
			if test.want == errcode.TimedOut {
				timeout = 50
			}
			c := p.connect(target(t, "host.example", 80), timeout)
			f.until("failed", func() bool { return c.ran == 1 })
			assert.Equal(t, -int32(test.want), c.err)
		}
		assert.Empty(t, p.log)
	})
}

// ORDER-2: a close cancels the look-up, and the answer that comes later reaches nobody.
func TestConnectCancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		asked, answer := make(chan struct{}, 1), make(chan struct{})
		answers(t, func(ctx context.Context) ([]netip.Addr, error) {
			asked <- struct{}{}
			<-answer
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		})
		p := f.socket(abi.KindTCP)
		c := p.connect(target(t, "host.example", 80), 0)
		f.turn(0)
		<-asked
		assert.Equal(t, errcode.AlreadyInProgress, p.connect(target(t, "127.0.0.1", 80), 0).code)
		closed := p.close()
		f.until("closed", closed.ok)
		assert.Equal(t, -int32(errcode.Canceled), c.err)
		assert.Equal(t, []string{"close"}, p.log)
		close(answer)
		f.settle()
		connectTo(f, p)
	})
}

// ORDER-2: with sends queued a close waits for the connect, and all arrives.
func TestConnectSendClose(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		p := f.socket(abi.KindTCP)
		c, s, closed := p.connect(target(t, "localhost", port), 0), p.send([]byte("all")), p.close()
		go func() {
			if peer, err := l.AcceptTCP(); err == nil {
				b := make([]byte, 3)
				peer.Read(b)
				peer.Close()
			}
		}()
		f.until("closed", closed.ok)
		assert.True(t, c.ok() && s.ok())
		assert.Equal(t, []string{"connect", "close"}, p.log)
	})
}

func TestConnectAborted(t *testing.T) {
	port, _ := stalled(t)
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		c, s := p.connect(target(t, "127.0.0.2", port), 0), p.send([]byte("x"))
		f.turn(0)
		require.Equal(t, errcode.OK, p.abort())
		f.until("closed", p.closed)
		assert.Equal(t, -int32(errcode.Canceled), c.err)
		assert.Equal(t, -int32(errcode.Canceled), s.err)
	})
}

// A descriptor cannot be made for one address: the next is tried.
func TestConnectWithoutDescriptors(t *testing.T) {
	f := newFixture(t, onRun)
	_, port := rawListener(t)
	resolved(t, "127.0.0.1", "127.0.0.1", "127.0.0.9", "127.0.0.1")
	tries := 0
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSocket {
			if tries++; tries == 1 {
				return unix.EAFNOSUPPORT, 0
			}
		}
		return 0, 0
	})
	p := f.socket(abi.KindTCP)
	c := p.connect(target(t, "host.example", port), 0)
	f.until("failed", func() bool { return c.ran == 1 })
	assert.Equal(t, 2, tries)
	assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.ECONNREFUSED)), c.err)
}
