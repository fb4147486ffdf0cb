package socket

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// listenAt makes listeners at addresses on one port.
func listenAt(t testing.TB, port int, texts ...string) (listeners []*net.TCPListener, used int) {
	for _, text := range texts {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(text), Port: port})
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		port = l.Addr().(*net.TCPAddr).Port
		listeners = append(listeners, l)
	}
	return listeners, port
}

// lateFamily has name servers that answer A at once, and AAAA when late is closed.
func lateFamily(t *testing.T, four, six string, late <-chan struct{}) {
	old := netaddr.Lookup
	netaddr.Lookup = func(ctx context.Context, network, _ string) ([]netip.Addr, error) {
		if network == "ip4" {
			return []netip.Addr{netip.MustParseAddr(four)}, nil
		}
		if network == "ip6" {
			select {
			case <-late:
				return []netip.Addr{netip.MustParseAddr(six)}, nil
			case <-ctx.Done():
			}
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	t.Cleanup(func() { netaddr.Lookup = old })
}

// ADDR-2: A comes, AAAA does not.
func TestConnectBeforeOtherFamily(t *testing.T) {
	lateFamily(t, "127.0.0.1", "::1", nil)
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		p := f.socket(abi.KindTCP)
		began := time.Now()
		c := p.connect(target(t, "host.example", port), 0)
		f.until("connected", c.ok)
		assert.Less(t, time.Since(began), time.Second)
		rawAccept(t, l)
	})
}

// ADDR-2: what comes later is tried too.
func TestConnectLaterFamily(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		late := make(chan struct{})
		lateFamily(t, "127.0.0.1", "::1", late)
		listeners, port := listenAt(t, 0, "::1")
		p := f.socket(abi.KindTCP)
		c := p.connect(target(t, "host.example", port), 0)
		for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
			f.turn(10) // it is refused at 127.0.0.1
		}
		assert.Zero(t, c.ran)
		close(late)
		f.until("connected", c.ok)
		rawAccept(t, listeners[0])
	})
}

// ADDR-4: a bound client tries one address after the other, each for its share of the time.
func TestConnectBoundInTurn(t *testing.T) {
	port, listeners := stalled(t, "127.0.0.3")
	resolved(t, "127.0.0.2", "127.0.0.2", "127.0.0.9", "127.0.0.3")
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		own := p.port()
		began := time.Now()
		c := p.connect(target(t, "host.example", port), 900)
		f.until("connected", c.ok)
		assert.GreaterOrEqual(t, time.Since(began), 290*time.Millisecond)
		assert.Less(t, time.Since(began), 600*time.Millisecond)
		assert.Equal(t, own, p.port())
		rawAccept(t, listeners[0])
	})
}

// ADDR-5: another address is tried when the handshake at the first fails or stalls.
func TestHandshakeOfNextAddress(t *testing.T) {
	for name, talk := range map[string]func(net.Conn){
		"garbage": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"end":     func(c net.Conn) {},
		"reset":   func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) },
		"silence": func(c net.Conn) { io.Copy(io.Discard, c) },
	} {
		for _, own := range []string{"", "127.0.0.1"} {
			t.Run(name+own, func(t *testing.T) {
				everywhere(t, func(t *testing.T, f *fixture) {
					port := echoingTLS(f)
					listeners, _ := listenAt(t, port, "127.0.0.2")
					takeRaw(listeners[0], talk)
					resolved(t, "127.0.0.2", "127.0.0.1")
					q := f.socket(abi.KindTLS)
					i := testIdentity()
					x, code := q.s.NewSecure(&tlsengine.Config{CA: [][]byte{i.certificate}, NoTickets: true}, "localhost", "test")
					require.Equal(t, errcode.OK, code)
					require.Equal(t, errcode.OK, q.s.SetSecure(x))
					if own != "" {
						require.Equal(t, errcode.OK, q.bind(own, 0))
					}
					c := q.connect(target(t, "localhost.example", port), 1000)
					s := q.send([]byte("hello"))
					f.until("connected and echoed", func() bool { return c.ok() && s.ok() && string(q.data) == "hello" })
				})
			})
		}
	}
}

// ADDR-5: when all fail, the error is that of the first handshake.
func TestHandshakeOfNoAddress(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(t)
		takeRaw(l, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		resolved(t, "127.0.0.1", "127.0.0.9")
		p := secured(f.socket(abi.KindTLS))
		c := p.connect(target(t, "localhost.example", port), 0)
		f.until("failed", func() bool { return c.ran == 1 })
		assert.Equal(t, -int32(errcode.TLSSystemCall), c.err)
		assert.Contains(t, p.s.ErrorDetail(), fmt.Sprintf("127.0.0.1:%d", port))
	})
}

// ADDR-5: a certificate that is refused is an answer; no other address is asked.
func TestHandshakeCertificate(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		port := echoingTLS(f)
		listeners, _ := listenAt(t, port, "127.0.0.2")
		resolved(t, "127.0.0.1", "127.0.0.2")
		p := secured(f.socket(abi.KindTLS))
		c := p.connect(target(t, "other.example", port), 0)
		f.until("failed", func() bool { return c.ran == 1 })
		assert.Equal(t, -int32(errcode.TLSCertificate), c.err)
		require.NoError(t, listeners[0].SetDeadline(time.Now().Add(10*time.Millisecond)))
		_, err := listeners[0].Accept()
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// ADDR-6: a client whose own port happens to be the one that it connects to is refused.
func TestConnectToItself(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "0.0.0.0", "::1"} {
		everywhere(t, func(t *testing.T, f *fixture) {
			host := text
			if host == "0.0.0.0" {
				host = "127.0.0.1"
			}
			listeners, port := listenAt(t, 0, host)
			listeners[0].Close()
			own := literal(t, host, port)
			setHook(t, func(op sys.Op, fd int) (unix.Errno, int) {
				if op == sys.OpConnect {
					unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(own.Pointer()), uintptr(own.Len()))
				}
				return 0, 0
			})
			p := f.socket(abi.KindTCP)
			c := p.connect(target(t, text, port), 0)
			f.until("refused", func() bool { return c.ran == 1 })
			assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.ECONNREFUSED)), c.err)
			sys.SetHook(nil)

			// The port is free again. One that was bound to it wants it.
			require.Equal(t, errcode.OK, p.bind(host, port))
			c = p.connect(target(t, text, port), 0)
			s := p.send([]byte("to me"))
			f.until("connected", func() bool { return c.ok() && s.ok() && string(p.data) == "to me" })
		})
	}
}

// ADDR-7: a client bound to :: reaches IPv4, by address and by name.
func TestConnectFromAny(t *testing.T) {
	resolved(t, "127.0.0.1")
	everywhere(t, func(t *testing.T, f *fixture) {
		for _, own := range []string{"::", "::ffff:127.0.0.1"} {
			for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "host.example", "localhost"} {
				l, port := rawListener(t)
				p := f.socket(abi.KindTCP)
				require.Equal(t, errcode.OK, p.bind(own, 0))
				c := p.connect(target(t, host, port), 0)
				f.until("connected", c.ok)
				rawAccept(t, l)
				remote, code := p.s.RemoteAddr()
				assert.Equal(t, errcode.OK, code)
				assert.Equal(t, literal(t, "::ffff:127.0.0.1", port), remote)
			}
		}
		l, port := rawListener(t)
		p := f.socket(abi.KindTCP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		c := p.connect(target(t, "::ffff:127.0.0.1", port), 0)
		f.until("connected", c.ok)
		rawAccept(t, l)
	})
}

// ADDR-7: of other families nothing is reached, and the detail says why.
func TestConnectOfOtherFamily(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		for own, host := range map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1", "::ffff:127.0.0.1": "::1"} {
			for _, kind := range []abi.Kind{abi.KindTCP, abi.KindUDP} {
				p := f.socket(kind)
				require.Equal(t, errcode.OK, p.bind(own, 0))
				c := p.connect(target(t, host, 9), 0)
				f.until("failed", func() bool { return c.ran == 1 })
				assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.EAFNOSUPPORT)), c.err)
				assert.Contains(t, p.s.ErrorDetail(), "another family")
			}
		}
	})
}

// ADDR-7: a UDP socket of IPv4 sends to the IPv4-mapped form of an address, one alone and many
// together.
func TestDatagramToMapped(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		a, to := udp(f)
		b, _ := udp(f)
		s := b.sendTo(to.Map(), []byte("one"))
		f.until("arrived", func() bool { return s.ok() && len(a.packets) == 1 })
		if f.venue == onPoll {
			return // functions that are posted there do not gather
		}
		require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
			for range packetBatch {
				b.sendTo(to.Map(), []byte("many"))
			}
		})))
		f.until("arrived", func() bool { return len(a.packets) == 1+packetBatch })
	})
}

// ADDR-1: the two ends of localhost meet.
func TestLocalhostOfUDP(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		for _, name := range []string{"localhost", "LocalHost", "localhost."} {
			a := f.socket(abi.KindUDP)
			require.Equal(t, errcode.OK, a.bind(name, 0))
			b := f.socket(abi.KindUDP)
			c := b.connect(target(t, name, a.port()), 0)
			s := b.send([]byte("hello"))
			f.until("arrived", func() bool { return c.ok() && s.ok() && len(a.packets) == 1 })
			d, _ := udp(f)
			d.sendTo(literal(t, name, a.port()), []byte("too"))
			f.until("arrived", func() bool { return len(a.packets) == 2 })
		}
	})
}

// ORDER-6, DATA-11, DONE-8: whatever ICMP says of an earlier datagram, the next is sent.
func TestDatagramNoticeOfAnyKind(t *testing.T) {
	for _, e := range []unix.Errno{unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.ENOPROTOOPT, unix.EPROTO, unix.EACCES, unix.EOPNOTSUPP} {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v %v", e, together), func(t *testing.T) { sendAfterICMP(t, e, together) })
		}
	}
}

func sendAfterICMP(t *testing.T, e unix.Errno, together bool) {
	f := newFixture(t, onRun)
	a := f.socket(abi.KindUDP)
	b, to := udp(f)
	c := a.connect(target(t, "127.0.0.1", to.Port()), 0)
	f.until("connected", c.ok)
	pending := true
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if (op == sys.OpSend || op == sys.OpSendMany) && pending {
			pending = false
			return e, 0
		}
		return 0, 0
	})
	var calls []*call
	count := 1
	if together {
		count = 3
		require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
			for range count {
				calls = append(calls, a.send([]byte("x")))
			}
		})))
	} else {
		calls = append(calls, a.send([]byte("x")))
	}
	f.until("arrived", func() bool { return len(b.packets) == count })
	f.settle()
	for _, c := range calls {
		assert.True(t, c.ok())
	}
	told := e
	switch e {
	case unix.ENOPROTOOPT: // DONE-8: the program has done nothing wrong
		told = unix.ECONNREFUSED
	case unix.EOPNOTSUPP:
		told = unix.EHOSTUNREACH
	}
	assert.Equal(t, []string{"connect", fmt.Sprintf("error %d", errcode.FromErrno(errcode.Client, told))}, a.log)
}
