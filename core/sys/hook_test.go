package sys

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/netaddr"
)

func hooked(t *testing.T, h Hook) {
	SetHook(h)
	t.Cleanup(func() { SetHook(nil) })
}

func streams(t *testing.T) (a, b int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

// Every call can be made to fail, and is not made then; a close is made all the same.
func TestHookFails(t *testing.T) {
	sa, code := netaddr.ParseLiteral("127.0.0.1", 1, abi.FamilyUnspecified)
	require.Zero(t, code)
	var asked Op
	hooked(t, func(op Op, _ int) (unix.Errno, int) {
		asked = op
		return unix.EXDEV, 0
	})
	buffer := make([]byte, 8)
	iov := []unix.Iovec{{Base: &buffer[0], Len: 8}}
	pair := func(_ int, e unix.Errno) unix.Errno { return e }
	fails := map[Op]func() unix.Errno{
		OpSocket:         func() unix.Errno { return pair(Socket(unix.AF_INET, unix.SOCK_STREAM)) },
		OpBind:           func() unix.Errno { return Bind(-1, &sa) },
		OpListen:         func() unix.Errno { return Listen(-1, 1) },
		OpConnect:        func() unix.Errno { return Connect(-1, &sa) },
		OpAccept:         func() unix.Errno { _, _, e := Accept(-1); return e },
		OpRecv:           func() unix.Errno { return pair(Recv(-1, buffer[:8], 0)) },
		OpRecvMany:       func() unix.Errno { return pair(RecvMany(-1, nil)) },
		OpSend:           func() unix.Errno { return pair(Send(-1, buffer[:8])) },
		OpSendMany:       func() unix.Errno { return pair(SendMany(-1, nil)) },
		OpShutdown:       func() unix.Errno { return Shutdown(-1, 0) },
		OpClose:          func() unix.Errno { return Close(-1) },
		OpGetsockopt:     func() unix.Errno { return pair(GetInt(-1, 0, 0)) },
		OpSetsockopt:     func() unix.Errno { return SetInt(-1, 0, 0, 0) },
		OpGetsockname:    func() unix.Errno { _, e := LocalAddr(-1); return e },
		OpGetpeername:    func() unix.Errno { _, e := RemoteAddr(-1); return e },
		OpFcntl:          func() unix.Errno { return SetNonblockCloexec(-1) },
		OpEpollCreate:    func() unix.Errno { return pair(EpollCreate()) },
		OpEpollAdd:       func() unix.Errno { return EpollAdd(-1, -1, 0, 0) },
		OpEpollDelete:    func() unix.Errno { return EpollDelete(-1, -1) },
		OpEpollWait:      func() unix.Errno { return pair(EpollWait(-1, nil, 0)) },
		OpEventfd:        func() unix.Errno { return pair(Eventfd()) },
		OpTimerfdCreate:  func() unix.Errno { return pair(Timerfd()) },
		OpTimerfdSettime: func() unix.Errno { return SetTimerfd(-1, 1) },
		OpRead:           func() unix.Errno { return Drain(-1) },
		OpWrite:          func() unix.Errno { return Signal(-1) },
	}
	for op, call := range fails {
		assert.Equal(t, unix.EXDEV, call(), "%d", op)
		assert.Equal(t, op, asked)
	}
	for _, call := range []func() unix.Errno{
		func() unix.Errno { return pair(SendVector(-1, iov, 8)) },
		func() unix.Errno { return pair(SendPacket(-1, iov, nil)) },
		func() unix.Errno { return Disconnect(-1) },
		func() unix.Errno { return SetReset(-1) },
		func() unix.Errno { return SetTimeout(-1, unix.SO_RCVTIMEO, 1) },
	} {
		assert.Equal(t, unix.EXDEV, call())
	}
	assert.Nil(t, Map(4096))
	assert.Equal(t, OpMap, asked)

	fd, err := unix.Dup(0)
	require.NoError(t, err)
	assert.Equal(t, unix.EXDEV, Close(fd))
	_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	assert.Equal(t, unix.EBADF, err)
}

func TestHookLimits(t *testing.T) {
	a, b := streams(t)
	hooked(t, func(Op, int) (unix.Errno, int) { return 0, 3 })
	data := []byte("0123456789")
	n, e := Send(a, data)
	assert.Zero(t, e)
	assert.Equal(t, 3, n)
	iov := []unix.Iovec{{Base: &data[0], Len: 2}, {Base: &data[2], Len: 8}}
	n, e = SendVector(a, iov, 10)
	assert.Zero(t, e)
	assert.Equal(t, 2, n)
	assert.EqualValues(t, 2, iov[0].Len, "the caller's are not changed")
	buffer := make([]byte, 10)
	for _, want := range []string{"012", "01"} {
		n, e = Recv(b, buffer, 0)
		assert.Zero(t, e)
		assert.Equal(t, want, string(buffer[:n]))
	}
	n, e = Recv(b, buffer, 0)
	assert.Equal(t, unix.EAGAIN, e)
	assert.Equal(t, -1, n)
}

// PROC-2: no descriptor is handed on to other programs, and a closed pipe is no signal.
func TestDescriptors(t *testing.T) {
	for name, open := range map[string]func() (int, unix.Errno){
		"socket":  func() (int, unix.Errno) { return Socket(unix.AF_INET, unix.SOCK_STREAM) },
		"epoll":   EpollCreate,
		"eventfd": Eventfd,
		"timerfd": Timerfd,
	} {
		fd, e := open()
		require.Zero(t, e)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		assert.Equal(t, unix.FD_CLOEXEC, flags, name)
		if name != "epoll" {
			flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			require.NoError(t, err)
			assert.NotZero(t, flags&unix.O_NONBLOCK, name)
		}
		assert.Zero(t, Close(fd))
	}
	a, b := streams(t)
	require.NoError(t, unix.Shutdown(b, unix.SHUT_RD))
	data := []byte("x")
	_, e := Send(a, data)
	assert.Equal(t, unix.EPIPE, e)
	_, e = SendVector(a, []unix.Iovec{{Base: &data[0], Len: 1}, {Base: &data[0], Len: 1}}, 2)
	assert.Equal(t, unix.EPIPE, e)
}

func TestMap(t *testing.T) {
	b := Map(10_000)
	require.Len(t, b, 10_000)
	for i := range b {
		require.Zero(t, b[i])
		b[i] = 1
	}
	Unmap(b)
	assert.Nil(t, Map(1<<62))
}
