package socket

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// failingClients connects so many clients to a TLS server, from many addresses, and waits until it
// has accepted them. fail has it refuse them all.
func failingClients(f *fixture, server *probe, count int) (from map[string]int, fail func()) {
	from = map[string]int{}
	var clients []net.Conn
	for i := range count {
		local := net.IPv4(127, 0, 1, byte(1+i%250))
		c, err := net.DialTCP("tcp4", &net.TCPAddr{IP: local}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: server.port()})
		require.NoError(f, err)
		f.Cleanup(func() { c.Close() })
		clients = append(clients, c)
		from[c.LocalAddr().String()] = 0
	}
	f.until("accepted", func() bool { return library.establishing.Live() == int64(count) })
	return from, func() {
		for _, c := range clients {
			write(f, c, []byte("this is not a hello\r\n\r\n"))
		}
	}
}

// reported notes that the failure of a client was reported, once and with its address.
func reported(f *fixture, from map[string]int, e *abi.Event) {
	address := fmt.Sprintf("%s:%d", textAt(e.Remote.Address), e.Remote.Port)
	times, known := from[address]
	assert.True(f, known, "%s is no client", address)
	assert.Zero(f, times, "the failure of %s was reported already", address)
	from[address]++
}

// senders have more waiting for a loop than a batch of records takes.
func senders(f *fixture, want []byte) []*probe {
	var probes []*probe
	var peers []net.Conn
	for range 4 * arenaSize / len(want) {
		p, peer := pair(f)
		probes, peers = append(probes, p), append(peers, peer)
	}
	for _, peer := range peers {
		go peer.Write(want)
	}
	require.True(f, eventually(patience, func() bool {
		arrived := 0
		for _, p := range probes {
			n, err := unix.IoctlGetInt(p.fd(), unix.TIOCINQ)
			require.NoError(f, err)
			arrived += n
		}
		return arrived > arenaSize+readSize
	}))
	return probes
}

// checkBatch looks at the addresses of a batch: all that records point to lies within the loop's
// memory, and no two of them share it.
func checkBatch(t require.TestingT, l *Loop, out []abi.Event) {
	low := buffer.Address(l.sink.discardBuffer()) + discardSize
	high := low + arenaSize + addressText
	type span struct{ from, to uintptr }
	var spans []span
	add := func(from, size uintptr) {
		if from != 0 {
			spans = append(spans, span{from, from + size})
		}
	}
	for i := range out {
		add(out[i].Data, uintptr(out[i].Size)*min(1, out[i].Data))
		add(out[i].Remote.Address, addressText)
	}
	for i, a := range spans {
		require.True(t, low <= a.from && a.to <= high, "%d bytes outside of the loop's memory", int(a.to)-int(high))
		for _, b := range spans[:i] {
			require.False(t, a.from < b.to && b.from < a.to, "records overlap")
		}
	}
}

// LOOP-10: many failing handshakes in a turn that fills the batch with payloads, whatever the room
// that the host has for records.
func TestRecordsOfManyFailures(t *testing.T) {
	for _, capacity := range []int{1, 7, 64, 4096} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			f := newFixture(t, onPoll)
			server := secured(f.socket(abi.KindTLSServer))
			require.Equal(t, errcode.OK, server.serve())
			closing, other := pair(f)
			closing.set(abi.OptionCloseTimeout, maxTimeout)
			from, fail := failingClients(f, server, 300)
			want := pattern(100_000)
			probes := senders(f, want)
			fail()
			closing.close()
			go other.Write(pattern(1 << 20)) // is discarded beside the records
			failures := 0
			server.when(abi.EventError, func(e *abi.Event) {
				failures++
				reported(f, from, e)
			})
			f.out = make([]abi.Event, capacity)
			f.until("received", func() bool {
				f.mu.Unlock()
				defer f.mu.Lock()
				n, code := f.loop.Poll(f.thread, f.out, 1)
				require.Equal(t, errcode.OK, code)
				checkBatch(t, f.loop, f.out[:n])
				f.dispatch(f.out[:n])
				for _, p := range probes {
					if len(p.data) < len(want) {
						return false
					}
				}
				return failures == len(from)
			})
			for _, p := range probes {
				assert.True(t, bytes.Equal(want, p.data))
			}
		})
	}
}

// LOOP-10: a record that waits for the next batch does not point into the memory of this one.
func TestRecordThatDidNotFitHasItsAddress(t *testing.T) {
	f := newFixture(t, onPoll)
	server := secured(f.socket(abi.KindTLSServer))
	require.Equal(t, errcode.OK, server.serve())
	p, peer := pair(f)
	p.when(abi.EventMessage, func(*abi.Event) { write(t, peer, pattern(50_000)) })
	f.settle()
	from, fail := failingClients(f, server, 20)
	fail()
	write(t, peer, pattern(50_000))
	f.out = f.out[:2]
	failures := 0
	server.when(abi.EventError, func(e *abi.Event) {
		failures++
		reported(f, from, e)
	})
	f.until("all failures", func() bool { return failures == len(from) })
}

// LOOP-10: a loop whose batch takes no more keeps the order of what comes later.
func TestRecordsThatDidNotFitKeepTheirOrder(t *testing.T) {
	f := newFixture(t, onPoll)
	from := literal(t, "127.0.0.1", 9)
	l := f.loop
	r := l.sink.(*recordSink)
	r.out = make([]abi.Event, 1<<15)
	made := 0
	for r.arena.Room() >= addressText {
		r.record(abi.Event{Type: abi.EventError, Size: uint64(made)}, from)
		made++
	}
	assert.False(t, l.hasRoom())
	for range 10 {
		r.record(abi.Event{Type: abi.EventError, Size: uint64(made)}, from)
		r.record(abi.Event{Type: abi.EventTimer, Size: uint64(made + 1)}, netaddr.Sockaddr{})
		made += 2
	}
	assert.Len(t, r.overflow, 20)
	assert.Panics(t, func() { r.record(abi.Event{Type: abi.EventMessage, Data: 1}, from) }, "a payload cannot wait")
	r.made--
	seen := 0
	for seen < made {
		for i := range r.out[:r.filled] {
			require.EqualValues(t, seen, r.out[i].Size)
			if r.out[i].Type == abi.EventError {
				require.Equal(t, "127.0.0.1", textAt(r.out[i].Remote.Address))
			}
			seen++
		}
		r.beginBatch(r.out[:3])
	}
	r.beginBatch(nil)
	r.returned = r.made
}
