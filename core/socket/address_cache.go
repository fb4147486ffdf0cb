package socket

import (
	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// addressCache is the address of the last event, of which a loop keeps the text: the next one
// comes from the same host more often than not, and a program answers to it by the text
// that it was given.
type addressCache struct {
	address netaddr.Sockaddr
	text    [addressText]byte // ends with a NUL
	size    int
}

// update makes it another one. What has a scope is not kept: the name of an interface may change.
func (n *addressCache) update(sa netaddr.Sockaddr) {
	if n.address.SameHost(sa) && sa.ScopeID() == 0 {
		return
	}
	b := sa.AppendText(n.text[:0])
	n.address, n.size = sa, min(len(b), addressText-1)
	n.text[n.size] = 0
}

// matches reports whether a caller's words mean it, apart from the port.
func (n *addressCache) matches(text []byte, family abi.Family) bool {
	return family == n.address.AddressFamily() && n.address.ScopeID() == 0 && string(n.text[:n.size]) == string(text)
}

// write formats an address for an event, into memory of addressText bytes.
func (n *addressCache) write(sa netaddr.Sockaddr, text []byte) abi.Address {
	n.update(sa)
	copy(text, n.text[:])
	return abi.Address{Address: buffer.Address(text), Port: int32(sa.Port()), Family: int32(sa.AddressFamily())}
}

// Receiver is LocalAddress for a datagram's receiver, whose text is in a caller's memory.
func (s *Socket) Receiver(t abi.Thread, text []byte, port int32, family abi.Family) (netaddr.Sockaddr, errcode.Code) {
	l := s.loop
	if l.sender != nil && l.gathers(t) && !s.compat && l.sender.matches(text, family) {
		if sa := l.sender.address.WithPort(int(port)); sa.IsValid() {
			return sa, errcode.OK
		}
	}
	return s.LocalAddress(string(text), port, family)
}
