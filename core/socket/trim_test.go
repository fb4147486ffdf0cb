package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// When most sockets of a burst have gone their memory goes too, free blocks included.
func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	f := newFixture(t, onRun)
	var blocks blockList
	for range 10 {
		blocks.push(smallBlocks.get())
		blocks.push(largeBlocks.get())
	}
	blocks.freeAll()
	before := ReadStats().BufferBytes
	var burst []*Socket
	for range 4 * burstSize {
		s, code := Construct(f.loop, KindTCP)
		require.Equal(t, errcode.OK, code)
		burst = append(burst, s)
	}
	peak := ReadStats().GoHeapBytes
	for _, s := range burst[:burstSize] {
		require.Equal(t, errcode.OK, s.Release())
	}
	assert.False(t, trimming.Load(), "most of them are still there")
	for _, s := range burst[burstSize:] {
		require.Equal(t, errcode.OK, s.Release())
	}
	burst = nil
	assert.True(t, trimming.Load())
	assert.Equal(t, before, ReadStats().BufferBytes, "not while they are going")
	assert.True(t, eventually(patience, func() bool {
		now := ReadStats()
		return now.BufferBytes+10*(smallBlock+largeBlock) <= before && now.GoHeapBytes < peak
	}))
	assert.False(t, burstOver(), "it was one burst")
}
