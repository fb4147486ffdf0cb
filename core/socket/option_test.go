package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

func TestOptionRanges(t *testing.T) {
	f := newFixture(t, onRun)
	for _, kind := range []abi.Kind{abi.KindTCP, abi.KindTCPServer, abi.KindUDP, abi.KindTLS, abi.KindTLSServer, abi.KindMulticast} {
		p := f.socket(kind)
		for o := abi.OptionSendQueueLimit; o <= abi.OptionMulticastInterface; o++ {
			before, code := p.s.Option(o)
			assert.Equal(t, errcode.OK, code)
			r := optionRows[o]
			for _, bad := range []int64{r.min - 1, r.max + 1, -1 << 63, 1<<63 - 1} {
				assert.Equal(t, errcode.Parameter, p.s.SetOption(o, bad))
			}
			after, _ := p.s.Option(o)
			assert.Equal(t, before, after)
			for _, good := range []int64{r.min, r.max, (r.min + r.max) / 2} {
				assert.Equal(t, errcode.OK, p.s.SetOption(o, good))
				after, _ = p.s.Option(o)
				assert.Equal(t, good, after)
			}
		}
		for _, o := range []abi.Option{-1, 0, abi.OptionMulticastInterface + 1, 1 << 30} {
			assert.Equal(t, errcode.Parameter, p.s.SetOption(o, 1))
			_, code := p.s.Option(o)
			assert.Equal(t, errcode.Parameter, code)
		}
	}
}

func TestOptionDefaults(t *testing.T) {
	f := newFixture(t, onRun)
	p := f.socket(abi.KindTCP)
	server := f.socket(abi.KindTCPServer)
	for o, want := range map[abi.Option]int64{abi.OptionSendQueueLimit: 16 << 20, abi.OptionCloseTimeout: 2000} {
		v, _ := p.s.Option(o)
		assert.Equal(t, want, v)
	}
	v, _ := p.s.Option(abi.OptionReuseAddress)
	assert.Zero(t, v)
	v, _ = server.s.Option(abi.OptionReuseAddress)
	assert.EqualValues(t, 1, v)
	p.set(abi.OptionIdleTimeout, 7)
	v, _ = server.s.Option(abi.OptionIdleTimeout)
	assert.Zero(t, v, "options are not shared")
}

func kernel(t *testing.T, p *probe, level, option int) int {
	fd, code := p.s.FD()
	require.Equal(t, errcode.OK, code)
	v, e := sys.GetInt(fd, level, option)
	require.Zero(t, e)
	return v
}

func TestOptionBeforeBind(t *testing.T) {
	f := newFixture(t, onRun)
	for _, kind := range []abi.Kind{abi.KindTCP, abi.KindUDP} {
		p := f.socket(kind)
		p.set(abi.OptionReusePort, 1)
		p.set(abi.OptionReuseAddress, 1)
		p.set(abi.OptionIPv6Only, 1)
		p.set(abi.OptionKeepAliveIdle, 77)
		require.Equal(t, errcode.OK, p.bind("::1", 0))
		assert.Equal(t, 1, kernel(t, p, unix.SOL_SOCKET, unix.SO_REUSEPORT))
		assert.Equal(t, 1, kernel(t, p, unix.SOL_SOCKET, unix.SO_REUSEADDR))
		assert.Equal(t, 1, kernel(t, p, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))
		if kind == abi.KindTCP {
			assert.Equal(t, 77, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE))
			p.set(abi.OptionKeepAliveIdle, 78)
			assert.Equal(t, 78, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE))
			p.set(abi.OptionKeepAliveInterval, 9)
			p.set(abi.OptionKeepAliveCount, 3)
			assert.Equal(t, 9, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL))
			assert.Equal(t, 3, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_KEEPCNT))
		}
	}
}

// Options that were set stay over a close, and a server hands them on.
func TestOptionExtraKept(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		server, c, _ := served(f)
		x := Extra{NoDelay: FlagOf(true), KeepAlive: FlagOf(true)}
		require.Equal(t, errcode.OK, server.s.SetExtraOptions(x))
		assert.Equal(t, 1, kernel(t, c, unix.IPPROTO_TCP, unix.TCP_NODELAY))
		rawDial(t, server.port())
		f.until("accepted", func() bool { return len(server.children) == 2 })
		assert.Equal(t, 1, kernel(t, server.children[1], unix.IPPROTO_TCP, unix.TCP_NODELAY))
		assert.Equal(t, 1, kernel(t, server.children[1], unix.SOL_SOCKET, unix.SO_KEEPALIVE))

		p, _ := pair(f)
		require.Equal(t, errcode.OK, p.s.SetExtraOptions(x))
		p.abort()
		f.until("closed", p.closed)
		assert.Equal(t, errcode.BadFD, p.s.SetExtraOptions(x))
		p, _ = connectTo(f, p)
		assert.Equal(t, 1, kernel(t, p, unix.IPPROTO_TCP, unix.TCP_NODELAY))
	})
}

func TestOptionExtraOfOtherKind(t *testing.T) {
	f := newFixture(t, onRun)
	u, _ := udp(f)
	assert.Equal(t, errcode.Parameter, u.s.SetExtraOptions(Extra{NoDelay: FlagOf(true)}))
	assert.Equal(t, errcode.OK, u.s.SetExtraOptions(Extra{Broadcast: FlagOf(true)}))
	assert.Equal(t, 1, kernel(t, u, unix.SOL_SOCKET, unix.SO_BROADCAST))
	p, _ := pair(f)
	assert.Equal(t, errcode.Parameter, p.s.SetExtraOptions(Extra{Broadcast: FlagOf(true)}))
}

func TestExtraMerge(t *testing.T) {
	x := Extra{KeepAlive: FlagOf(true), SetSendBufferSize: true, SendBufferSize: 1, Linger: FlagOf(true), LingerMs: 5}
	x.merge(Extra{KeepAlive: FlagOf(false), NoDelay: FlagOf(true), SetReceiveBufferSize: true, ReceiveBufferSize: 2})
	assert.Equal(t, Extra{KeepAlive: FlagOf(false), NoDelay: FlagOf(true), SetSendBufferSize: true, SendBufferSize: 1,
		SetReceiveBufferSize: true, ReceiveBufferSize: 2, Linger: FlagOf(true), LingerMs: 5}, x)
	x.merge(Extra{Linger: FlagOf(false), SetSocketTimeout: true, SocketTimeoutMs: 9})
	assert.Equal(t, FlagOf(false), x.Linger)
	assert.Zero(t, x.LingerMs)
	assert.EqualValues(t, 9, x.SocketTimeoutMs)
}
