// Package goruntime adjusts Go's runtime: how many processors its scheduler has, and when its heap
// gives memory back.
package goruntime

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The library's heap is not profiled: there is no way to ask for it, and it costs memory.
func init() { runtime.MemProfileRate = 0 }

// spareProcs are for threads of the host that call the library now and then: each keeps a
// processor.
const spareProcs = 3

// WantProcs sees to it that the scheduler has processors enough for a number of loops.
// While one is idle it leaves a loop that waits in the kernel alone; otherwise it takes the
// loop's processor away after 20 us, and gives it back through a futex, which a host with one
// core notices in every message.
func WantProcs(loops int) {
	if n := loops + spareProcs; runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
}

// GiveBack collects garbage and gives memory back to the system. By itself the runtime keeps
// garbage until as much again has come, or for minutes if the process is quiet now.
func GiveBack() { debug.FreeOSMemory() }

// GiveBackMore is GiveBack for what that has freed, but has left in the runtime's caches: a
// processor keeps up to half a MiB of free pages to itself, and a collection takes them away only
// from those that have nothing to do at that moment. It reports whether many pages are still free
// for the size of the heap, so that it is worth trying again later.
func GiveBackMore() bool {
	usePages()
	debug.FreeOSMemory()
	return read("/memory/classes/heap/free:bytes") > HeapBytes()/4
}

// HeapBytes returns the number of bytes of the heap that are in use. It does not stop the world.
func HeapBytes() uint64 { return read("/memory/classes/heap/objects:bytes") }

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// pages keeps what usePages allocates on the heap.
var pages *[64][]byte

// usePages takes the free pages that the processor it runs on keeps, and leaves them to the next
// collection.
func usePages() {
	const pageSize = 8 << 10
	pages = new([64][]byte)
	for i := range pages {
		pages[i] = make([]byte, pageSize)
	}
	pages = nil
}
