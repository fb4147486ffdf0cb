package abi

// Field bits of ExtraOptions: they name which of its members apply. In C:
// SOCKET_EXTRA_*.
const (
	// ExtraKeepAlive: keep_alive applies. TCP.
	ExtraKeepAlive = 1 << 0
	// ExtraOOBInline: oob_inline applies. TCP.
	ExtraOOBInline = 1 << 1
	// ExtraTCPNoDelay: tcp_no_delay applies. TCP.
	ExtraTCPNoDelay = 1 << 2
	// ExtraLinger: linger_on and linger_ms apply. TCP.
	ExtraLinger = 1 << 3
	// ExtraReceiveBufferSize: receive_buffer_size applies.
	ExtraReceiveBufferSize = 1 << 4
	// ExtraSendBufferSize: send_buffer_size applies.
	ExtraSendBufferSize = 1 << 5
	// ExtraReuseAddress: reuse_address applies.
	ExtraReuseAddress = 1 << 6
	// ExtraSocketTimeout: socket_timeout_ms applies.
	ExtraSocketTimeout = 1 << 7
	// ExtraBroadcast: broadcast applies. UDP.
	ExtraBroadcast = 1 << 8
)

// Protocol bits of socket_tls_options. In C: SOCKET_PROTOCOL_*.
const (
	// ProtocolTLS12: TLS 1.2.
	ProtocolTLS12 = 1 << 0
	// ProtocolTLS13: TLS 1.3.
	ProtocolTLS13 = 1 << 1
)

// TLSIdentity is a certificate with its key. Its layout never changes.
type TLSIdentity struct {
	// PEM: the certificate, then those between it and the root, if any.
	Cert uintptr `c:"const char *"`
	// PEM: the private key of the first certificate: PKCS#8, PKCS#1 or SEC1; RSA,
	// EC, Ed25519 or Ed448.
	Key uintptr `c:"const char *"`
	// The pass phrase of an encrypted key. NULL: it is not encrypted.
	Password uintptr `c:"const char *"`
}

// TLSOptions are the secure options of a TLS socket. Zero means default. Texts are NUL-terminated:
// PEM up to 1 MiB each, lists up to 16 KiB, pass phrases up to 1 KiB, server_name up to 253 bytes.
// For a SOCKET_ERROR_PARAMETER socket_get_error_detail names the member. Nobody is ever asked for a
// pass phrase.
type TLSOptions struct {
	// sizeof(socket_tls_options); SOCKET_TLS_OPTIONS_INIT sets it.
	StructSize uint32
	// SOCKET_PROTOCOL_* bits. 0: TLS 1.2 and 1.3, which are all there are.
	Protocols uint32
	// Certificate and key. A server must have one; a client that has one shows it
	// when the server asks.
	Identity TLSIdentity
	// Servers: further identities. A client that names a host (SNI) gets the first whose
	// certificate is for that host; any other client gets the first of all. If several
	// certificates are for the same host, the client gets one whose kind of key it knows.
	MoreIdentities uintptr `c:"const socket_tls_identity *"`
	// PEM: the authorities to trust, each text with one or several certificates. They
	// replace the system's store. NULL: the system's store.
	CA uintptr `c:"const char *const *"`
	// Names of OpenSSL, separated by colons, TLS 1.2 and 1.3 mixed:
	// "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256". Suites of one version
	// only exclude the other, unless protocols names both: the other then has its
	// default suites. NULL: OpenSSL's defaults.
	CipherSuite uintptr `c:"const char *"`
	// Names of OpenSSL, separated by colons: "rsa_pss_rsae_sha256:ECDSA+SHA256".
	// NULL: OpenSSL's defaults.
	SignatureAlgorithms uintptr `c:"const char *"`
	// Application protocols (1 to 255 bytes each), the most wanted first:
	// {"h2", "http/1.1"}. A server chooses, in its own order; if both sides name
	// some and none is common the handshake fails.
	ALPNProtocols uintptr `c:"const char *const *"`
	// Clients: the name or IP address that the server's certificate must have; a
	// name is sent as SNI. NULL: the address that was given to connect.
	ServerName uintptr `c:"const char *"`
	// Number of more_identities, 0 to 1000.
	MoreIdentityCount int32
	// Number of ca, 0 to 1000.
	CACount int32
	// Number of alpn_protocols, 0 to 100.
	ALPNProtocolCount int32
	// Servers, 1: the client's order of cipher suites counts. 0: the server's own.
	UseRemoteCipherPrefer int32
	// Clients, 1: any certificate is accepted, for testing only. 0: it is verified.
	SkipRemoteValidation int32
	// Servers, 1: a client must show a certificate that ca (or the system's store)
	// vouches for.
	IsBidirectionalAuthentication int32
	// 1: sessions are not resumed. 0: a client resumes sessions that were verified
	// with the same options, name and port; servers give tickets.
	NoSessionResumption int32
	// Servers, 1: a client is asked for a certificate and may go on without one.
	// One that it shows has to be vouched for. Not together with
	// is_bidirectional_authentication.
	OptionalClientCertificate int32
	// Groups of the key exchange by OpenSSL's names, the most wanted first,
	// separated by colons: "X25519MLKEM768:X25519:P-256". With TLS 1.2 the curves
	// of certificates have to be among them. NULL: OpenSSL's defaults.
	Groups uintptr `c:"const char *"`
	// SHA-256 of public keys in base64 ("sha256//..." as curl has it, or without),
	// or in hexadecimal. The peer's chain must have one of these keys. If the peer
	// is not verified (skip_remote_validation) its own certificate must. Servers:
	// only if they ask for certificates.
	Pins uintptr `c:"const char *const *"`
	// Number of pins, 0 to 100.
	PinCount int32
	_        int32
}

// ListenOptions says where a server listens. Zero means default.
type ListenOptions struct {
	// sizeof(socket_listen_options); SOCKET_LISTEN_OPTIONS_INIT sets it.
	StructSize uint32
	// Connections the kernel keeps for the server to accept. 0: the system's
	// maximum. 0 to 65535.
	Backlog int32
	// A numeric address or "localhost". Port 0: any free one.
	Address Address
	// TLS servers: the secure options. NULL: those of
	// socket_tls_set_secure_options.
	TLS uintptr `c:"const socket_tls_options *"`
}

// ConnectOptions says where a client connects to. Zero means default.
type ConnectOptions struct {
	// sizeof(socket_connect_options); SOCKET_CONNECT_OPTIONS_INIT sets it.
	StructSize uint32
	// Milliseconds for name look-up, connection and TLS handshake together. 0:
	// 5000. 0 to 86400000.
	TimeoutMs int32
	// A numeric address or a host name. Port 1 to 65535.
	Address Address
	// TLS clients: the secure options. NULL: those of
	// socket_tls_set_secure_options, or the defaults.
	TLS uintptr `c:"const socket_tls_options *"`
}

// MulticastGroup says which group is joined or left. Zero means default.
type MulticastGroup struct {
	// sizeof(socket_multicast_group); SOCKET_MULTICAST_GROUP_INIT sets it.
	StructSize uint32
	_          uint32
	// The group: a numeric address. A multicast socket that is not open is bound to its port
	// (0: any free one); otherwise the port means nothing. The zone of an IPv6 address
	// ("ff02::1%eth0") names the interface.
	Address Address
	// The interface on which to be a member: its name or its index as text. NULL: the zone of
	// the address, or else the interface of the route to the group.
	Interface uintptr `c:"const char *"`
	// Only datagrams of this sender are wanted: a numeric address. NULL: of any sender.
	Source uintptr `c:"const char *"`
}

// ExtraOptions are the options of setExtraOptions. Only members named in fields
// are looked at. Booleans are 0 or 1.
type ExtraOptions struct {
	// sizeof(socket_extra_options); SOCKET_EXTRA_OPTIONS_INIT sets it.
	StructSize uint32
	// SOCKET_EXTRA_* bits of the members that apply.
	Fields uint32
	// SO_KEEPALIVE. Default 0.
	KeepAlive int32
	// SO_OOBINLINE. Default 0.
	OobInline int32
	// TCP_NODELAY. Default 0.
	TcpNoDelay int32
	// 1: close waits linger_ms for the peer; with linger_ms 0 it resets the
	// connection. 0 (default): SOCKET_OPTION_CLOSE_TIMEOUT counts.
	LingerOn int32
	// Milliseconds, 0 to 65535.
	LingerMs int32
	// SO_RCVBUF in bytes, 0 to 262144 (the kernel doubles it and has a minimum);
	// any other number means 8192. Unset: the kernel's default.
	ReceiveBufferSize int32
	// SO_SNDBUF in bytes, as receive_buffer_size.
	SendBufferSize int32
	// SO_REUSEADDR. Default 0 (1 on servers).
	ReuseAddress int32
	// Milliseconds that queued data may wait without any of it being sent before the connection
	// fails with SOCKET_ERROR_TIMEDOUT. 0 (default): no limit. Negative: SOCKET_ERROR_DOM.
	SocketTimeoutMs int32
	// SO_BROADCAST. Default 0.
	Broadcast int32
}

// StateInfo holds the answer of socket_get_state.
type StateInfo struct {
	// sizeof(socket_state_info); SOCKET_STATE_INFO_INIT sets it.
	StructSize uint32
	// 1 when the socket has a local address and port.
	IsBound int32
	// 1 when the socket has a peer; on a server, when it has a client.
	IsConnected int32
	// 1 after a close, whoever closed, until the socket is opened again.
	IsClose int32
}

// Stats holds the answer of socket_get_stats: counts since the library was loaded, or
// present numbers where it says Live. When a listener is called, its event is counted already.
type Stats struct {
	// sizeof(socket_stats); SOCKET_STATS_INIT sets it.
	StructSize uint32
	_          uint32
	// Live socket handles.
	Sockets uint64
	// Live loops, the default ones included.
	Loops uint64
	// Live: bytes in send queues.
	QueuedBytes uint64
	// Live: bytes of buffer memory outside the Go heap.
	BufferBytes uint64
	// Live: bytes of the Go heap in use.
	GoHeapBytes uint64
	// Live: goroutines of the library.
	Goroutines uint64
	// Bytes received.
	BytesReceived uint64
	// Bytes given to the kernel.
	BytesSent uint64
	// Message events made.
	MessagesReceived uint64
	// Sends accepted.
	MessagesSent uint64
	// Connections accepted by servers.
	ConnectionsAccepted uint64
	// Times a loop has looked for events.
	LoopIterations uint64
	// Failures inside the library that it has survived; each is a defect of it.
	InternalErrors uint64
	// Live: clients of TLS servers whose connect event has not come yet, because their
	// handshakes are in progress.
	TLSHandshakes uint64
	// Live: TLS connections, also those whose handshakes run.
	TLSSessions uint64
	// Live: different sets of secure options that sockets use.
	TLSContexts uint64
	// The limit that socket_set_total_queue_limit has set, 0 if there is none.
	TotalQueueLimit uint64
	// Live: bytes in send queues that count against this limit. The first 64 KiB of each
	// queue do not; completions that have not run and datagrams count 64 bytes besides.
	TotalQueueBytes uint64
	// Sends refused for this limit.
	TotalQueueRefusals uint64
}
