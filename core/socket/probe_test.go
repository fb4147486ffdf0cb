package socket

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// A probe is a socket whose events are written down.
type probe struct {
	f    *fixture
	s    *Socket
	name string

	listener abi.Listener

	log      []string
	data     []byte   // messages of a stream
	packets  [][]byte // messages of a UDP socket
	senders  []string
	children []*probe
	on       map[abi.EventType]func(e *abi.Event)

	opened   int // periods begun, of which the connects of unopened sockets are not sure yet
	closes   int // close events
	released bool
	// cancelled: a close or abort has come during a connect, and has a close event
	cancelled bool
}

var eventNames = [...]string{abi.EventConnect: "connect", abi.EventMessage: "message", abi.EventEnd: "end",
	abi.EventDrain: "drain", abi.EventError: "error", abi.EventClose: "close", abi.EventListening: "listening"}

const allEvents = subscribable

// socket makes a probe that listens to everything.
func (f *fixture) socket(kind abi.Kind) *probe {
	f.Helper()
	p := f.deaf(kind)
	p.listen(allEvents)
	return p
}

// deaf makes a probe that listens to everything but messages and clients.
func (f *fixture) deaf(kind abi.Kind) *probe {
	f.Helper()
	s, code := Construct(f.loop, kind)
	require.Equal(f, errcode.OK, code)
	p := f.probe(s, fmt.Sprintf("%d", len(f.probes)))
	if f.quick {
		p.set(abi.OptionCloseTimeout, 100)
	}
	p.listen(allEvents &^ (1<<abi.EventMessage | 1<<abi.EventConnect))
	return p
}

func (f *fixture) probe(s *Socket, name string) *probe {
	p := &probe{f: f, s: s, name: name, on: map[abi.EventType]func(*abi.Event){}}
	p.listener = host.listener(p.event)
	f.mu.Lock()
	f.probes = append(f.probes, p)
	f.mu.Unlock()
	return p
}

// when sets the function that the listener of an event calls; events may come while it is set. The
// function of event 0 gets the messages of a server's clients.
func (p *probe) when(event abi.EventType, call func(*abi.Event)) {
	p.f.mu.Lock()
	p.on[event] = call
	p.f.mu.Unlock()
}

// listen has the events of a mask written down.
func (p *probe) listen(mask uint32) {
	l := p.listener
	if _, ok := p.s.loop.sink.(*recordSink); ok {
		require.Equal(p.f, errcode.OK, p.s.Subscribe(mask, l.UserData))
		return
	}
	for e := abi.EventConnect; e <= abi.EventListening; e++ {
		if mask&(1<<e) != 0 {
			require.Equal(p.f, errcode.OK, p.s.On(e, l))
		}
	}
}

// mute removes the listeners of messages and clients.
func (p *probe) mute() {
	if _, ok := p.s.loop.sink.(*recordSink); ok {
		p.listen(allEvents &^ (1<<abi.EventMessage | 1<<abi.EventConnect))
		return
	}
	p.s.Off(abi.EventMessage, abi.Listener{})
	p.s.Off(abi.EventConnect, abi.Listener{})
}

// event is the listener.
func (p *probe) event(e *abi.Event) {
	f := p.f
	entry := eventNames[e.Type]
	if e.Error != 0 {
		entry += fmt.Sprintf(" %d", -e.Error)
	}
	f.mu.Lock()
	switch e.Type {
	case abi.EventMessage:
		b := bytesAt(e.Data, e.Size)
		if p.s.kind().isDatagram() {
			p.packets = append(p.packets, b)
			p.senders = append(p.senders, fmt.Sprintf("%s %d", textAt(e.Remote.Address), e.Remote.Port))
		} else {
			p.data = append(p.data, b...)
		}
	case abi.EventClose:
		p.closes++
	}
	if e.Type != abi.EventMessage || len(p.log) == 0 || p.log[len(p.log)-1] != "message" {
		p.log = append(p.log, entry)
	}
	then, ofClients := p.on[e.Type], p.on[0]
	f.mu.Unlock()
	if e.Type == abi.EventConnect && e.Connection != 0 {
		c := f.probe(Lookup(e.Connection), p.name+"/"+fmt.Sprint(len(p.children)))
		f.mu.Lock()
		c.opened = 1
		p.children = append(p.children, c)
		f.mu.Unlock()
		if ofClients != nil {
			c.when(abi.EventMessage, ofClients)
		}
		c.listen(allEvents)
	}
	if then != nil {
		then(e)
	}
}

// check looks at the order of what was written down.
func (p *probe) check() {
	f := p.f
	if p.released {
		return
	}
	require.Equal(f, p.opened, p.closes, "close events of %s, but one for each open period\n%s", p.name, f.books())
	periods := strings.Split(strings.Join(p.log, ",")+",", "close")
	for i, text := range periods {
		period := strings.Split(strings.Trim(text, ","), ",")
		if !p.s.kind().isDatagram() && !p.s.kind().isServer() {
			requireOrder(f, period, i == len(periods)-1)
		}
	}
}

func requireOrder(f *fixture, period []string, last bool) {
	rank := map[string]int{"listening": 0, "connect": 1, "message": 2, "end": 3, "error": 4}
	seen := map[string]int{}
	at := 0
	for _, e := range period {
		e, _, _ = strings.Cut(strings.TrimSpace(e), " ")
		r, ranked := rank[e]
		if !ranked {
			continue
		}
		seen[e]++
		require.GreaterOrEqual(f, r, at, "%v", period)
		at = r
	}
	for _, e := range []string{"connect", "end", "error"} {
		require.LessOrEqual(f, seen[e], 1, "%v", period)
	}
}

func (p *probe) has(entry string) bool { return slices.Contains(p.log, entry) }

func (p *probe) closed() bool { return p.closes > 0 && p.closes == p.opened }

// begin books an operation; the completion is to be given to the call.
func (p *probe) begin(operation string) (*call, abi.Completion) {
	c := &call{operation: operation, probe: p, code: -1}
	p.f.mu.Lock()
	p.f.calls = append(p.f.calls, c)
	p.f.mu.Unlock()
	return c, host.completion(func(err int32) {
		p.f.mu.Lock()
		c.ran++
		c.err = err
		then := c.then
		p.f.mu.Unlock()
		if then != nil {
			then(err)
		}
	})
}

func (c *call) returned(code errcode.Code) *call {
	c.probe.f.mu.Lock()
	c.code = code
	c.probe.f.mu.Unlock()
	return c
}

func (p *probe) bind(text string, port int) errcode.Code {
	code := p.s.Bind(literal(p.f, text, port))
	p.openedBy(code)
	return code
}

func (p *probe) openedBy(code errcode.Code) {
	if code == errcode.OK {
		p.f.mu.Lock()
		p.opened++
		p.f.mu.Unlock()
	}
}

func (p *probe) serve() errcode.Code {
	code := p.s.Listen(literal(p.f, "127.0.0.1", 0), 0)
	p.openedBy(code)
	return code
}

func (p *probe) adopt(fd int) errcode.Code {
	code := p.s.Adopt(fd)
	p.openedBy(code)
	return code
}

func (p *probe) port() int {
	sa, code := p.s.LocalAddr()
	if code != errcode.OK {
		return 0
	}
	return sa.Port()
}

// connect books a connect. One on a socket that is not open opens it if it succeeds,
// or if a close has come in between.
func (p *probe) connect(to netaddr.Target, timeoutMs int32) *call {
	p.s.mu.Lock()
	fresh := p.s.state.isIdle()
	p.s.mu.Unlock()
	c, done := p.begin("connect")
	c.then = func(err int32) {
		p.f.mu.Lock()
		defer p.f.mu.Unlock()
		if fresh && (err == 0 || p.cancelled) {
			p.opened++
		}
		p.cancelled = false
	}
	return c.returned(p.s.Connect(to, timeoutMs, done))
}

func (p *probe) sendFrom(t abi.Thread, b []byte) *call {
	c, done := p.begin("send")
	data, size := numbers(b)
	return c.returned(p.s.Send(t, data, size, done))
}

func (p *probe) send(b []byte) *call { return p.sendFrom(p.f.here(), b) }

func (p *probe) sendTo(to netaddr.Sockaddr, b []byte) *call {
	c, done := p.begin("send_to")
	data, size := numbers(b)
	return c.returned(p.s.SendTo(p.f.here(), to, data, size, done))
}

func (p *probe) end() *call {
	c, done := p.begin("end")
	return c.returned(p.s.End(done))
}

func (p *probe) close() *call {
	c, done := p.begin("close")
	p.cancel(p.connecting()) // before the call: the loop may be faster than this thread
	return c.returned(p.s.Close(done))
}

func (p *probe) abort() errcode.Code {
	p.cancel(p.connecting())
	return p.s.Abort()
}

func (p *probe) connecting() bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.connectorLocked() != nil
}

func (p *probe) cancel(cancelled bool) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	p.cancelled = p.cancelled || cancelled
}

func (p *probe) release() errcode.Code {
	p.f.mu.Lock()
	p.released = true
	p.f.mu.Unlock()
	return p.s.Release()
}

func (p *probe) set(option abi.Option, value int64) {
	require.Equal(p.f, errcode.OK, p.s.SetOption(option, value))
}
