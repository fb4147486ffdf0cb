package abi

// Kind says what a handle names. In C: SOCKET_KIND_*.
type Kind uint8

const (
	// KindTCP: a TCP client.
	KindTCP Kind = 1
	// KindTCPServer: a listening TCP socket.
	KindTCPServer Kind = 2
	// KindTCPConnection: a client accepted by a server; made by the library only.
	KindTCPConnection Kind = 3
	// KindUDP: a UDP socket.
	KindUDP Kind = 4
	// KindTLS: a TLS client.
	KindTLS Kind = 5
	// KindTLSServer: a listening TLS socket.
	KindTLSServer Kind = 6
	// KindTLSConnection: a client accepted by a TLS server; made by the library only.
	KindTLSConnection Kind = 7
	// KindMulticast: a UDP socket for multicast groups.
	KindMulticast Kind = 8
)

// A Family says which addresses are meant. The numbers are part of the ABI.
type Family int32

const (
	FamilyUnspecified Family = 0 // whatever the address is; a name may have any
	FamilyIPv4        Family = 1
	FamilyIPv6        Family = 2
	FamilyDomain      Family = 3 // a name, all its addresses; a literal is accepted as well
)

// Allows reports whether an address of family a, IPv4 or IPv6, satisfies f.
func (f Family) Allows(a Family) bool {
	return f == a || f == FamilyUnspecified || f == FamilyDomain
}

// IsKnown reports whether there is such a family.
func (f Family) IsKnown() bool { return f >= FamilyUnspecified && f <= FamilyDomain }
