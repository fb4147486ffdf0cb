package netaddr

import "golang.org/x/sys/unix"

// Compact is a Sockaddr in less room, for keeping many of them: an IPv4 address is in the
// value itself. The zero value keeps the invalid address.
type Compact struct {
	four [2]uint32
	six  *Sockaddr
}

// Keep makes it.
func (s Sockaddr) Keep() Compact {
	if s.Family() == unix.AF_INET6 {
		six := s // on the heap, unlike s
		return Compact{six: &six}
	}
	return Compact{four: [2]uint32(s.raw[:2])}
}

// Sockaddr returns what is kept.
func (k Compact) Sockaddr() Sockaddr {
	if k.six != nil {
		return *k.six
	}
	return Sockaddr{raw: [7]uint32{k.four[0], k.four[1]}}
}
