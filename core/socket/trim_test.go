package socket

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/handle"
)

// collections counts how often the collector was made to run and give memory back.
func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

// BOUND-7: when most sockets of a burst have gone what they have left in Go's heap is
// collected, and again for what the runtime has cached, a few times at most. (That the process gets
// smaller is looked at by tests/soak/connections.c.)
func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	f := newFixture(t, onRun)
	var burst []*Socket
	for range 4 * handle.BurstSize {
		s, code := Construct(f.loop, abi.KindTCP)
		require.Equal(t, errcode.OK, code)
		burst = append(burst, s)
	}
	before := collections()
	for _, s := range burst[:handle.BurstSize] {
		require.Equal(t, errcode.OK, s.Release())
	}
	assert.False(t, library.trimming.Load(), "most of them are still there")
	for _, s := range burst[handle.BurstSize:] {
		require.Equal(t, errcode.OK, s.Release())
	}
	burst = nil
	assert.True(t, library.trimming.Load())
	assert.True(t, eventually(patience, func() bool { return collections() >= before+2 && !library.trimming.Load() }))
	assert.LessOrEqual(t, collections(), before+1+trimTries)
	assert.False(t, burstOver(), "it was one burst")
}
