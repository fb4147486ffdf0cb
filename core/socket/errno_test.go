package socket

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// ORDER-6, DONE-8: whatever accept(2) says, and goes on saying, a server does not spin, tells it,
// and either goes on when it has passed or ends.
func TestAcceptErrors(t *testing.T) {
	dead := map[unix.Errno]bool{unix.EINVAL: true, unix.EBADF: true, unix.ENOTSOCK: true, unix.EOPNOTSUPP: true, unix.ENOSYS: true, unix.EFAULT: true}
	for _, e := range []unix.Errno{
		unix.EINVAL, unix.EBADF, unix.ENOTSOCK, unix.EOPNOTSUPP, unix.ENOSYS, unix.EFAULT,
		unix.EPERM, unix.EACCES, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EIO, unix.ENOSPC,
		unix.ECONNABORTED, unix.ECONNRESET, unix.EPROTO, unix.ENOPROTOOPT, unix.ENETDOWN, unix.ENETUNREACH,
		unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENONET, unix.ETIMEDOUT, unix.EPIPE,
	} {
		for _, kind := range []abi.Kind{abi.KindTCPServer, abi.KindTLSServer} {
			t.Run(fmt.Sprint(int(e), " ", kind), func(t *testing.T) {
				f := newFixture(t, onRun)
				server := f.socket(kind)
				if kind == abi.KindTLSServer {
					secured(server)
				}
				require.Equal(t, errcode.OK, server.serve())
				var calls atomic.Int32
				setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
					if op == sys.OpAccept {
						calls.Add(1)
						return e, 0
					}
					return 0, 0
				})
				rawDial(t, server.port())
				want := fmt.Sprintf("error %d", errcode.FromErrno(errcode.Server, e))
				switch e {
				case unix.EINVAL, unix.EOPNOTSUPP, unix.ENOSYS:
					// DONE-8: the program has done nothing wrong.
					want = fmt.Sprintf("error %d", errcode.FromErrno(errcode.Server, unix.EIO))
				}
				if e == unix.EBADF {
					want = fmt.Sprintf("error %d", errcode.BadFD) // the same for all kinds
				}
				f.until("told", func() bool { return server.has(want) })
				start := time.Now()
				f.until("some time", func() bool { return time.Since(start) > 20*time.Millisecond })
				assert.LessOrEqual(t, calls.Load(), int32(2*acceptBudget), "it spins")
				sys.SetHook(nil)
				if dead[e] {
					f.until("closed", server.closed)
					return
				}
				assert.False(t, server.has("close"))
				f.until("goes on", func() bool { return kind == abi.KindTLSServer && server.shakesAny() || len(server.children) == 1 })
			})
		}
	}
}

// shakesAny reports whether a server has a client in its handshake.
func (p *probe) shakesAny() bool {
	p.s.accepts.mu.Lock()
	defer p.s.accepts.mu.Unlock()
	return len(p.s.accepts.unseen) > 0
}

// DONE-8: whatever errno a call on an open connection gives, no code blames the program.
func TestNoUsageErrorForWhatAPeerDoes(t *testing.T) {
	for _, op := range []sys.Op{sys.OpSend, sys.OpRecv, sys.OpShutdown} {
		for _, secure := range []bool{false, true} {
			for e := unix.Errno(1); e < 133; e++ {
				switch e {
				case unix.EAGAIN, unix.EINTR, unix.EBADF, unix.ENOTSOCK:
					continue
				}
				if c := errcode.FromErrno(errcode.Client, e); c.Category() != errcode.CategoryUsage {
					continue
				}
				t.Run(fmt.Sprint(op, " ", secure, " ", int(e)), func(t *testing.T) { noUsage(t, op, secure, e) })
			}
		}
	}
}

// DONE-8: nor does one that the kernel gives for the way to an address. What is wrong with the
// address itself is the program's.
func TestNoUsageErrorForARoute(t *testing.T) {
	for e := unix.Errno(1); e < 133; e++ {
		switch e {
		case unix.EBADF, unix.ENOTSOCK, unix.EAFNOSUPPORT, unix.EMSGSIZE, unix.EINPROGRESS:
			continue
		}
		if errcode.FromErrno(errcode.Client, e).Category() != errcode.CategoryUsage {
			continue
		}
		t.Run(fmt.Sprint(int(e)), func(t *testing.T) { noUsageForARoute(t, e) })
	}
}

func noUsageForARoute(t *testing.T, e unix.Errno) {
	f := newFixture(t, onRun)
	f.quick = true
	gone, to := udp(f)
	a, b, bound := f.socket(abi.KindUDP), f.socket(abi.KindUDP), f.socket(abi.KindUDP)
	require.Equal(t, errcode.OK, bound.bind("127.0.0.1", 0))
	c := a.connect(target(t, "127.0.0.1", to.Port()), 0)
	f.until("connected", c.ok)
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpConnect || op == sys.OpSend || op == sys.OpSendMany {
			return e, 0
		}
		return 0, 0
	})
	calls := []*call{
		a.send([]byte("x")),
		bound.sendTo(to, []byte("x")),
		b.connect(target(t, "127.0.0.1", to.Port()), 0),
		f.socket(abi.KindTCP).connect(target(t, "127.0.0.1", to.Port()), 0),
	}
	for _, c := range calls {
		f.until("failed", func() bool { return c.ran == 1 })
		code := errcode.Code(-c.err)
		assert.NotEqual(t, errcode.OK, code)
		assert.NotEqual(t, errcode.CategoryUsage, code.Category(), "%s: %d", c.operation, c.err)
	}
	sys.SetHook(nil)
	assert.Empty(t, gone.packets)
}

func noUsage(t *testing.T, op sys.Op, secure bool, e unix.Errno) {
	f := newFixture(t, onRun)
	f.quick = true
	p := f.socket(abi.KindTCP)
	port := echoing(f)
	if secure {
		p = secured(f.socket(abi.KindTLS))
		port = echoingTLS(f)
	}
	c := p.connect(target(f, "localhost", port), 0)
	f.until("connected", c.ok)
	f.settle()
	own := p.fd()
	setHook(t, func(o sys.Op, fd int) (unix.Errno, int) {
		if o == op && fd == own {
			return e, 0
		}
		return 0, 0
	})
	sent, ended := p.send([]byte("x")), p.end()
	f.settle()
	sys.SetHook(nil)
	if !p.closed() {
		p.close()
	}
	f.until("closed", p.closed)
	for _, c := range []*call{sent, ended} {
		assert.NotEqual(t, errcode.CategoryUsage, errcode.Code(-c.err).Category(), "%s: %d", c.operation, c.err)
	}
	for _, entry := range p.log {
		var code errcode.Code
		if _, text, ok := strings.Cut(entry, " "); ok {
			fmt.Sscan(text, &code)
		}
		assert.NotEqual(t, errcode.CategoryUsage, code.Category(), "%s", entry)
	}
}
