package socket

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
)

func buffersOf(parts ...[]byte) []abi.Buffer {
	var list []abi.Buffer
	for _, b := range parts {
		data, size := numbers(b)
		list = append(list, abi.Buffer{Data: data, Size: uint64(size)})
	}
	return list
}

func TestPacketList(t *testing.T) {
	checkLeaks(t)
	var list, empty buffer.List
	to := literal(t, "127.0.0.1", 9)
	sizes := []int{0, 1, 7, 8, 9, 1400, 16000, 16384, 65507, maxPacket - 1, 3}
	for _, n := range sizes {
		b := pattern(n)
		require.True(t, pushPacket(&list, buffersOf(b[:n/2], b[n/2:]), n, to))
	}
	for _, n := range sizes {
		p, data := frontPacket(&list)
		require.NotNil(t, p)
		assert.EqualValues(t, n, p.size)
		assert.Equal(t, to, p.address)
		assert.Zero(t, buffer.Address(data)%8)
		assert.True(t, bytes.Equal(pattern(n), data))
		popPacket(&list, &empty)
	}
	p, _ := frontPacket(&list)
	assert.Nil(t, p)
	empty.FreeAll()
}
