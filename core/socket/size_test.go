package socket

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// A Socket fills a size class of Go's allocator: one byte more costs sixteen.
func TestSocketSize(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(Socket{}), uintptr(192))
}

// heapBytes returns the number of bytes in use on the heap, without garbage.
func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // with what the first one has made ready to be freed
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An idle connection, with its places in all tables and listeners like the others', has 250
// bytes of heap: 192 for the socket, the rest for its places. The bound leaves room for
// chunks that are not full.
func TestMemoryOfAnIdleConnection(t *testing.T) {
	f := newFixture(t, onRun)
	const some, count = 20, 1020
	accepted, messages := 0, 0
	listener := host.listener(func(*abi.Event) { messages++ })
	server := f.deaf(abi.KindTCPServer)
	require.Equal(t, errcode.OK, server.serve())
	server.s.On(abi.EventConnect, host.listener(func(e *abi.Event) {
		c := Lookup(e.Connection)
		for _, event := range []abi.EventType{abi.EventMessage, abi.EventEnd, abi.EventError, abi.EventClose} {
			require.Equal(t, errcode.OK, c.On(event, listener))
		}
		accepted++
	}))
	connect := func(n int) {
		for range n {
			bareTCP(t, server.port()).write()
		}
	}
	heard := func(n int) func() bool { return func() bool { return accepted == n && messages == n } }
	connect(some)
	f.until("some are heard", heard(some))
	// What the test itself has for its peers is there before the library accepts them.
	server.s.Pause()
	connect(count - some)
	before := heapBytes()
	server.s.Resume()
	f.until("all are heard", heard(count))
	each := (heapBytes() - before) / (count - some)
	t.Logf("%d bytes", each)
	assert.LessOrEqual(t, each, int64(400))
}
