package socket

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/tlsengine"
)

// A racer is a client that several threads use at once, with what it has been promised.
type racer struct {
	s        *Socket
	name     string
	connects atomic.Int64 // completions without an error
	closes   atomic.Int64 // close events
	promised atomic.Int64 // completions
	ran      atomic.Int64
	upgraded atomic.Bool
	released atomic.Bool
	open     bool // it was open from the start
	reopened bool // others could close it before its connect
}

// races is a loop that ends while threads use its sockets.
type races struct {
	f    *fixture
	loop *Loop
	port int // of raw peers that want TLS
	// servers accept until the loop ends.
	servers [2]*Socket
	slots   [8]atomic.Pointer[racer]

	mu  sync.Mutex
	all []*racer
}

func (x *races) racer(s *Socket, name string) *racer {
	r := &racer{s: s, name: name, open: name == "over"}
	l := host.listener(func(e *abi.Event) {
		if e.Type == abi.EventClose {
			r.closes.Add(1)
		}
	})
	if _, ok := s.loop.sink.(*recordSink); ok {
		s.Subscribe(allEvents, l.UserData)
	} else {
		for e := abi.EventConnect; e <= abi.EventListening; e++ {
			s.On(e, l)
		}
	}
	x.mu.Lock()
	x.all = append(x.all, r)
	x.mu.Unlock()
	return r
}

// call books a completion; begin is the call that is given it.
func (r *racer) call(then func(err int32), begin func(abi.Completion) errcode.Code) errcode.Code {
	r.promised.Add(1)
	code := begin(host.completion(func(err int32) {
		r.ran.Add(1)
		then(err)
	}))
	if code != errcode.OK {
		r.promised.Add(-1)
	}
	return code
}

func (r *racer) connect(to netaddr.Target) (connected chan bool) {
	connected = make(chan bool, 1)
	code := r.call(func(err int32) {
		if err == 0 {
			r.connects.Add(1)
		}
		connected <- err == 0
	}, func(done abi.Completion) errcode.Code { return r.s.Connect(to, 2000, done) })
	if code != errcode.OK {
		connected <- false
	}
	return connected
}

func (r *racer) release() {
	r.released.Store(true) // before: its close event may go either way
	r.s.Release()
}

// client lives the life of one socket, of which other threads know, too.
func (x *races) client(random *rand.Rand) bool {
	s, code := Construct(x.loop, abi.KindTCP)
	if code != errcode.OK {
		return false
	}
	s.SetOption(abi.OptionCloseTimeout, 20)
	tcp := x.racer(s, "tcp")
	slot := &x.slots[random.IntN(len(x.slots))]
	slot.Store(tcp)
	to := target(x.f, "127.0.0.1", x.port)
	if !<-tcp.connect(to) {
		tcp.release()
		return true
	}
	if over, code := ConstructOver(s); code == errcode.OK {
		tcp.upgraded.Store(true)
		r := x.racer(over, "over")
		if random.IntN(2) == 0 {
			// Others may abort it before the connect, which then opens it again.
			r.reopened = true
			slot.Store(r)
		}
		i := testIdentity()
		if secure, code := over.NewSecure(&tlsengine.Config{CA: [][]byte{i.certificate}, NoTickets: true}, "", "test"); code == errcode.OK {
			over.SetSecure(secure)
		}
		connected := r.connect(to)
		slot.Store(r)
		data, size := numbers([]byte("hello"))
		r.call(func(int32) {}, func(done abi.Completion) errcode.Code { return over.Send(0, data, size, done) })
		if random.IntN(2) == 0 {
			<-connected
		}
		x.finish(r, random)
		// The TCP socket is another one by now, or none.
		tcp.connect(to)
	}
	x.finish(tcp, random)
	return true
}

func (x *races) finish(r *racer, random *rand.Rand) {
	switch random.IntN(4) {
	case 0:
		r.release()
		return
	case 1:
		r.s.Abort()
	}
	r.call(func(int32) {}, func(done abi.Completion) errcode.Code { return r.s.Close(done) })
}

// meddle does to a socket of another thread what any thread may.
func (x *races) meddle(random *rand.Rand) {
	r := x.slots[random.IntN(len(x.slots))].Load()
	if r == nil {
		return
	}
	switch random.IntN(10) {
	case 0:
		r.s.SetExtraOptions(Extra{NoDelay: Flag(random.IntN(3) - 1), KeepAlive: Flag(random.IntN(3) - 1)})
	case 1:
		r.s.SetOption(abi.OptionKeepAliveIdle, int64(random.IntN(100)))
	case 2:
		r.s.SetOption(abi.OptionIdleTimeout, int64(1+random.IntN(100)))
	case 3:
		r.s.Pause()
	case 4:
		r.s.Resume()
	case 5:
		r.s.State()
		r.s.RemoteAddr()
		r.s.LocalAddr()
		r.s.ErrorDetail()
	case 6:
		r.s.Abort()
	case 7:
		r.release()
	case 8:
		data, size := numbers([]byte("meddling"))
		r.call(func(int32) {}, func(done abi.Completion) errcode.Code { return r.s.Send(0, data, size, done) })
	case 9:
		server := x.servers[random.IntN(len(x.servers))]
		server.SetExtraOptions(Extra{NoDelay: Flag(random.IntN(3) - 1)})
		// A handle that was guessed names a whole socket, or none.
		library.sockets.Each(func(s *Socket) {
			s.ClientID()
			if s.Handle() == 0 {
				panic("found without a handle")
			}
		})
	}
}

// peers takes clients, talks TLS to them, in which it is sometimes late, or does not talk at all.
func (x *races) peers(t *testing.T) {
	l, port := rawListener(t)
	x.port = port
	go func() {
		for {
			raw, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer raw.Close()
				raw.SetDeadline(time.Now().Add(time.Second))
				switch rand.IntN(6) {
				case 0:
					raw.SetLinger(0)
				case 1:
					raw.Write([]byte("no TLS"))
				case 2:
					raw.CloseWrite()
				default:
					c := rawTLSServer(raw)
					io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
				}
			}()
		}
	}()
}

// serve makes the two servers; clients of package net come and go.
func (x *races) serve(t *testing.T, stop <-chan struct{}, all *sync.WaitGroup) {
	for i, kind := range []abi.Kind{abi.KindTCPServer, abi.KindTLSServer} {
		p := x.f.socket(kind)
		if kind == abi.KindTLSServer {
			secured(p)
		}
		require.Equal(t, errcode.OK, p.serve())
		x.servers[i] = p.s
		port := p.port()
		all.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				raw, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
				if err != nil {
					return
				}
				raw.SetDeadline(time.Now().Add(time.Second))
				raw.SetLinger(0)
				if kind == abi.KindTLSServer {
					rawTLSClient(raw).Handshake()
				}
				raw.Close()
			}
		})
	}
}

// raceTime is the time for which each kind of loop is raced; OHSOCKET_RACE_TIME makes it longer.
func raceTime(t *testing.T) time.Duration {
	text := os.Getenv("OHSOCKET_RACE_TIME")
	if text == "" {
		return time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// THREAD-1, DONE-2, LIFE-4, TLS-10: upgrades, options, releases and the end of the loop on several
// threads at once. Each completion comes once, each period has one close event, nothing is left.
func TestRacesOfCallers(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		x := &races{f: f, loop: f.loop}
		x.peers(t)
		stop := make(chan struct{})
		var all sync.WaitGroup
		x.serve(t, stop, &all)
		for i := range uint64(3) {
			all.Go(func() {
				for random := rand.New(rand.NewPCG(i, 1)); x.client(random); {
				}
			})
			all.Go(func() {
				random, pace := rand.New(rand.NewPCG(i, 2)), time.NewTicker(100*time.Microsecond)
				defer pace.Stop()
				for {
					select {
					case <-stop:
						return
					case <-pace.C:
						x.meddle(random)
					}
				}
			})
		}
		for end := time.Now().Add(raceTime(t)); time.Now().Before(end); {
			f.turn(1)
		}
		f.end() // while they go on
		close(stop)
		all.Wait()
		x.check(t)
	})
}

func (x *races) check(t *testing.T) {
	upgrades := 0
	for _, r := range x.all {
		require.True(t, eventually(patience, func() bool { return r.ran.Load() == r.promised.Load() }), r.name)
		r.s.Release()
		if r.upgraded.Load() {
			upgrades++
		}
		if r.released.Load() || r.upgraded.Load() {
			continue // its listeners were removed at a moment that only the loop knows
		}
		closes := r.closes.Load()
		if r.reopened {
			assert.Contains(t, []int64{1, 2}, closes, r.name)
		} else if r.open || r.connects.Load() > 0 {
			assert.EqualValues(t, 1, closes, r.name)
		} else {
			assert.LessOrEqual(t, closes, int64(1), r.name)
		}
	}
	t.Logf("%d sockets, %d upgrades", len(x.all), upgrades)
}
