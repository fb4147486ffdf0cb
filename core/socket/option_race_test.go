package socket

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// firstTime runs f inside the first call of an operation, whatever its descriptor, and lets it say
// how the call ends. No lock is held there.
func firstTime(t testing.TB, op sys.Op, f func() unix.Errno) {
	var begun atomic.Bool
	setHook(t, func(o sys.Op, _ int) (unix.Errno, int) {
		if o == op && begun.CompareAndSwap(false, true) {
			return f(), 0
		}
		return 0, 0
	})
}

// setMeanwhile sets on a socket what requireMeanwhile looks for.
func setMeanwhile(p *probe) unix.Errno {
	if !p.s.kind().isDatagram() {
		p.set(abi.OptionKeepAliveInterval, 9)
	}
	if bound, _, _ := p.s.State(); bound || p.connecting() {
		x := Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 40_000}
		require.Equal(p.f, errcode.OK, p.s.SetExtraOptions(x))
	}
	return 0
}

func requireMeanwhile(t *testing.T, p *probe) {
	t.Helper()
	if !p.s.kind().isDatagram() {
		assert.Equal(t, 9, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL))
	}
	if p.s.opts.extra.SetReceiveBufferSize {
		assert.Equal(t, 80_000, kernel(t, p, unix.SOL_SOCKET, unix.SO_RCVBUF), "twice, as socket(7) has it")
	}
}

// OPT-1: what is set while the connect goes on holds on the connection.
func TestOptionsDuringAConnect(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				l, port := rawListener(f)
				p := f.socket(abi.KindTCP)
				firstTime(t, sys.OpConnect, func() unix.Errno { return setMeanwhile(p) })
				c := p.connect(target(f, host, port), 0)
				f.until("connected", c.ok)
				rawAccept(f, l)
				requireMeanwhile(t, p)
			})
		})
	}
}

// OPT-1: the same on a UDP socket, while its peer's name is looked up.
func TestOptionsDuringALookUp(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		_, port := rawUDP(f)
		p := f.socket(abi.KindUDP)
		firstTime(t, sys.OpConnect, func() unix.Errno { return setMeanwhile(p) })
		c := p.connect(target(f, "localhost", port), 0)
		f.until("connected", c.ok)
		requireMeanwhile(t, p)
	})
}

// OPT-1: the same during a TLS handshake.
func TestOptionsDuringAHandshake(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(f)
		p := secured(f.socket(abi.KindTLS))
		c := p.connect(target(f, "127.0.0.1", port), 0)
		f.settle()
		peer := rawAccept(f, l)
		f.settle()
		setMeanwhile(p)
		shaken := make(chan error, 1)
		go func() { shaken <- rawTLSServer(peer).Handshake() }()
		f.until("connected", c.ok)
		require.NoError(t, <-shaken)
		requireMeanwhile(t, p)
	})
}

// OPT-1: a bound socket has another descriptor after a connect that failed; what was set while
// that one was made holds on it.
func TestOptionsDuringARebind(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		l, port := rawListener(f)
		l.Close()
		p := f.socket(abi.KindTCP)
		require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		firstTime(t, sys.OpBind, func() unix.Errno { return setMeanwhile(p) })
		c := p.connect(target(f, "127.0.0.1", port), 0)
		f.until("refused", c.failed)
		requireMeanwhile(t, p)
	})
}

// OPT-1: what is set while another thread opens the socket.
func TestOptionsDuringAnOpening(t *testing.T) {
	f := newFixture(t, onRun)
	for _, kind := range []abi.Kind{abi.KindTCP, abi.KindTCPServer} {
		p := f.socket(kind)
		firstTime(t, sys.OpBind, func() unix.Errno { return setMeanwhile(p) })
		if p.s.kind().isServer() {
			require.Equal(t, errcode.OK, p.serve())
		} else {
			require.Equal(t, errcode.OK, p.bind("127.0.0.1", 0))
		}
		requireMeanwhile(t, p)
	}
	_, port := rawListener(f)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
	p := f.socket(abi.KindTCP)
	p.set(abi.OptionKeepAliveIdle, 70)
	firstTime(t, sys.OpSetsockopt, func() unix.Errno { return setMeanwhile(p) })
	require.Equal(t, errcode.OK, p.adopt(fd))
	requireMeanwhile(t, p)
}

// OPT-2: of two threads that set an option at once the kernel has what the socket has.
func TestOptionsOfTwoThreads(t *testing.T) {
	f := newFixture(t, onRun)
	p, _ := pair(f)
	firstTime(t, sys.OpSetsockopt, func() unix.Errno {
		require.Equal(f, errcode.OK, p.s.SetExtraOptions(Extra{NoDelay: FlagOf(false)}))
		return 0
	})
	require.Equal(t, errcode.OK, p.s.SetExtraOptions(Extra{NoDelay: FlagOf(true)}))
	assert.Equal(t, p.s.opts.extra.NoDelay.value(), kernel(t, p, unix.IPPROTO_TCP, unix.TCP_NODELAY))
}

// OPT-3: clients that wait in the backlog, that are just being accepted, or whose TLS handshake
// runs when options are set on their server, have them when they are shown.
func TestOptionsOfAServerReachItsClients(t *testing.T) {
	set := func(server *probe) unix.Errno {
		server.set(abi.OptionIdleTimeout, 77_000)
		require.Equal(server.f, errcode.OK, server.s.SetExtraOptions(Extra{NoDelay: FlagOf(true)}))
		return 0
	}
	requireSet := func(t *testing.T, f *fixture, server *probe) {
		f.until("accepted", func() bool { return len(server.children) == 1 })
		c := server.children[0]
		assert.Equal(t, 1, kernel(t, c, unix.IPPROTO_TCP, unix.TCP_NODELAY))
		idle, _ := c.s.Option(abi.OptionIdleTimeout)
		assert.EqualValues(t, 77_000, idle)
	}
	for _, kind := range []abi.Kind{abi.KindTCPServer, abi.KindTLSServer} {
		name := map[abi.Kind]string{abi.KindTCPServer: "TCP ", abi.KindTLSServer: "TLS "}[kind]
		begin := func(f *fixture) *probe {
			server := f.socket(kind)
			if kind == abi.KindTLSServer {
				secured(server)
			}
			require.Equal(f, errcode.OK, server.serve())
			return server
		}
		dial := func(f *fixture, server *probe) {
			c := rawDial(f, server.port())
			if kind == abi.KindTLSServer {
				go rawTLSClient(c).Handshake()
			}
		}
		t.Run(name+"backlog", func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				server := begin(f)
				server.s.Pause()
				dial(f, server)
				set(server)
				server.s.Resume()
				requireSet(t, f, server)
			})
		})
		t.Run(name+"accept", func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				server := begin(f)
				f.settle()
				done := during(f, sys.OpAccept, server.fd(), func() { set(server) })
				dial(f, server)
				f.until("set", done)
				requireSet(t, f, server)
			})
		})
	}
	t.Run("TLS handshake", func(t *testing.T) {
		everywhere(t, func(t *testing.T, f *fixture) {
			server := secured(f.socket(abi.KindTLSServer))
			require.Equal(t, errcode.OK, server.serve())
			peer := rawDial(f, server.port())
			f.until("begun", func() (begun bool) {
				server.s.eachUnseen(func(*Socket) { begun = true })
				return begun
			})
			set(server)
			go rawTLSClient(peer).Handshake()
			requireSet(t, f, server)
		})
	})
}

// LIFE-9: a socket that is released while a call on another thread opens it gives its TLS options
// back, whether the call fails or not.
func TestReleasedWhileItIsOpened(t *testing.T) {
	f := newFixture(t, onRun)
	_, port := rawListener(f)
	contexts := func() int { n, _, _ := tlsengine.Live(); return n }
	before := contexts()
	open := map[string]func(p *probe) errcode.Code{
		"bind":   func(p *probe) errcode.Code { return p.bind("127.0.0.1", 0) },
		"listen": func(p *probe) errcode.Code { return p.serve() },
		"adopt":  func(p *probe) errcode.Code { return p.adopt(bareTCP(t, port).fd) },
	}
	for _, test := range []struct {
		name string
		kind abi.Kind
		op   sys.Op
	}{{"bind", abi.KindTLS, sys.OpBind}, {"listen", abi.KindTLSServer, sys.OpBind}, {"adopt", abi.KindTLS, sys.OpGetsockname}} {
		p := secured(f.socket(test.kind))
		require.Equal(t, before+1, contexts())
		firstTime(t, test.op, func() unix.Errno {
			require.Equal(f, errcode.OK, p.release())
			return unix.ENOBUFS
		})
		assert.NotEqual(t, errcode.OK, open[test.name](p), test.name)
		assert.Equal(t, before, contexts(), test.name)
	}
}

// LIFE-9, THREAD-1: the descriptor of a client whose loop has ended meanwhile is closed before
// anybody can find it by a handle.
func TestClientOfALoopThatEnds(t *testing.T) {
	f := newFixture(t, onRun)
	server := f.socket(abi.KindTCPServer)
	require.Equal(t, errcode.OK, server.serve())
	f.settle()
	ends := func(stopped bool) {
		f.loop.mu.Lock()
		f.loop.stopped.Store(stopped)
		f.loop.mu.Unlock()
	}
	accepted := during(f, sys.OpAccept, server.fd(), func() { ends(true) })
	given := library.sockets.Given()
	peer := rawDial(t, server.port())
	f.until("accepted", accepted)
	_, err := peer.Read(make([]byte, 1))
	assert.Error(t, err)
	assert.Equal(t, given, library.sockets.Given())
	ends(false)
}
