package tlsengine

// Protocols is a set of protocol versions; the empty set stands for both.
type Protocols uint32

const (
	TLS12 Protocols = 1 << iota
	TLS13
)

// Config holds the options of a context. Byte slices may lie in a caller's (C) memory: NewContext
// reads them and does not keep them.
type Config struct {
	Server bool
	// Identities: a client uses the first. A server picks by the name that the client asks for
	// (SNI): of every key type the first whose certificate has that name. If none has it, or the
	// client names none, the first identity is used, and those of other key types with the same
	// names as the first.
	Identities []Identity
	// CA holds the authorities that the peer is verified against: PEM, several blocks each. Empty:
	// the system's store.
	CA        [][]byte
	Protocols Protocols
	// CipherSuite is a list in OpenSSL's language, names of TLS 1.2 and 1.3 mixed. If all it asks
	// for are suites of TLS 1.2 by name, TLS 1.3 is not offered, so that one of them is what is
	// negotiated; if all are of TLS 1.3, that is the lowest version. Keywords (HIGH, ECDHE+AESGCM)
	// concern TLS 1.2 and do not exclude TLS 1.3. Suites without authentication or encryption are
	// never used. The security level is 2 (112 bits: RSA from 2048 bits on, no SHA-1), unless
	// @SECLEVEL=n sets another.
	CipherSuite         string
	SignatureAlgorithms string
	Groups              string   // of the key exchange, the most wanted first: "X25519:P-256"
	Pins                []string // of keys, one of which the peer's chain must have; see readPin
	PreferRemoteCipher  bool     // server: the client's order of suites counts, not its own
	ALPN                []string
	SkipVerification    bool // client only
	VerifyClient        bool // server: a client certificate is verified against CA, and required
	OptionalClient      bool // but with VerifyClient a client may show none
	NoTickets           bool // no resumption on either side
}

// Identity is a private key and its certificate, in PEM.
type Identity struct {
	Key         []byte
	Password    []byte // nil: none; ignored if Key is not encrypted
	Certificate []byte // the leaf, then its chain
	Name        string // what errors call it; "": by its place
}
