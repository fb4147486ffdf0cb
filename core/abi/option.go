package abi

// Option names a setting of the library that can be read and set at any time,
// before the socket is open too. In C: SOCKET_OPTION_*.
type Option int32

const (
	// OptionSendQueueLimit: bytes that may wait to be sent before a send is refused; a
	// completion that has not run counts as 64, and a datagram 64 besides its bytes. 1 to
	// 1073741824, default 16777216 (16 MiB).
	OptionSendQueueLimit Option = 1
	// OptionIdleTimeout: milliseconds without a byte received or sent after which a connection
	// fails with SOCKET_ERROR_TIMEDOUT. 0 to 86400000, default 0: never.
	OptionIdleTimeout Option = 2
	// OptionCloseTimeout: milliseconds that a close waits for the peer. On a TLS server: for the
	// handshakes of its clients. 1 to 86400000,
	// default 2000.
	OptionCloseTimeout Option = 3
	// OptionAllowHalfOpen: 1: the socket stays writable after the peer's end until
	// it is closed. 0 (default): the library closes it when its queue is empty.
	OptionAllowHalfOpen Option = 4
	// OptionKeepAliveIdle: seconds of silence before the first keep-alive probe. 0
	// to 32767, default 0: the kernel's. Takes effect with keep_alive.
	OptionKeepAliveIdle Option = 5
	// OptionKeepAliveInterval: seconds between probes. 0 to 32767, default 0: the
	// kernel's.
	OptionKeepAliveInterval Option = 6
	// OptionKeepAliveCount: unanswered probes that end the connection. 0 to 127,
	// default 0: the kernel's.
	OptionKeepAliveCount Option = 7
	// OptionReusePort: 1: several sockets may be bound to one address and port, and
	// the kernel spreads clients or datagrams over them. Set before bind. Default 0.
	OptionReusePort Option = 8
	// OptionReuseAddress: SO_REUSEADDR. Set before bind. Default 0 (1 on servers and multicast
	// sockets).
	OptionReuseAddress Option = 9
	// OptionIPv6Only: 1: a socket bound to :: takes no IPv4. Set before bind.
	// Default 0.
	OptionIPv6Only Option = 10
	// OptionHandshakeTimeout: milliseconds that a TLS server gives a client for its
	// handshake. 1 to 86400000, default 30000.
	OptionHandshakeTimeout Option = 11
	// OptionHandshakeLimit: the maximum number of clients of a TLS server whose connect event has
	// not come yet, because their handshakes are in progress. When it is reached, further clients
	// wait in the kernel's backlog. 0 (no limit) to 1073741824, default: half of the descriptors
	// that the process may have (RLIMIT_NOFILE), 16384 at most.
	OptionHandshakeLimit Option = 12
	// OptionMulticastTTL: UDP: how many networks a datagram for a group may cross, the first
	// included. 0 (this machine only) to 255, default 1.
	OptionMulticastTTL Option = 13
	// OptionMulticastLoopback: UDP: 1: members on this machine, this socket too, receive what it
	// sends to a group. Default 1.
	OptionMulticastLoopback Option = 14
	// OptionMulticastInterface: UDP: the index (if_nametoindex) of the interface by which
	// datagrams for groups leave. Default 0: the route's. An address with a zone has its own.
	OptionMulticastInterface Option = 15
)
