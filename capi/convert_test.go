package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/socket"
)

// escaped keeps memory that is handed over as a number on the heap.
var escaped atomic.Pointer[byte]

// memory returns aligned memory of a size, and its address, as a caller would give it.
func memory(size int) ([]byte, uintptr) {
	words := make([]uint64, size/8+2)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)[:size]
	escaped.Store(unsafe.SliceData(b))
	return b, uintptr(unsafe.Pointer(unsafe.SliceData(b)))
}

func setSize(p uintptr, size uint32) { *(*uint32)(pointer(p)) = size }

func testReadStruct[T any](t *testing.T) {
	size := unsafe.Sizeof(*new(T))
	var to T
	assert.Equal(t, errcode.Parameter, readStruct(0, &to))
	b, p := memory(int(maxText) + 64)
	setSize(p, uint32(size))
	for offset := uintptr(1); offset < unsafe.Alignof(to); offset++ {
		assert.Equal(t, errcode.Parameter, readStruct(p+offset, &to), "misaligned")
	}
	for _, wrong := range []uint32{0, 1, uint32(size) - 1, maxText + 1, 1 << 31, ^uint32(0)} {
		setSize(p, wrong)
		assert.Equal(t, errcode.Parameter, readStruct(p, &to), "%d", wrong)
	}
	for i := uintptr(4); i < size; i++ {
		b[i] = byte(i)
	}
	for _, right := range []uint32{uint32(size), uint32(size) + 1, uint32(size) + 8, maxText} {
		setSize(p, right)
		require.Equal(t, errcode.OK, readStruct(p, &to), "%d", right)
		assert.Equal(t, b[:size], unsafe.Slice((*byte)(unsafe.Pointer(&to)), size))
	}
	// What this version does not know has to be zero.
	for _, at := range []uintptr{size, size + 1, maxText - 1} {
		b[at] = 1
		setSize(p, maxText)
		assert.Equal(t, errcode.Parameter, readStruct(p, &to))
		setSize(p, uint32(at))
		assert.Equal(t, errcode.OK, readStruct(p, &to), "it is behind the struct")
		b[at] = 0
	}
}

func TestReadStruct(t *testing.T) {
	t.Run("listen", testReadStruct[abi.ListenOptions])
	t.Run("connect", testReadStruct[abi.ConnectOptions])
	t.Run("extra", testReadStruct[abi.ExtraOptions])
}

func testWriteStruct[T any](t *testing.T, from T) {
	size := unsafe.Sizeof(from)
	assert.Equal(t, errcode.Parameter, writeStruct(0, &from))
	b, p := memory(int(size) + 64)
	for i := range b {
		b[i] = 0xee
	}
	for offset := uintptr(1); offset < unsafe.Alignof(from); offset++ {
		assert.Equal(t, errcode.Parameter, writeStruct(p+offset, &from))
	}
	for _, small := range []uint32{0, 1, uint32(size) - 1} {
		setSize(p, small)
		assert.Equal(t, errcode.Parameter, writeStruct(p, &from))
		assert.EqualValues(t, 0xee, b[4], "nothing is written")
	}
	for _, right := range []uint32{uint32(size), uint32(size) + 8, ^uint32(0)} {
		setSize(p, right)
		require.Equal(t, errcode.OK, writeStruct(p, &from))
		assert.Equal(t, right, *(*uint32)(pointer(p)), "the size is the caller's")
		assert.Equal(t, unsafe.Slice((*byte)(unsafe.Pointer(&from)), size)[4:], b[4:size])
		for _, c := range b[size:] {
			require.EqualValues(t, 0xee, c, "behind the struct nothing is written")
		}
	}
}

func TestWriteStruct(t *testing.T) {
	testWriteStruct(t, abi.StateInfo{IsBound: 1, IsClose: 1})
	testWriteStruct(t, abi.Stats{Sockets: 1, LoopIterations: 1 << 60})
}

// As snprintf does it.
func TestWriteText(t *testing.T) {
	for _, text := range []string{"", "a", "a longer text", strings.Repeat("x", 5000)} {
		assert.EqualValues(t, len(text), writeText(text, 0, 0))
		assert.EqualValues(t, len(text), writeText(text, 0, 100))
		for _, capacity := range []int{0, 1, 2, len(text), len(text) + 1, len(text) + 100} {
			b, p := memory(len(text) + 200)
			for i := range b {
				b[i] = 0xee
			}
			require.EqualValues(t, len(text), writeText(text, p, uintptr(capacity)))
			if capacity == 0 {
				assert.EqualValues(t, 0xee, b[0])
				continue
			}
			n := min(len(text), capacity-1)
			assert.Equal(t, text[:n], string(b[:n]))
			assert.Zero(t, b[n])
			assert.EqualValues(t, 0xee, b[n+1])
		}
	}
	b, p := memory(16)
	assert.EqualValues(t, 3, writeText("abc", p, ^uintptr(0)))
	assert.Equal(t, "abc\x00", string(b[:4]))
}

func TestCString(t *testing.T) {
	assert.Equal(t, "", cString(0))
	for _, n := range []int{0, 1, 63, 253, maxText - 1, maxText, maxText + 1, 5000} {
		b, p := memory(n + 1)
		for i := range n {
			b[i] = byte('a' + i%26)
		}
		got := cString(p)
		assert.Equal(t, string(b[:min(n, maxText)]), got)
		b[0] = '!'
		assert.NotEqual(t, "!", got[:min(1, len(got))], "it is a copy")
	}
	b, p := memory(8)
	copy(b, "\xff\xfe\x80")
	assert.Equal(t, "\xff\xfe\x80", cString(p))
}

// A text of the longest length read is no address.
func TestCStringTooLong(t *testing.T) {
	b, p := memory(maxText + 100)
	for i := range b {
		b[i] = '1'
	}
	_, code := netaddr.ParseTarget(cString(p), 1, abi.FamilyUnspecified)
	assert.Equal(t, errcode.Parameter, code)
}

func TestGuard(t *testing.T) {
	call := func() (result int32) {
		defer guard(&result)
		panic("a defect")
	}
	assert.Equal(t, -int32(errcode.Internal), call())
	long := func() (result int64) {
		defer guard(&result)
		var p *int
		return int64(*p)
	}
	assert.Equal(t, -int64(errcode.Internal), long())
}

func TestExtraOptions(t *testing.T) {
	none, _, code := readExtra(&abi.ExtraOptions{KeepAlive: 7, LingerOn: -1, SocketTimeoutMs: -1})
	assert.Equal(t, errcode.OK, code)
	assert.Equal(t, socket.Extra{}, none, "what fields does not name is not looked at")
	for _, test := range []struct {
		options abi.ExtraOptions
		want    socket.Extra
		code    errcode.Code
	}{
		{abi.ExtraOptions{Fields: abi.ExtraBroadcast << 1}, socket.Extra{}, errcode.Parameter},
		{abi.ExtraOptions{Fields: 1 << 31}, socket.Extra{}, errcode.Parameter},
		{abi.ExtraOptions{Fields: abi.ExtraKeepAlive, KeepAlive: 2}, socket.Extra{}, errcode.Parameter},
		{abi.ExtraOptions{Fields: abi.ExtraTCPNoDelay, TcpNoDelay: 1}, socket.Extra{NoDelay: socket.FlagOf(true)}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraTCPNoDelay}, socket.Extra{NoDelay: socket.FlagOf(false)}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraLinger, LingerOn: 1, LingerMs: 65535}, socket.Extra{Linger: socket.FlagOf(true), LingerMs: 65535}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraLinger, LingerOn: 1, LingerMs: 65536}, socket.Extra{}, errcode.Parameter},
		{abi.ExtraOptions{Fields: abi.ExtraSendBufferSize, SendBufferSize: 262144}, socket.Extra{SetSendBufferSize: true, SendBufferSize: 262144}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraSendBufferSize, SendBufferSize: 262145}, socket.Extra{SetSendBufferSize: true, SendBufferSize: 8192}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraReceiveBufferSize, ReceiveBufferSize: -1}, socket.Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 8192}, 0},
		{abi.ExtraOptions{Fields: abi.ExtraSocketTimeout, SocketTimeoutMs: -1}, socket.Extra{}, errcode.Domain},
		{abi.ExtraOptions{Fields: abi.ExtraSocketTimeout, SocketTimeoutMs: 5}, socket.Extra{SetSocketTimeout: true, SocketTimeoutMs: 5}, 0},
	} {
		got, why, code := readExtra(&test.options)
		assert.Equal(t, test.code, code, "%+v", test.options)
		assert.Equal(t, code != errcode.OK, why != "")
		if code == errcode.OK {
			assert.Equal(t, test.want, got)
		}
	}
}

// Whatever bytes a caller gives: a code, or options within their ranges.
func FuzzExtraOptions(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{48, 0, 0, 0, 0xff, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte(strings.Repeat("\x00", 48)))
	f.Fuzz(func(t *testing.T, input []byte) {
		b, p := memory(int(unsafe.Sizeof(abi.ExtraOptions{})))
		copy(b, input)
		setSize(p, uint32(unsafe.Sizeof(abi.ExtraOptions{})))
		var o abi.ExtraOptions
		require.Equal(t, errcode.OK, readStruct(p, &o))
		x, _, code := readExtra(&o)
		if code != errcode.OK {
			require.Contains(t, []errcode.Code{errcode.Parameter, errcode.Domain}, code)
			return
		}
		require.Zero(t, o.Fields&^(abi.ExtraBroadcast<<1-1))
		for _, flag := range []socket.Flag{x.KeepAlive, x.OOBInline, x.NoDelay, x.ReuseAddress, x.Broadcast, x.Linger} {
			require.Contains(t, []socket.Flag{-1, 0, 1}, flag)
		}
		require.True(t, 0 <= x.LingerMs && x.LingerMs <= 65535)
		require.True(t, 0 <= x.ReceiveBufferSize && x.ReceiveBufferSize <= 262144)
		require.True(t, 0 <= x.SendBufferSize && x.SendBufferSize <= 262144)
		require.GreaterOrEqual(t, x.SocketTimeoutMs, int32(0))
		require.Equal(t, o.Fields&abi.ExtraSocketTimeout != 0, x.SetSocketTimeout)
		require.Equal(t, o.Fields&abi.ExtraLinger != 0, x.Linger != 0)
	})
}
