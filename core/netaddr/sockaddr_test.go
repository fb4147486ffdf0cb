package netaddr

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

func literal(t testing.TB, text string, port int32) Sockaddr {
	t.Helper()
	s, code := ParseLiteral(text, port, abi.FamilyUnspecified)
	require.Equal(t, errcode.OK, code, text)
	return s
}

func TestSockaddrLayout(t *testing.T) {
	s := literal(t, "1.2.3.4", 0x1234)
	require.EqualValues(t, 16, s.Len())
	in := (*unix.RawSockaddrInet4)(s.Pointer())
	assert.EqualValues(t, unix.AF_INET, in.Family)
	assert.Equal(t, [4]byte{1, 2, 3, 4}, in.Addr)
	assert.Equal(t, [2]byte{0x12, 0x34}, *(*[2]byte)(unsafe.Pointer(&in.Port)))

	s = literal(t, "fe80::1%lo", 0x1234)
	require.EqualValues(t, 28, s.Len())
	in6 := (*unix.RawSockaddrInet6)(s.Pointer())
	assert.EqualValues(t, unix.AF_INET6, in6.Family)
	assert.Equal(t, netip.MustParseAddr("fe80::1").As16(), in6.Addr)
	assert.Equal(t, [2]byte{0x12, 0x34}, *(*[2]byte)(unsafe.Pointer(&in6.Port)))
	assert.Equal(t, loopbackIndex(t), in6.Scope_id)
	assert.Equal(t, loopbackIndex(t), s.ScopeID())
}

func TestSockaddrProperties(t *testing.T) {
	for _, test := range []struct {
		text                             string
		unspecified, multicast, loopback bool
	}{
		{"0.0.0.0", true, false, false},
		{"::", true, false, false},
		{"127.8.9.10", false, false, true},
		{"::1", false, false, true},
		{"::ffff:127.0.0.1", false, false, true},
		{"224.0.0.1", false, true, false},
		{"ff02::1%lo", false, true, false},
		{"192.0.2.1", false, false, false},
		{"2001:db8::1", false, false, false},
	} {
		s := literal(t, test.text, 7)
		a := netip.MustParseAddr(test.text)
		assert.True(t, s.IsValid())
		assert.Equal(t, a.Is4(), s.Is4(), test.text)
		assert.Equal(t, a.Is6(), s.Is6(), test.text)
		assert.Equal(t, test.unspecified, s.IsUnspecified(), test.text)
		assert.Equal(t, test.multicast, s.IsMulticast(), test.text)
		assert.Equal(t, test.loopback, s.IsLoopback(), test.text)
		assert.Equal(t, test.text, string(s.AppendText(nil)))
		assert.Equal(t, net.JoinHostPort(test.text, "7"), s.String())
	}
}

func TestInvalidSockaddr(t *testing.T) {
	var s Sockaddr
	assert.False(t, s.IsValid() || s.Is4() || s.Is6() || s.IsUnspecified() || s.IsMulticast() || s.IsLoopback())
	assert.Zero(t, s.Len())
	assert.Zero(t, s.Family())
	assert.Zero(t, s.Port())
	assert.Equal(t, abi.FamilyUnspecified, s.AddressFamily())
	assert.Equal(t, "x", string(s.AppendText([]byte("x"))))
	assert.Equal(t, "invalid address", s.String())
	assert.Equal(t, s, s.WithPort(1))
}

func TestWithPort(t *testing.T) {
	s := literal(t, "::1", 80)
	assert.Equal(t, 65535, s.WithPort(65535).Port())
	assert.Equal(t, literal(t, "::1", 0), s.WithPort(0))
	assert.Equal(t, 80, s.Port())
	assert.False(t, s.WithPort(65536).IsValid())
	assert.False(t, s.WithPort(-1).IsValid())
}

func TestFromRaw(t *testing.T) {
	for _, text := range []string{"10.0.0.1", "2001:db8::1", "fe80::1%lo"} {
		s := literal(t, text, 443)
		assert.Equal(t, s, FromRaw(s.Pointer(), s.Len()))
		assert.False(t, FromRaw(s.Pointer(), s.Len()-1).IsValid())
		assert.False(t, FromRaw(s.Pointer(), 1).IsValid())

		// What is no part of the address does not make it another one.
		var buffer [unix.SizeofSockaddrAny + 1]byte
		for i := range buffer {
			buffer[i] = 0xee
		}
		raw := buffer[1:] // a buffer need not be aligned
		copy(raw, unsafe.Slice((*byte)(s.Pointer()), s.Len()))
		if s.Is4() {
			copy(raw[8:], "rubbish.")
		} else {
			copy(raw[4:8], "flow")
		}
		assert.Equal(t, s, FromRaw(unsafe.Pointer(&raw[0]), uint32(len(raw))))
	}
	assert.False(t, FromRaw(nil, 28).IsValid())
	local := unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	assert.False(t, FromRaw(unsafe.Pointer(&local), unix.SizeofSockaddrUnix).IsValid())
}

func TestSockaddrFromKernel(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		s := literal(t, text, 0)
		fd, err := unix.Socket(s.Family(), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(s.Pointer()), uintptr(s.Len()))
		require.Zero(t, errno)

		var raw unix.RawSockaddrAny
		size := uint32(unix.SizeofSockaddrAny)
		_, _, errno = unix.Syscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
		require.Zero(t, errno)
		bound := FromRaw(unsafe.Pointer(&raw), size)
		assert.NotZero(t, bound.Port())
		assert.Equal(t, s, bound.WithPort(0))
		assert.Equal(t, text, string(bound.AppendText(nil)))
	}
}

func TestFormatDoesNotAllocate(t *testing.T) {
	buffer := make([]byte, 0, 64)
	for _, text := range []string{"255.255.255.255", "2001:db8:1:2:3:4:5:6", "::ffff:1.2.3.4", "fe80::1%lo"} {
		s := literal(t, text, 65535)
		raw := s
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			buffer = FromRaw(raw.Pointer(), raw.Len()).WithPort(1).AppendText(buffer[:0])
		}), text)
		assert.Equal(t, text, string(buffer))
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, text := range []string{"255.255.255.255", "2001:db8:1:2:3:4:5:6"} {
		var ok bool
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			target, code := ParseTarget(text, 1, abi.FamilyUnspecified)
			s, code2 := ParseLiteral(text, 1, abi.FamilyUnspecified)
			ok = code == errcode.OK && code2 == errcode.OK && s.IsValid() && target.Port() == 1
		}), text)
		assert.True(t, ok)
	}
}

func TestZoneCache(t *testing.T) {
	var cache zoneCache
	assert.Equal(t, "lo", string(cache.appendName(nil, loopbackIndex(t))))
	for i := range uint32(3 * maxZones) {
		index := 1<<30 + i
		assert.Equal(t, fmt.Sprint(index), string(cache.appendName(nil, index)))
		require.LessOrEqual(t, len(cache.names), maxZones)
	}

	index := loopbackIndex(t)
	cache.store(index, zoneName{name: "old"})
	assert.Equal(t, "lo", string(cache.appendName(nil, index)))
	expires := cache.names[index].expires
	assert.Equal(t, "lo", string(cache.appendName(nil, index)))
	assert.Equal(t, expires, cache.names[index].expires, "a name is asked for once")
}

func BenchmarkAppendText(b *testing.B) {
	buffer := make([]byte, 0, 64)
	for _, text := range []string{"192.168.100.200", "2001:db8:1:2:3:4:5:6", "fe80::1%lo"} {
		s := literal(b, text, 1)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buffer = s.AppendText(buffer[:0])
			}
		})
	}
}
