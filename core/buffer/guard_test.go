//go:build strict

package buffer

import (
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/sys"
)

// seen has the compiler not leave a read out.
var seen byte

// LOOP-10: in the strict build the first byte past the end of a mapping faults at once, and the
// page before it; what was given back is overwritten.
func TestGuardPages(t *testing.T) {
	checkLeaks(t)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, size := range []int{4096, 16, 65536 + 112, SmallBlock, LargeBlock} {
		b := Map(size)
		require.Len(t, b, size)
		first, last := unsafe.Pointer(&b[0]), unsafe.Pointer(&b[size-1])
		assert.NotPanics(t, func() { *(*byte)(first), *(*byte)(last) = 1, 1 })
		assert.Panics(t, func() { *(*byte)(unsafe.Add(last, 1)) = 1 }, "a write past the end of %d bytes", size)
		assert.Panics(t, func() { seen = *(*byte)(unsafe.Add(last, 4096)) }, "a read behind %d bytes", size)
		assert.Panics(t, func() { *(*byte)(unsafe.Add(first, -4096)) = 1 }, "a write before %d bytes", size)
		Unmap(b)
	}
	b := Map(16)
	*(*byte)(unsafe.Add(unsafe.Pointer(&b[0]), -1)) = 1
	assert.Panics(t, func() { Unmap(b) }, "a write between the first guard and the memory")
	*(*byte)(unsafe.Add(unsafe.Pointer(&b[0]), -1)) = 0
	mapped.Add(16)
	Unmap(b)
}

func TestForgottenMemoryIsOverwritten(t *testing.T) {
	a, _ := NewArena(4096)
	defer a.Free()
	b := a.Reserve(4)
	copy(b, "text")
	a.Reset()
	assert.Equal(t, "\xDB\xDB\xDB\xDB", string(b))
}

// LOOP-10: memory is given back once: the second time it may be somebody else's.
func TestUnmapTwice(t *testing.T) {
	m := sys.Map(4096)
	require.NotNil(t, m)
	sys.Unmap(m)
	assert.Panics(t, func() { sys.Unmap(m) })
	whole := sys.Map(8192)
	require.NotNil(t, whole)
	assert.Panics(t, func() { sys.Unmap(whole[:4096:4096]) }, "a part of it")
	sys.Unmap(whole)
}
