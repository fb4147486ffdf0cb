package abi

// IsTLS reports whether the kind speaks TLS.
func (k Kind) IsTLS() bool { return k == KindTLS || k == KindTLSServer || k == KindTLSConnection }

// IsStream reports whether sockets of the kind have to do with connections.
func (k Kind) IsStream() bool { return k != KindUDP }

// IsClient reports whether sockets of the kind connect, over a stream.
func (k Kind) IsClient() bool { return k == KindTCP || k == KindTLS }

// IsServer reports whether sockets of the kind listen.
func (k Kind) IsServer() bool { return k == KindTCPServer || k == KindTLSServer }

// IsConnection reports whether sockets of the kind are accepted.
func (k Kind) IsConnection() bool { return k == KindTCPConnection || k == KindTLSConnection }
