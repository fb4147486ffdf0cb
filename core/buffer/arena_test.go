package buffer

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestArenaRefuses(t *testing.T) {
	checkLeaks(t)
	a, ok := NewArena(4096)
	require.True(t, ok)
	defer a.Free()
	first := a.Reserve(13)
	require.Len(t, first, 13)
	assert.Equal(t, 13, cap(first), "nobody can append behind it")
	assert.Equal(t, 4096-16, a.Room(), "what comes next is aligned")
	assert.Nil(t, a.Reserve(4096-15))
	assert.Nil(t, a.Reserve(-1))
	assert.Len(t, a.Rest(100), 100)
	assert.Len(t, a.Rest(1<<30), 4096-16)
	assert.Empty(t, a.Rest(-1))
	rest := a.Reserve(4096 - 16)
	require.Len(t, rest, 4096-16)
	assert.Zero(t, Address(rest)%alignment)
	assert.Equal(t, Address(first)+16, Address(rest))
	assert.Nil(t, a.Reserve(1))
	assert.NotNil(t, a.Reserve(0))
	assert.Zero(t, a.Room())
	assert.Empty(t, a.Rest(1))
}

func TestArenaKeeps(t *testing.T) {
	checkLeaks(t)
	a, ok := NewArena(4096)
	require.True(t, ok)
	defer a.Free()
	kept := a.Reserve(8)
	copy(kept, "precious")
	a.Keep()
	copy(a.Reserve(100), "gone")
	a.Reset()
	assert.Equal(t, 4096-8, a.Room())
	assert.Equal(t, "precious", string(kept))
	assert.Equal(t, Address(kept)+8, Address(a.Reserve(1)))
}

func TestViews(t *testing.T) {
	b := make([]byte, 64)
	assert.Len(t, Views[uint64](b, 8), 8)
	assert.Panics(t, func() { Views[uint64](b, 9) })
	assert.Panics(t, func() { Views[uint64](b, 0) })
	assert.Panics(t, func() { View[uint64](b[:7]) })
	assert.Panics(t, func() { View[uint64](b[1:]) }, "not aligned")
	assert.Equal(t, 8, Size[uint64]())
	a, ok := NewArena(4096)
	require.True(t, ok)
	defer a.Free()
	assert.Len(t, Cut[uint64](&a, 512), 512)
	assert.Panics(t, func() { Cut[uint64](&a, 1) }, "it is used up")
	assert.Equal(t, unsafe.Pointer(&b[8]), unsafe.Pointer(View[uint64](b[8:])))
}
