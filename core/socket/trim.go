package socket

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"ohsocket/core/handle"
	"ohsocket/core/tlsengine"
)

const (
	// burstCalm is how long after the sockets of a burst have gone that is done.
	burstCalm = time.Second
	// trimTries collections at most, each trimPause after the other, are made for the free pages of processors.
	trimTries = 8
	trimPause = 200 * time.Millisecond
)

// The library's heap is not profiled: there is no way to ask for it, and it costs memory.
func init() { runtime.MemProfileRate = 0 }

// unseen are the clients of TLS servers that have no handle, since their handshakes run: the most that strangers can
// have a server hold.
var unseen handle.Counter

// trimming: trim will run.
var trimming atomic.Bool

// trimLive is how many there were at the last look.
var trimLive atomic.Int64

// forget takes a socket's handle back. It reports whether that was still valid.
func (s *Socket) forget() bool {
	if !sockets.Remove(s.handle) {
		return false
	}
	trimSoon()
	return true
}

// trimSoon has trim run if a burst is over.
func trimSoon() {
	if burstOver() && trimming.CompareAndSwap(false, true) {
		trimLive.Store(living())
		time.AfterFunc(burstCalm, trim)
	}
}

func living() int64 { return sockets.Live() + unseen.Live() }

func burstOver() bool { return sockets.BurstOver() || unseen.BurstOver() }

// trim gives the memory of a burst of sockets back to the system. By itself the Go runtime keeps
// garbage until as much again has come, or for minutes if the process is quiet now; the allocator
// of C, from which OpenSSL has its memory, keeps what is free below the last block in use.
//
// It is done again a second later, for what the first time has freed but has left in the runtime's caches, and until few
// pages are free: a processor keeps up to half a MiB of them to itself, and a collection takes them away only from those
// that have nothing to do at that moment.
func trim() {
	if live := living(); live < trimLive.Swap(live) {
		time.AfterFunc(burstCalm, trim) // they are still going
		return
	}
	seen := sockets.Rebase()
	if !unseen.Rebase() && !seen {
		trimming.Store(false)
		return // they have come back
	}
	sockets.Shrink()
	debug.FreeOSMemory()
	tlsengine.Trim()
	time.AfterFunc(burstCalm, func() { giveBack(trimTries) })
}

func giveBack(tries int) {
	usePages()
	debug.FreeOSMemory()
	if tries > 1 && manyPagesFree() {
		time.AfterFunc(trimPause, func() { giveBack(tries - 1) })
		return
	}
	trimming.Store(false)
	trimSoon() // there may have been another burst
}

// pages keeps what usePages allocates on the heap.
var pages *[64][]byte

// usePages takes the free pages that the processor it runs on keeps, and leaves them to the next collection.
func usePages() {
	const pageSize = 8 << 10
	pages = new([64][]byte)
	for i := range pages {
		pages[i] = make([]byte, pageSize)
	}
	pages = nil
}

// manyPagesFree reports whether those that were not given back are many for the size of the heap.
func manyPagesFree() bool {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	return heap[0].Value.Uint64() > heap[1].Value.Uint64()/4
}
