package socket

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// script turns bytes into calls on a few sockets of one loop, which also talk to each
// other.
type script struct {
	f     *fixture
	input []byte
	bytes []byte

	clients, servers, datagrams []*probe
	tlsClients, tlsServers      []*probe
}

func (x *script) next() byte {
	if len(x.input) == 0 {
		return 0
	}
	b := x.input[0]
	x.input = x.input[1:]
	return b
}

const (
	perKind     = 4
	scriptSteps = 24 // the last runs the loop
)

// pick chooses a socket; of a released one there is a successor.
func (x *script) pick(list *[]*probe, kind abi.Kind) *probe {
	i := int(x.next()) % perKind
	for len(*list) <= i {
		*list = append(*list, x.f.fresh(kind))
	}
	if (*list)[i].released {
		(*list)[i] = x.f.fresh(kind)
	}
	p := (*list)[i]
	p.set(abi.OptionCloseTimeout, 20)
	return p
}

// fresh is socket, with options for TLS.
func (f *fixture) fresh(kind abi.Kind) *probe {
	p := f.socket(kind)
	if p.s.kind().secure {
		secured(p)
	}
	return p
}

// client and server choose one of either layer.
func (x *script) client() *probe {
	if x.next()%2 == 0 {
		return x.pick(&x.tlsClients, abi.KindTLS)
	}
	return x.pick(&x.clients, abi.KindTCP)
}

func (x *script) server() *probe {
	if x.next()%2 == 0 {
		return x.pick(&x.tlsServers, abi.KindTLSServer)
	}
	return x.pick(&x.servers, abi.KindTCPServer)
}

// any chooses a socket of any kind, connections of servers too.
func (x *script) any() *probe {
	switch x.next() % 4 {
	case 0:
		return x.client()
	case 1:
		return x.server()
	case 2:
		return x.pick(&x.datagrams, abi.KindUDP)
	}
	s := x.server()
	if n := len(s.children); n > 0 {
		return s.children[int(x.next())%n]
	}
	return s
}

// target is the address of one of the script's own sockets, or nobody's.
func (x *script) target() netaddr.Target {
	p := x.server()
	if x.next()%4 == 0 {
		p = x.pick(&x.datagrams, abi.KindUDP)
	}
	port := p.port()
	if port == 0 {
		port = 1
	}
	host := "127.0.0.1"
	if x.next()%3 == 0 {
		host = "localhost"
	}
	return target(x.f, host, port)
}

func (x *script) data() []byte {
	sizes := [...]int{0, 1, 2, 100, 1400, smallSend, smallSend + 1, directSend - 1, directSend, 65507, 65508, gatherLimit, maxPacket, 200_000, 1 << 20}
	return x.bytes[:sizes[int(x.next())%len(sizes)]]
}

// thread is the loop's own for some calls, as if made in a callback.
func (x *script) thread() abi.Thread { return abi.Thread(x.next() % 2) }

// over makes a TLS client of a connected one.
func (x *script) over(p *probe) {
	s, code := ConstructOver(p.s)
	if code != errcode.OK {
		return
	}
	x.f.mu.Lock()
	p.opened-- // without a close event
	x.f.mu.Unlock()
	t := x.f.probe(s, p.name+"/over")
	t.opened = 1
	t.set(abi.OptionCloseTimeout, 20)
	t.listen(allEvents)
	x.tlsClients[int(x.next())%len(x.tlsClients)] = secured(t)
}

func (x *script) step() {
	switch x.next() % scriptSteps {
	case 0:
		p := x.client()
		p.bind("127.0.0.1", 0)
	case 1:
		p := x.pick(&x.datagrams, abi.KindUDP)
		p.bind("127.0.0.1", 0)
	case 2, 3:
		x.server().serve()
	case 4, 5:
		p := x.client()
		p.connect(x.target(), 200)
	case 6:
		p := x.pick(&x.datagrams, abi.KindUDP)
		p.connect(x.target(), 200)
	case 7, 8, 9:
		p := x.any()
		p.sendFrom(x.thread(), x.data())
	case 10:
		p := x.pick(&x.datagrams, abi.KindUDP)
		if to, ok := x.target().Literal(); ok {
			p.sendTo(to, x.data())
		}
	case 11:
		x.any().s.Pause()
	case 12:
		x.any().s.Resume()
	case 13:
		x.any().end()
	case 14:
		x.any().close()
	case 15:
		x.any().abort()
	case 16:
		p := x.any()
		if p.release() != errcode.OK && Lookup(p.s.Handle()) != nil {
			panic("a valid handle was not released")
		}
	case 17:
		p := x.any()
		if x.next()%2 == 0 {
			p.mute()
		} else if !p.released {
			p.listen(allEvents)
		}
	case 18:
		p := x.any()
		o := abi.Option(x.next()%10 + 1)
		r := optionRows[o]
		values := [...]int64{r.min, r.max, r.min - 1, r.max + 1, 1, 2, 100, 100_000}
		if o != abi.OptionCloseTimeout {
			p.s.SetOption(o, values[x.next()%8])
		}
	case 19:
		p := x.any()
		p.s.SetExtraOptions(Extra{NoDelay: Flag(x.next()%3) - 1, Linger: Flag(x.next()%3) - 1, LingerMs: int32(x.next()),
			SetSendBufferSize: x.next()%2 == 0, SendBufferSize: 32768 + int32(x.next())<<8})
	case 20:
		p := x.any()
		p.s.Flush()
		p.s.State()
		p.s.LocalAddr()
		p.s.RemoteAddr()
		p.s.ErrorDetail()
		if i, code := p.s.TLSInfo(); code == errcode.OK {
			p.s.CipherSuite(i)
		}
	case 21:
		x.over(x.pick(&x.clients, abi.KindTCP))
	case 22:
		if p := x.any(); !p.released && (p.s.kind().isSecureClient() || p.s.kind().isSecureServer()) {
			secured(p)
		}
	default:
		x.f.turn(int32(x.next() % 2))
	}
}

// inCallback makes events of the script's sockets take steps of it, too.
func (x *script) inCallback(p *probe) {
	for e := abi.EventConnect; e <= abi.EventListening; e++ {
		p.when(e, func(*abi.Event) {
			if len(x.input) > 0 && x.next()%4 == 0 && x.input0() {
				x.step()
			}
		})
	}
}

// input0 keeps callbacks from running the loop.
func (x *script) input0() bool { return len(x.input) > 0 && x.input[0]%scriptSteps != scriptSteps-1 }

func runScript(t *testing.T, v venue, input []byte) {
	f := newFixture(t, v)
	f.quick = true
	f.note = func() string { return fmt.Sprintf("%q\n", input) }
	if v == onRun {
		f.thread = 1
	}
	x := &script{f: f, input: input, bytes: pattern(1 << 20)}
	for _, kind := range []struct {
		kind abi.Kind
		list *[]*probe
	}{{abi.KindTCP, &x.clients}, {abi.KindTCPServer, &x.servers}, {abi.KindUDP, &x.datagrams}, {abi.KindTLS, &x.tlsClients}, {abi.KindTLSServer, &x.tlsServers}} {
		for range perKind / 2 {
			p := f.fresh(kind.kind)
			x.inCallback(p)
			*kind.list = append(*kind.list, p)
		}
	}
	for n := 0; len(x.input) > 0 && n < 300; n++ {
		x.step()
	}
	x.input = nil
	f.closeAll()
	require.Zero(t, queuedBytes())
}

func FuzzCalls(f *testing.F) {
	f.Add([]byte("\x02\x00\x04\x00\x00\x01\x01\x15\x01\x15\x01\x07\x00\x00\x00\x03\x15\x01\x15\x01\x0e\x00\x00"))
	f.Add([]byte("\x01\x00\x01\x01\x0a\x00\x01\x00\x01\x0c\x15\x01\x15\x01\x0f\x02\x00\x01\x00"))
	f.Add([]byte{2, 0, 4, 0, 0, 1, 1, 21, 1, 21, 1, 7, 0, 0, 1, 14, 13, 0, 0, 21, 1, 16, 3, 0, 0, 15, 0, 0, 21, 1})
	// TLS: listen, connect, send, close; and over a connection.
	f.Add([]byte{2, 0, 0, 5, 0, 0, 0, 0, 1, 0, 23, 1, 23, 1, 23, 1, 23, 1, 7, 0, 0, 0, 0, 9, 23, 1, 23, 1, 22, 0, 0, 0, 14, 0, 0, 0, 23, 1})
	f.Add([]byte{2, 1, 0, 5, 1, 0, 1, 0, 1, 0, 23, 1, 23, 1, 23, 1, 21, 0, 0, 5, 0, 0, 1, 0, 1, 0, 23, 1, 23, 1, 16, 0, 1, 0, 14, 0, 0, 0, 23, 1})
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 2000 {
			return
		}
		t.Run("run", func(t *testing.T) { runScript(t, onRun, input) })
		t.Run("poll", func(t *testing.T) { runScript(t, onPoll, input) })
	})
}
