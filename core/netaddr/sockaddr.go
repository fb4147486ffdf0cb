// Package netaddr holds the addresses of IPv4 and IPv6 sockets: their parsing,
// their text, the form that system calls take, and the resolution of names.
package netaddr

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
)

// A Sockaddr is an address and a port in the kernel's own form, a sockaddr_in
// or a sockaddr_in6. Two of them are equal by == exactly when family, address,
// port and scope are. The zero value is invalid.
//
// An IPv4-mapped IPv6 address, as a dual-stack socket reports it, stays an
// IPv6 address.
type Sockaddr struct {
	raw [7]uint32 // words for the alignment; what a sockaddr_in does not use is zero
}

const (
	sizeofSockaddr4 = unix.SizeofSockaddrInet4
	sizeofSockaddr6 = unix.SizeofSockaddrInet6
)

// FromRaw returns the address that the kernel left in the n bytes at p, the
// invalid one if they are too few or of another family. The IPv6 flow label,
// which is no part of an address, is dropped.
func FromRaw(p unsafe.Pointer, n uint32) Sockaddr {
	var s Sockaddr
	if p == nil || n < 2 {
		return s
	}
	from, to := unsafe.Slice((*byte)(p), min(n, sizeofSockaddr6)), s.bytes()
	switch binary.NativeEndian.Uint16(from) {
	case unix.AF_INET:
		if n >= sizeofSockaddr4 {
			copy(to[:8], from)
		}
	case unix.AF_INET6:
		if n >= sizeofSockaddr6 {
			copy(to[:4], from)
			copy(to[8:], from[8:])
		}
	}
	return s
}

// from returns the Sockaddr of an address, whose zone is ignored in favour of
// the scope.
func from(a netip.Addr, scope uint32, port uint16) Sockaddr {
	var s Sockaddr
	b := s.bytes()
	binary.BigEndian.PutUint16(b[2:], port)
	if a.Is4() {
		binary.NativeEndian.PutUint16(b[:], unix.AF_INET)
		ip := a.As4()
		copy(b[4:], ip[:])
		return s
	}
	binary.NativeEndian.PutUint16(b[:], unix.AF_INET6)
	ip := a.As16()
	copy(b[8:], ip[:])
	binary.NativeEndian.PutUint32(b[24:], scope)
	return s
}

func (s *Sockaddr) bytes() *[sizeofSockaddr6]byte {
	return (*[sizeofSockaddr6]byte)(unsafe.Pointer(&s.raw))
}

// Pointer returns the address of the sockaddr for a system call. It is good
// for as long as s is.
func (s *Sockaddr) Pointer() unsafe.Pointer { return unsafe.Pointer(&s.raw) }

// Len returns the size of the sockaddr in bytes, 0 if it is invalid.
func (s Sockaddr) Len() uint32 {
	switch s.Family() {
	case unix.AF_INET:
		return sizeofSockaddr4
	case unix.AF_INET6:
		return sizeofSockaddr6
	}
	return 0
}

// Family returns AF_INET, AF_INET6, or 0 if the address is invalid.
func (s Sockaddr) Family() int { return int(binary.NativeEndian.Uint16(s.bytes()[:])) }

// AddressFamily returns FamilyIPv4, FamilyIPv6, or FamilyUnspecified if the
// address is invalid.
func (s Sockaddr) AddressFamily() abi.Family {
	switch s.Family() {
	case unix.AF_INET:
		return abi.FamilyIPv4
	case unix.AF_INET6:
		return abi.FamilyIPv6
	}
	return abi.FamilyUnspecified
}

// IsValid reports whether s holds an address.
func (s Sockaddr) IsValid() bool { return s.Family() != 0 }

// Is4 reports whether s is an IPv4 address.
func (s Sockaddr) Is4() bool { return s.Family() == unix.AF_INET }

// Is6 reports whether s is an IPv6 address, IPv4-mapped ones included.
func (s Sockaddr) Is6() bool { return s.Family() == unix.AF_INET6 }

// Is4In6 reports whether s is an IPv4-mapped IPv6 address.
func (s Sockaddr) Is4In6() bool { return s.addr().Is4In6() }

// Map returns an IPv4 address in its IPv4-mapped form, any other as it is.
func (s Sockaddr) Map() Sockaddr {
	if !s.Is4() {
		return s
	}
	return from(netip.AddrFrom16(s.addr().As16()), 0, uint16(s.Port()))
}

// Unmap returns the IPv4 address that an IPv4-mapped one stands for, any other as it is.
func (s Sockaddr) Unmap() Sockaddr {
	if !s.Is4In6() {
		return s
	}
	return from(s.addr().Unmap(), 0, uint16(s.Port()))
}

// Port returns the port, 0 if the address is invalid.
func (s Sockaddr) Port() int { return int(binary.BigEndian.Uint16(s.bytes()[2:])) }

// WithPort returns s with another port. It is invalid if s is or if the port
// is not within 0 and 65535.
func (s Sockaddr) WithPort(port int) Sockaddr {
	if !s.IsValid() || port != int(uint16(port)) {
		return Sockaddr{}
	}
	binary.BigEndian.PutUint16(s.bytes()[2:], uint16(port))
	return s
}

// Wildcard returns 0.0.0.0 or ::, as the family is, with the port of s.
func (s Sockaddr) Wildcard() Sockaddr {
	if s.Is4() {
		return from(netip.IPv4Unspecified(), 0, uint16(s.Port()))
	}
	return from(netip.IPv6Unspecified(), 0, uint16(s.Port()))
}

// SameHost reports whether s and t differ in the port at most.
func (s Sockaddr) SameHost(t Sockaddr) bool {
	return s.Family() == t.Family() && [6]uint32(s.raw[1:]) == [6]uint32(t.raw[1:])
}

// ScopeID returns the index of the interface that an IPv6 address is scoped
// to, 0 if there is none.
func (s Sockaddr) ScopeID() uint32 { return binary.NativeEndian.Uint32(s.bytes()[24:]) }

// IsUnspecified reports whether the address is 0.0.0.0 or ::.
func (s Sockaddr) IsUnspecified() bool { return s.addr().IsUnspecified() }

// IsMulticast reports whether the address is a multicast address.
func (s Sockaddr) IsMulticast() bool { return s.addr().IsMulticast() }

// LacksZone reports whether the address means nothing without a zone, and has none.
func (s Sockaddr) LacksZone() bool {
	a := s.addr()
	return a.Is6() && !a.Is4In6() && s.ScopeID() == 0 &&
		(a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast())
}

// IsLoopback reports whether the address is a loopback address.
func (s Sockaddr) IsLoopback() bool { return s.addr().IsLoopback() }

// addr returns the address without its scope.
func (s Sockaddr) addr() netip.Addr {
	b := s.bytes()
	switch s.Family() {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case unix.AF_INET6:
		return netip.AddrFrom16([16]byte(b[8:24]))
	}
	return netip.Addr{}
}

// AppendText appends the numeric address without the port. The scope of an
// IPv6 address follows it as "%eth0", or as "%2" if the interface has no name
// any more. Nothing is appended for an invalid address.
func (s Sockaddr) AppendText(b []byte) []byte {
	b = s.addr().AppendTo(b)
	if scope := s.ScopeID(); scope != 0 {
		b = append(b, '%')
		b = zones.appendName(b, scope)
	}
	return b
}

// String returns address and port as net.JoinHostPort joins them.
func (s Sockaddr) String() string {
	if !s.IsValid() {
		return "invalid address"
	}
	b := make([]byte, 0, 64)
	if s.Is6() {
		b = append(s.AppendText(append(b, '[')), ']')
	} else {
		b = s.AppendText(b)
	}
	return string(strconv.AppendInt(append(b, ':'), int64(s.Port()), 10))
}
