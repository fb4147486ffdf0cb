package socket

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// during runs f inside the first call of an operation on a descriptor: there a thread
// of the host may be doing anything, and no lock is held.
func during(t *fixture, op sys.Op, fd int, f func()) (done func() bool) {
	var begun, ended atomic.Bool
	setHook(t, func(o sys.Op, on int) (unix.Errno, int) {
		if o == op && on == fd && begun.CompareAndSwap(false, true) {
			f()
			ended.Store(true)
		}
		return 0, 0
	})
	return ended.Load
}

// DATA-5, LISTEN-3: bytes that were being read when another thread took the last
// listener away are not lost: its call counts as one that was running.
func TestLastListenerGoesDuringARead(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		f.settle()
		removed := during(f, sys.OpRecv, p.fd(), p.mute)
		write(f, peer, []byte("first "))
		f.until("removed", removed)
		f.until("the bytes that were being read", func() bool { return string(p.data) == "first " })
		write(f, peer, []byte("second"))
		f.settle()
		f.until("nobody listens", func() bool { return string(p.data) == "first " })
		p.listen(allEvents)
		f.until("all, in their order", func() bool { return string(p.data) == "first second" })
	})
}

// DATA-10: the same for datagrams.
func TestLastListenerGoesDuringAReadOfDatagrams(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, to := udp(f)
		peer, _ := rawUDP(f)
		f.settle()
		removed := during(f, sys.OpRecvMany, p.fd(), p.mute)
		at := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to.Port()}
		for _, text := range []string{"1", "2"} {
			_, err := peer.WriteToUDP([]byte(text), at)
			require.NoError(t, err)
		}
		f.until("removed", removed)
		p.listen(allEvents)
		f.until("both", func() bool { return len(p.packets) == 2 })
		f.until("in their order", func() bool { return string(p.packets[0])+string(p.packets[1]) == "12" })
	})
}

// DATA-9: a client that was being accepted when another thread took the last connect
// listener away has nobody who could close it: it is reset, and nothing of it is left.
func TestConnectListenerGoesDuringAnAccept(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		server := f.socket(abi.KindTCPServer)
		require.Equal(t, errcode.OK, server.serve())
		f.settle()
		before := library.sockets.Live()
		removed := during(f, sys.OpAccept, server.fd(), server.mute)
		// The reset may come before the dial has returned.
		peer, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: server.port()})
		f.until("removed", removed)
		f.until("the connection is gone", func() bool { return library.sockets.Live() == before && server.s.accepts.live.Load() == 0 })
		if err == nil {
			_, err = rawConn(f, peer).Read(make([]byte, 1))
		}
		assert.ErrorIs(t, err, unix.ECONNRESET)
		f.until("nobody was told", func() bool { return len(server.children) == 0 })

		waiting := rawDial(f, server.port())
		f.settle()
		f.until("nobody listens", func() bool { return len(server.children) == 0 })
		server.listen(allEvents)
		f.until("accepted", func() bool { return len(server.children) == 1 })
		write(f, waiting, []byte("hello"))
		f.until("heard", func() bool { return string(server.children[0].data) == "hello" })
	})
}
