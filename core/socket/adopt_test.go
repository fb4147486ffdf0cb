package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

func TestAdoptKinds(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		_, port := rawListener(t)
		server, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Bind(server, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
		require.NoError(t, unix.Listen(server, 5))
		client, bound, pipe := bareTCP(t, port), bareUDP(t, port), make([]int, 2)
		require.NoError(t, unix.Pipe2(pipe, unix.O_CLOEXEC))
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		for _, test := range []struct {
			kind abi.Kind
			fd   int
			want unix.Errno
		}{
			{abi.KindTCP, server, unix.EPROTOTYPE}, {abi.KindTCP, bound.fd, unix.EPROTOTYPE}, {abi.KindTCP, pipe[0], unix.ENOTSOCK},
			{abi.KindTCPServer, client.fd, unix.EPROTOTYPE}, {abi.KindTCPServer, pipe[0], unix.ENOTSOCK},
			{abi.KindUDP, client.fd, unix.EPROTOTYPE}, {abi.KindUDP, 1 << 20, unix.EBADF},
		} {
			p := f.socket(test.kind)
			assert.Equal(t, p.s.errnoCode(opSetup, test.want), p.s.Adopt(test.fd))
			_, err := unix.FcntlInt(uintptr(max(test.fd, 0)), unix.F_GETFD, 0)
			assert.Equal(t, test.want == unix.EBADF, err != nil, "the descriptor stays the caller's")
		}
		assert.Equal(t, errcode.Parameter, f.socket(abi.KindTCP).s.Adopt(-1))

		p := f.socket(abi.KindTCPServer)
		require.Equal(t, errcode.OK, p.adopt(server))
		assert.Equal(t, errcode.FromErrno(errcode.Server, unix.EINVAL), p.s.Adopt(server))
		rawDial(t, p.port())
		f.until("accepted", func() bool { return len(p.children) == 1 })
		assert.Equal(t, []string{"listening", "connect"}, p.log)
	})
}

// A loop that has ended takes no descriptor, and leaves it to the caller.
func TestAdoptOnLoopThatIsGone(t *testing.T) {
	checkLeaks(t)
	_, port := rawListener(t)
	client := bareTCP(t, port)
	l, code := NewLoop(abi.LoopCallbacks)
	require.Equal(t, errcode.OK, code)
	s, code := Construct(l, abi.KindTCP)
	require.Equal(t, errcode.OK, code)
	require.Equal(t, errcode.OK, l.Close(1))
	assert.Equal(t, errcode.BadFD, s.Adopt(client.fd))
	_, err := unix.FcntlInt(uintptr(client.fd), unix.F_GETFD, 0)
	assert.NoError(t, err)
	for _, code := range []errcode.Code{s.Bind(literal(t, "127.0.0.1", 0)), s.Connect(target(t, "127.0.0.1", port), 0, abi.Completion{})} {
		assert.Equal(t, errcode.BadFD, code)
	}
}
