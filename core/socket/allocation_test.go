package socket

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// In the steady state nothing is allocated: neither per message nor per system call.

const roundSize = 64

// bare is a descriptor of the test's own, used without package net.
type bare struct {
	testing.TB
	fd     int
	buffer []byte
}

func bareTCP(t testing.TB, port int) *bare {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
	return &bare{t, fd, make([]byte, roundSize)}
}

func bareUDP(t testing.TB, port int) *bare {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
	return &bare{t, fd, make([]byte, roundSize)}
}

func (b *bare) write() {
	if n, err := unix.Write(b.fd, b.buffer); n != roundSize || err != nil {
		b.Fatal(n, err)
	}
}

// read reads one round; false if nothing has come.
func (b *bare) read() bool {
	n, err := unix.Read(b.fd, b.buffer)
	if n != roundSize || err != nil {
		b.Fatal(n, err)
	}
	return true
}

// requireNoAllocations runs rounds that are to allocate nothing. What other goroutines
// of the runtime allocate may fall into one measurement, not into all.
func requireNoAllocations(t *testing.T, round func()) {
	t.Helper()
	for range 200 {
		round()
	}
	least := 1.0
	for range 5 {
		if least = min(least, testing.AllocsPerRun(200, round)); least == 0 {
			return
		}
	}
	assert.Zero(t, least)
}

// allocationFixture has plain functions in the host, which allocate nothing.
func allocationFixture(t *testing.T, v venue, event func(*abi.Event), done func(int32)) (*fixture, abi.Listener, abi.Completion) {
	f := newFixture(t, v)
	return f, host.listener(event), host.completion(done)
}

func TestAllocationsOfCallbacks(t *testing.T) {
	var client *Socket
	var thread abi.Thread
	completed := 0
	var completion abi.Completion
	f, listener, completion2 := allocationFixture(t, onRun, func(e *abi.Event) {
		if client.Send(thread, e.Data, uintptr(e.Size), completion) != errcode.OK {
			panic("send")
		}
	}, func(int32) { completed++ })
	completion = completion2
	thread = f.thread
	server := f.deaf(abi.KindTCPServer)
	require.Equal(t, errcode.OK, server.serve())
	server.when(abi.EventConnect, func(e *abi.Event) {
		client = Lookup(e.Connection)
		client.Off(abi.EventMessage, abi.Listener{})
		client.On(abi.EventMessage, listener)
	})
	server.listen(allEvents)
	peer := bareTCP(t, server.port())
	f.until("accepted", func() bool { return client != nil })
	requireNoAllocations(t, func() {
		before := completed
		peer.write()
		for completed == before {
			f.loop.Run(thread, -1)
		}
		peer.read()
	})
}

func TestAllocationsOfRecords(t *testing.T) {
	f, _, completion := allocationFixture(t, onPoll, nil, func(int32) {})
	server := f.deaf(abi.KindTCPServer)
	require.Equal(t, errcode.OK, server.serve())
	server.listen(allEvents)
	peer := bareTCP(t, server.port())
	f.until("accepted", func() bool { return len(server.children) == 1 })
	f.settle()
	s := server.children[0].s
	out := f.out
	requireNoAllocations(t, func() {
		peer.write()
		for completed := false; !completed; {
			n, _ := f.loop.Poll(f.thread, out, -1)
			for i := range out[:n] {
				switch out[i].Type {
				case abi.EventMessage:
					s.Send(f.thread, out[i].Data, uintptr(out[i].Size), completion)
				case abi.EventCompletion:
					completed = true
				}
			}
			f.loop.Flush()
		}
		peer.read()
	})
}

func TestAllocationsOfForeignSend(t *testing.T) {
	var completed atomic.Int64
	f, _, completion := allocationFixture(t, onThread, nil, func(int32) { completed.Add(1) })
	server := f.deaf(abi.KindTCPServer)
	require.Equal(t, errcode.OK, server.serve())
	server.listen(allEvents)
	peer := bareTCP(t, server.port())
	f.until("accepted", func() bool { return len(server.children) == 1 })
	s := server.children[0].s
	data, size := numbers(make([]byte, roundSize))
	requireNoAllocations(t, func() {
		before := completed.Load()
		if s.Send(1, data, size, completion) != errcode.OK {
			t.Fatal("send")
		}
		peer.read()
		for completed.Load() == before {
			runtime.Gosched()
		}
	})
}

func TestAllocationsOfDatagrams(t *testing.T) {
	for _, gathered := range []bool{true, false} {
		var s *Socket
		var from abi.Thread
		completed := 0
		var completion abi.Completion
		f, listener, c := allocationFixture(t, onRun, func(e *abi.Event) {
			to := s.remoteOf(e)
			if s.SendTo(from, to, e.Data, uintptr(e.Size), completion) != errcode.OK {
				panic("send")
			}
		}, func(int32) { completed++ })
		completion = c
		if gathered {
			from = f.thread
		}
		p, to := udp(f)
		s = p.s
		s.Off(abi.EventMessage, abi.Listener{})
		s.On(abi.EventMessage, listener)
		peer := bareUDP(t, to.Port())
		requireNoAllocations(t, func() {
			before := completed
			peer.write()
			for completed == before {
				f.loop.Run(f.thread, -1)
			}
			peer.read()
		})
		f.end() // before the registry is emptied
	}
}

func TestAllocationsOfTimer(t *testing.T) {
	ran := 0
	f := newFixture(t, onRun)
	id, code := f.loop.SetTimer(0, 1, host.function(func() { ran++ }))
	require.Equal(t, errcode.OK, code)
	requireNoAllocations(t, func() {
		before := ran
		for ran == before {
			f.loop.Run(f.thread, int32(time.Second/time.Millisecond))
		}
	})
	require.Equal(t, errcode.OK, f.loop.ClearTimer(id))
}

// remoteOf is the sender of a datagram, without text: the only one there is.
func (s *Socket) remoteOf(e *abi.Event) netaddr.Sockaddr {
	return loopback.WithPort(int(e.Remote.Port))
}

var loopback, _ = netaddr.ParseLiteral("127.0.0.1", 1, abi.FamilyUnspecified)
