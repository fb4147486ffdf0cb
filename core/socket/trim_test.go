package socket

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// empty gives back all that is kept.
func (p *blockPool) empty() { p.unmap(p.shrunk(0)) }

func (p *blockPool) shrunk(to int) *block {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shrink(to)
}

func (p *blockPool) keeps() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

// collections is how often the collector was made to run and give memory back.
func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

// BOUND-7: when most sockets of a burst have gone what they have left in Go's heap is
// collected, and again for what the runtime has cached, a few times at most. (That the process gets smaller is looked at by tests/soak/connections.c.)
func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	f := newFixture(t, onRun)
	var burst []*Socket
	for range 4 * burstSize {
		s, code := Construct(f.loop, KindTCP)
		require.Equal(t, errcode.OK, code)
		burst = append(burst, s)
	}
	before := collections()
	for _, s := range burst[:burstSize] {
		require.Equal(t, errcode.OK, s.Release())
	}
	assert.False(t, trimming.Load(), "most of them are still there")
	for _, s := range burst[burstSize:] {
		require.Equal(t, errcode.OK, s.Release())
	}
	burst = nil
	assert.True(t, trimming.Load())
	assert.True(t, eventually(patience, func() bool { return collections() >= before+2 && !trimming.Load() }))
	assert.LessOrEqual(t, collections(), before+1+trimTries)
	assert.False(t, burstOver(), "it was one burst")
}

// BOUND-7: free blocks are given back when nobody has used them for a while; those in use stay.
func TestFreeBlocksAreGivenBack(t *testing.T) {
	checkLeaks(t)
	for _, p := range []*blockPool{&smallBlocks, &largeBlocks} {
		p.empty()
		var blocks blockList
		for range 2 << 20 / p.size {
			blocks.push(p.get())
		}
		mapped := mappedBytes.Load()
		blocks.freeAll()
		assert.Greater(t, p.keeps(), 1<<20, "at first they are kept")
		assert.Equal(t, mapped, mappedBytes.Load())
		// Half of them are used all the time.
		busy := func() {
			for range 1 << 20 / p.size {
				blocks.push(p.get())
			}
			blocks.freeAll()
		}
		assert.True(t, eventually(patience, func() bool { busy(); return p.keeps() < 1<<20+2*spareBytes }))
		assert.GreaterOrEqual(t, p.keeps(), 1<<20-int(p.size))
		assert.True(t, eventually(patience, func() bool { return p.keeps() <= spareBytes }))
		assert.GreaterOrEqual(t, p.keeps(), spareBytes-int(p.size), "a few stay")
		assert.Less(t, mappedBytes.Load(), mapped-1<<20)
	}
}
