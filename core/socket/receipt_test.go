package socket

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/sys"
)

// ORDER-8: what another thread sends while the loop's thread is inside recv(2) goes to the
// kernel behind it; otherwise its answer could be what is being received.
func TestSendWhileReceiving(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		for _, kind := range []abi.Kind{abi.KindTCP, abi.KindUDP} {
			p, peer := rawPair(f, kind)
			watched := p.fd()
			var sent atomic.Pointer[call]
			var inTime, once atomic.Bool
			setHook(t, func(op sys.Op, fd int) (unix.Errno, int) {
				if (op == sys.OpRecv || op == sys.OpRecvMany) && fd == watched && !once.Swap(true) {
					sent.Store(p.sendFrom(0, []byte("question")))
					inTime.Store(unread(peer) > 0)
				}
				return 0, 0
			})
			write(t, peer, []byte("x"))
			f.until("received", func() bool { return p.has("message") && sent.Load() != nil })
			f.until("sent", func() bool { return sent.Load().ok() })
			require.False(t, inTime.Load(), "the kernel took it before the loop's thread had received")
			require.Equal(t, "question", string(readN(t, peer, 8)))
			sys.SetHook(nil)
		}
	})
}

// rawPair is a connected probe and its raw peer.
func rawPair(f *fixture, kind abi.Kind) (*probe, net.Conn) {
	if kind == abi.KindTCP {
		return pair(f)
	}
	p, address := udp(f)
	raw, port := rawUDP(f)
	c := p.connect(target(f, "127.0.0.1", port), 0)
	f.until("connected", c.ok)
	require.NoError(f, raw.Close())
	peer, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
		&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: address.Port()})
	require.NoError(f, err)
	f.Cleanup(func() { peer.Close() })
	return p, peer
}

// unread returns how many bytes the kernel holds for a raw peer.
func unread(c net.Conn) (n int) {
	raw, err := c.(interface {
		SyscallConn() (syscall.RawConn, error)
	}).SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	}
	return n
}

// ORDER-8: drain that has become due while the loop did something else.
func TestDrainBeforeAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.s.mu.Lock()
		p.s.queueWorkLocked(workDrain) // the loop does not know yet
		p.s.mu.Unlock()
		write(t, peer, []byte("x"))
		f.until("answered", func() bool { return p.has("message") })
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Equal(t, []string{"connect", "drain", "message"}, p.log)
	})
}
