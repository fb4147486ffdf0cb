package buffer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/sys"
)

func buffersOf(parts ...[]byte) []abi.Buffer {
	var list []abi.Buffer
	for _, b := range parts {
		list = append(list, abi.Buffer{Data: Address(b), Size: uint64(len(b))})
	}
	return list
}

func TestCopyInNoMemory(t *testing.T) {
	checkLeaks(t)
	calls := 0
	sys.SetHook(func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpMap {
			if calls++; calls > 2 {
				return unix.ENOMEM, 0
			}
		}
		return 0, 0
	})
	// More than the pool can have kept.
	list, ok := CopyIn(buffersOf(make([]byte, 3*KeptBytes)), 3*KeptBytes)
	assert.False(t, ok)
	assert.Nil(t, list.First)
}

func TestSkip(t *testing.T) {
	parts := buffersOf([]byte("abc"), nil, []byte("defg"), []byte("h"))
	for n := range 9 {
		left := Skip(append([]abi.Buffer{}, parts...), n)
		total := 0
		for _, b := range left {
			if b.Size > 0 {
				total += int(b.Size)
			}
		}
		assert.Equal(t, 8-n, total)
	}
}
