package socket

import (
	"bytes"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

func TestBlockSizes(t *testing.T) {
	checkLeaks(t)
	for _, test := range []struct {
		size int
		want uint32
	}{{0, smallBlock}, {1, smallBlock}, {smallBlock - int(blockHeader), smallBlock},
		{smallBlock - int(blockHeader) + 1, largeBlock}, {packetRoom(maxPacket - 1), largeBlock}, {1 << 30, largeBlock}} {
		b := newBlock(test.size)
		require.NotNil(t, b)
		assert.Equal(t, test.want, b.size)
		assert.Zero(t, b.unsent())
		assert.Equal(t, int(test.want-blockHeader), b.room())
		b.free()
	}
	assert.LessOrEqual(t, packetRoom(maxPacket-1), int(largeBlock-blockHeader), "every datagram fits")
}

func TestBlockReuse(t *testing.T) {
	checkLeaks(t)
	b := newBlock(1)
	b.end += 100
	b.start += 50
	b.free()
	again := newBlock(1)
	assert.Same(t, b, again, "the last one given back is warm")
	assert.Zero(t, again.unsent())
	again.free()
}

func TestBlockPoolKeepsLittle(t *testing.T) {
	checkLeaks(t)
	var list blockList
	for range 3 * keptBytes / largeBlock {
		list.push(newBlock(largeBlock))
	}
	list.freeAll()
	largeBlocks.mu.Lock()
	defer largeBlocks.mu.Unlock()
	assert.LessOrEqual(t, largeBlocks.kept, keptBytes+largeBlock)
	count := 0
	for b := largeBlocks.free; b != nil; b = b.next {
		count++
	}
	assert.Equal(t, largeBlocks.kept, count*largeBlock)
}

func TestBlockNoMemory(t *testing.T) {
	checkLeaks(t)
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) { return unix.ENOMEM, 0 })
	var list blockList
	for {
		b := newBlock(1)
		if b == nil {
			break
		}
		list.push(b)
	}
	list.freeAll()
}

func TestBlockConcurrency(t *testing.T) {
	checkLeaks(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 2000 {
				b := newBlock(n % 3 * smallBlock)
				mine := unsafe.Slice((*byte)(b.at(blockHeader)), 64)
				for j := range mine {
					mine[j] = byte(i)
				}
				if !bytes.Equal(mine, bytes.Repeat([]byte{byte(i)}, 64)) {
					t.Error("a block has two owners")
				}
				b.free()
			}
		})
	}
	all.Wait()
}

func TestBlockList(t *testing.T) {
	checkLeaks(t)
	blocks := make([]*block, 6)
	for i := range blocks {
		blocks[i] = newBlock(1)
	}
	var a, b, empty blockList
	a.push(blocks[2])
	a.push(blocks[3])
	b.push(blocks[0])
	b.push(blocks[1])
	a.pushFront(empty)
	a.pushFront(b)
	a.pushList(empty)
	var c blockList
	c.push(blocks[4])
	c.push(blocks[5])
	a.pushList(c)
	var d blockList
	d.pushFront(a)
	for i := range blocks {
		assert.Same(t, blocks[i], d.first)
		d.pop().free()
	}
	assert.Nil(t, d.first)
	assert.Nil(t, d.last())
}
