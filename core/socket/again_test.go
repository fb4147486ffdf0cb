package socket

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// After EAGAIN the library waits for the edge that the kernel owes: it comes when
// bytes arrive, or when there is room again. These tests show both sides of that: with
// the edge nothing is lost however often the kernel says EAGAIN; without it, which the
// kernel does not do, bytes wait for the next event of the socket, whatever that is,
// and a close bounds the wait.

var againOps = map[sys.Op]bool{sys.OpAccept: true, sys.OpRecv: true, sys.OpRecvMany: true, sys.OpSend: true, sys.OpSendMany: true}

// edge makes the kernel report what a socket's descriptor is ready for once more.
func (u *descriptorUsers) edge(fd int) {
	for _, s := range u.of(fd) {
		if s.token != 0 || s.shakes(fd) {
			tellAgain(s.loop.FD(), fd)
		}
	}
}

// tellAgain changes nothing of a descriptor in a set: the data are those that the kernel has.
func tellAgain(epfd, fd int) {
	info, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", epfd))
	for line := range strings.Lines(string(info)) {
		var tfd int
		var events uint32
		var data uint64
		if n, _ := fmt.Sscanf(line, "tfd: %d events: %x data: %x", &tfd, &events, &data); n == 3 && tfd == fd {
			ev := unix.EpollEvent{Events: reactor.Interest, Fd: int32(data), Pad: int32(data >> 32)}
			unix.EpollCtl(epfd, unix.EPOLL_CTL_MOD, fd, &ev)
		}
	}
}

func TestAgainWithAnEdge(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			var turn [sys.OpMap + 1]atomic.Int64
			var users descriptorUsers
			undisturbed(t, s, func(op sys.Op, fd int) (unix.Errno, int) {
				if againOps[op] && turn[op].Add(1)%2 == 1 {
					users.edge(fd)
					return unix.EAGAIN, 0
				}
				return 0, 0
			})
		})
	}
}

// again makes the first calls of an operation on a descriptor say EAGAIN, and reports
// when all have.
func again(f *fixture, op sys.Op, fd int, times int32) (said func() bool) {
	var calls atomic.Int32
	setHook(f, func(o sys.Op, on int) (unix.Errno, int) {
		if o == op && on == fd && calls.Add(1) <= times {
			return unix.EAGAIN, 0
		}
		return 0, 0
	})
	return func() bool { return calls.Load() >= times }
}

// sendCalls is the number of tries of a send before it waits.
const sendCalls = 1

func (p *probe) fd() int {
	fd, code := p.s.FD()
	require.Equal(p.f, errcode.OK, code)
	return fd
}

// DATA-5: bytes that were not read come with the next ones, in their order.
func TestRecvAgainWithoutAnEdge(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		f.settle()
		said := again(f, sys.OpRecv, p.fd(), 1)
		write(f, peer, []byte("first "))
		f.until("the kernel has said EAGAIN", said)
		f.settle()
		f.until("nothing is read", func() bool { return len(p.data) == 0 })
		write(f, peer, []byte("second"))
		f.until("all is there", func() bool { return string(p.data) == "first second" })
	})
}

// DATA-8: an end is not missed either.
func TestRecvAgainBeforeTheEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		f.settle()
		said := again(f, sys.OpRecv, p.fd(), 1)
		write(f, peer, []byte("last"))
		f.until("the kernel has said EAGAIN", said)
		peer.Close()
		f.until("closed", p.closed)
		assert.Equal(t, "last", string(p.data))
		assert.Equal(t, []string{"connect", "message", "end", "close"}, p.log)
	})
}

// Queued bytes go out with any event of the socket, here an arrival.
func TestSendAgainWithoutAnEdge(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		f.settle()
		said := again(f, sys.OpSend, p.fd(), sendCalls)
		sent := p.send([]byte("late"))
		f.until("the kernel has said EAGAIN", said)
		f.settle()
		assert.EqualValues(t, 4, p.s.QueueLength())
		write(f, peer, []byte("x"))
		f.until("sent", sent.ok)
		assert.Equal(t, "late", string(readN(f, peer, 4)))
	})
}

// DATA-2: and if there is none the close timeout bounds the wait; the bytes are not lost
// silently.
func TestSendAgainWithoutAnEdgeAndClose(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, _ := pair(f)
		p.set(abi.OptionCloseTimeout, 100)
		f.settle()
		said := again(f, sys.OpSend, p.fd(), sendCalls)
		start := time.Now()
		sent, closed := p.send([]byte("lost")), p.close()
		f.until("closed", func() bool { return closed.ran == 1 })
		require.True(t, said())
		assert.GreaterOrEqual(t, time.Since(start), 100*time.Millisecond)
		assert.Equal(t, -int32(errcode.TimedOut), sent.err)
		assert.Equal(t, -int32(errcode.TimedOut), closed.err)
	})
}

// A client that was not accepted is, with the next one.
func TestAcceptAgainWithoutAnEdge(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		server := f.socket(abi.KindTCPServer)
		require.Equal(t, errcode.OK, server.serve())
		f.settle()
		said := again(f, sys.OpAccept, server.fd(), 1)
		rawDial(f, server.port())
		f.until("the kernel has said EAGAIN", said)
		f.settle()
		f.until("nobody is accepted", func() bool { return len(server.children) == 0 })
		rawDial(f, server.port())
		f.until("both are accepted", func() bool { return len(server.children) == 2 })
	})
}
