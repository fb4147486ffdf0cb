package socket

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// upgrade makes a TLS client of a connected one; a test that cannot have it fails.
func (p *probe) upgrade() *probe {
	s, code := ConstructOver(p.s)
	require.Equal(p.f, errcode.OK, code)
	p.f.mu.Lock()
	p.opened-- // without a close event
	p.log = nil
	p.f.mu.Unlock()
	over := p.f.probe(s, p.name+"/over")
	over.opened = 1
	over.listen(allEvents)
	return secured(over)
}

// shake makes the handshake of an upgraded probe; the time limit is longer than the test's
// patience.
func (p *probe) shake() *call {
	return p.connect(target(p.f, "127.0.0.1", 1), int32(4*patience.Milliseconds()))
}

// TLS-10: bytes that the loop's thread was reading when another thread made the upgrade are the
// TLS socket's, which takes them for what they are: no TLS.
func TestUpgradeDuringARead(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		f.settle()
		var over *probe
		taken := during(f, sys.OpRecv, p.fd(), func() { over = p.upgrade() })
		write(f, peer, []byte("no TLS"))
		f.until("upgraded", taken)
		c := over.shake()
		f.until("refused", c.over)
		assert.Equal(t, -int32(errcode.TLSSystemCall), c.err)
		f.until("closed", over.closed)
		assert.Empty(t, p.log)
		assert.Empty(t, p.data)
	})
}

// TLS-10, DONE-2: an error or an end that the loop's thread meets in that moment is the TLS
// socket's, and reported by its connect at once. The TCP socket can be opened again.
func TestUpgradeDuringAReadThatEnds(t *testing.T) {
	reset := -int32(errcode.FromErrno(errcode.Server, unix.ECONNRESET))
	for _, test := range []struct {
		name string
		e    unix.Errno
		want int32
	}{{"reset", unix.ECONNRESET, reset}, {"end", 0, -int32(errcode.TLSSystemCall)}} {
		t.Run(test.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				p, peer := pair(f)
				f.settle()
				var over *probe
				fd, taken := p.fd(), false
				setHook(t, func(op sys.Op, on int) (unix.Errno, int) {
					if op != sys.OpRecv || on != fd || taken {
						return 0, 0
					}
					over = p.upgrade()
					f.mu.Lock()
					taken = true
					f.mu.Unlock()
					return test.e, 0
				})
				if test.e == 0 {
					require.NoError(t, peer.CloseWrite())
				} else {
					write(f, peer, []byte("!"))
				}
				f.until("upgraded", func() bool { return taken })
				sys.SetHook(nil)
				c := over.shake()
				f.until("failed", c.over)
				assert.Equal(t, test.want, c.err)
				f.until("closed", over.closed)
				assert.Equal(t, errcode.Other, p.close().code, "not open")
				p.listen(allEvents)
				connectTo(f, p)
				closed := p.close()
				f.until("closed too", func() bool { return p.closed() && closed.ran == 1 })
				assert.Equal(t, []string{"connect", "close"}, p.log)
			})
		})
	}
}

// TLS-10: an end that the loop was told of before the upgrade, behind bytes that are too few for
// an answer, ends the handshake.
func TestEndBeforeAnUpgrade(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := connectTo(f, f.deaf(abi.KindTCP))
		write(f, peer, []byte{22, 3, 1})
		require.NoError(t, peer.CloseWrite())
		f.settle()
		over := p.upgrade()
		f.settle()
		c := over.shake()
		f.until("failed", c.over)
		assert.Equal(t, -int32(errcode.TLSSystemCall), c.err)
	})
}

// echoBare is a descriptor connected to a TLS server that sends everything back.
func echoBare(f *fixture) int {
	l, port := rawListener(f)
	takeRaw(l, func(raw net.Conn) {
		c := rawTLSServer(raw)
		defer c.Close()
		io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
	})
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(f, err)
	require.NoError(f, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
	return fd
}

// TLS-10, ORDER-3: the loop has seen none of the openings of the TCP socket when they are taken,
// one after the other. Each connection is one TLS socket's, which reports its own connect only.
func TestUpgradesThatTheLoopHasNotSeen(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p := f.socket(abi.KindTCP)
		var all []*probe
		for range 3 {
			require.Equal(t, errcode.OK, p.adopt(echoBare(f)))
			all = append(all, p.upgrade())
		}
		for _, over := range all {
			c := over.shake()
			text := over.name
			sent := over.send([]byte(text))
			f.until("echoed", func() bool { return c.over() && sent.over() && string(over.data) == text })
			over.close()
			f.until("closed", over.closed)
			assert.Equal(t, []string{"connect", "message"}, over.log[:2])
		}
	})
}

// ORDER-3, TLS-10: what the loop is told of a connection that was taken does not reach the next
// period of the TCP socket, whose first event is its own connect.
func TestOpenedAgainAfterAnUpgrade(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, old := pair(f)
		f.settle()
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		l, port := rawListener(f)
		require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
		write(f, rawAccept(f, l), []byte("new"))
		again := func() {
			write(f, old, []byte("old"))
			p.upgrade()
			require.Equal(t, errcode.OK, p.adopt(fd))
			p.listen(allEvents)
		}
		if f.venue == onThread {
			// Inside a callback, so that the loop sees all of it at once.
			require.Equal(t, errcode.OK, f.loop.Post(host.function(again)))
		} else {
			again()
		}
		f.until("heard", func() bool { return string(p.data) == "new" })
		f.mu.Lock()
		defer f.mu.Unlock()
		assert.Equal(t, []string{"connect", "message"}, p.log[:2])
	})
}
