package socket

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// rawListener is a server of package net.
func rawListener(t testing.TB) (*net.TCPListener, int) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).Port
}

func rawAccept(t testing.TB, l *net.TCPListener) *net.TCPConn {
	require.NoError(t, l.SetDeadline(time.Now().Add(patience)))
	c, err := l.AcceptTCP()
	require.NoError(t, err)
	return rawConn(t, c)
}

func rawConn(t testing.TB, c *net.TCPConn) *net.TCPConn {
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

func rawDial(t testing.TB, port int) *net.TCPConn {
	c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	require.NoError(t, err)
	return rawConn(t, c)
}

func rawUDP(t testing.TB) (*net.UDPConn, int) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c, c.LocalAddr().(*net.UDPAddr).Port
}

// reset makes a raw peer send a reset.
func reset(t testing.TB, c *net.TCPConn) {
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
}

func readN(t testing.TB, r io.Reader, n int) []byte {
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	return b
}

func write(t testing.TB, w io.Writer, b []byte) {
	_, err := w.Write(b)
	require.NoError(t, err)
}

// urgent sends one byte out of band.
func urgent(t testing.TB, c *net.TCPConn, b byte) {
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, unix.Sendto(int(fd), []byte{b}, unix.MSG_OOB, &unix.SockaddrInet4{}))
	}))
}

// pattern is a stream of which every piece can be recognised.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16*29)
	}
	return b
}

// pair is a connected client and its raw peer.
func pair(f *fixture) (*probe, *net.TCPConn) { return connectTo(f, f.socket(abi.KindTCP)) }

func connectTo(f *fixture, p *probe) (*probe, *net.TCPConn) {
	l, port := rawListener(f)
	c := p.connect(target(f, "127.0.0.1", port), 0)
	require.Equal(f, errcode.OK, c.code)
	f.until("connected", c.ok)
	return p, rawAccept(f, l)
}

// served is a server with one accepted connection and the client's end of it.
func served(f *fixture) (server, connection *probe, peer *net.TCPConn) {
	server = f.socket(abi.KindTCPServer)
	require.Equal(f, errcode.OK, server.serve())
	peer = rawDial(f, server.port())
	f.until("accepted", func() bool { return len(server.children) == 1 })
	return server, server.children[0], peer
}

// udp is a bound UDP probe and its address.
func udp(f *fixture) (*probe, netaddr.Sockaddr) {
	p := f.socket(abi.KindUDP)
	require.Equal(f, errcode.OK, p.bind("127.0.0.1", 0))
	return p, literal(f, "127.0.0.1", p.port())
}

// stalled makes addresses of 127/8 on one port: of the first the backlog is full, so
// that it answers nobody; at the others listeners wait.
func stalled(t testing.TB, others ...string) (port int, listeners []*net.TCPListener) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}}))
	require.NoError(t, unix.Listen(fd, 0))
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	port = sa.(*unix.SockaddrInet4).Port
	for range 4 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		t.Cleanup(func() { unix.Close(c) })
		err = unix.Connect(c, sa)
		require.True(t, err == nil || err == unix.EINPROGRESS, "%v", err)
	}
	for _, text := range others {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.ParseIP(text), Port: port})
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		listeners = append(listeners, l)
	}
	return port, listeners
}
