package goruntime

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWantProcs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	WantProcs(1)
	assert.Equal(t, 1+spareProcs, runtime.GOMAXPROCS(0))
	WantProcs(5)
	assert.Equal(t, 5+spareProcs, runtime.GOMAXPROCS(0))
	WantProcs(2)
	assert.Equal(t, 5+spareProcs, runtime.GOMAXPROCS(0), "never fewer")
}

// BOUND-7: garbage goes back to the system.
func TestGiveBack(t *testing.T) {
	released := func() uint64 { return read("/memory/classes/heap/released:bytes") }
	garbage := make([][]byte, 256)
	for i := range garbage {
		garbage[i] = make([]byte, 64<<10)
	}
	used, before := HeapBytes(), released()
	runtime.KeepAlive(garbage)
	GiveBack()
	for tries := 0; GiveBackMore() && tries < 8; tries++ {
	}
	assert.Less(t, HeapBytes()+8<<20, used)
	assert.Greater(t, released(), before+8<<20)
}
