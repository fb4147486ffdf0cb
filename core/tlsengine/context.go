package tlsengine

// #include "engine.h"
import "C"

import (
	"fmt"
	"net/netip"
	"strings"
	"unsafe"

	pointer "github.com/mattn/go-pointer"

	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// Context holds an SSL_CTX made from a Config. Any thread may use it.
type Context struct {
	c           *C.engine_context
	key         contextKey
	server      bool
	verify      bool // the peer's certificate
	systemStore bool // against the system's
	resume      bool // sessions are kept for resumption
	uses        int  // guarded by contextCache

	certificates []certificate // the own
}

// certificate is one with its encoding, which does not change.
type certificate struct {
	x509 *C.X509
	der  []byte
}

// NewContext returns the context of these options, to be released with Release: the same one for
// equal options as long as it is in use, or among the last that were. What does not fit, a key that
// does not belong to its certificate, an unknown cipher suite, is an *Error at once.
func NewContext(c *Config) (*Context, error) {
	if err := start(); err != nil {
		return nil, err
	}
	logs := keylog.Load()
	key := keyOf(c, logs)
	if context := contextCache.take(key); context != nil {
		return context, nil
	}
	context, err := newContext(c, key, logs)
	if err != nil {
		return nil, err
	}
	return contextCache.put(context), nil
}

func newContext(c *Config, key contextKey, logs bool) (*Context, error) {
	l, err := readLists(c)
	if err != nil {
		return nil, err
	}
	context := &Context{key: key, server: c.Server}
	context.verify = c.Server && c.VerifyClient || !c.Server && !c.SkipVerification
	context.systemStore = context.verify && len(c.CA) == 0
	context.resume = !c.Server && context.verify && !c.NoTickets
	if context.c, err = openContext(c, l, context.verify, logs); err != nil {
		return nil, err
	}
	if err := context.fill(c, l); err != nil {
		C.engine_context_free(context.c)
		return nil, err
	}
	return context, nil
}

// openContext makes the context with everything but key, certificates and names.
func openContext(c *Config, l *lists, verify, logs bool) (*C.engine_context, error) {
	var o C.engine_options
	o.server, o.verify_peer, o.no_tickets = flag(c.Server), flag(verify), flag(c.NoTickets)
	o.prefer_remote_cipher, o.keylog = flag(c.PreferRemoteCipher), flag(logs)
	o.optional = flag(verify && c.OptionalClient)
	o.lowest, o.highest = version(l.lowest), version(l.highest)
	for _, s := range []struct {
		value string
		field **C.char
	}{{l.ciphers, &o.cipher_list}, {l.suites, &o.cipher_suites}, {l.signatures, &o.signature_algorithms}, {l.groups, &o.groups}} {
		copied, err := cString("", s.value)
		if err != nil {
			return nil, err
		}
		*s.field = copied
		defer freeString(copied)
	}
	var f C.engine_failure
	opened := C.engine_context_new(&o, &f)
	if opened == nil {
		return nil, configError(&f, "")
	}
	return opened, nil
}

func (c *Context) fill(config *Config, l *lists) error {
	var f C.engine_failure
	if n := len(config.Pins); n > 0 && C.engine_context_set_pins(c.c, bytePointer(l.pins), C.size_t(n), &f) == 0 {
		return configError(&f, "pins")
	}
	// The CA come first: they complete the chain of an identity.
	for i, ca := range config.CA {
		announce := flag(config.Server && config.VerifyClient)
		if C.engine_context_add_ca(c.c, bytePointer(ca), C.size_t(len(ca)), announce, &f) == 0 {
			return configError(&f, which("ca", i, len(config.CA)))
		}
	}
	C.engine_context_limit_ca_names(c.c)
	identities := config.Identities
	if !config.Server && len(identities) > 1 {
		identities = identities[:1]
	}
	for i := range identities {
		id := &identities[i]
		if C.engine_context_add_identity(c.c, bytePointer(id.Key), C.size_t(len(id.Key)),
			bytePointer(id.Password), C.size_t(len(id.Password)), flag(id.Password != nil),
			bytePointer(id.Certificate), C.size_t(len(id.Certificate)), &f) == 0 {
			return configError(&f, nameOf(config, i, f.certificate == 0))
		}
	}
	for _, id := range unsafe.Slice(c.c.identities, c.c.identity_count) {
		c.certificates = append(c.certificates, certificate{id.leaf, der(id.leaf)})
	}
	if config.Server {
		if len(identities) == 0 {
			return listError("identity: a server needs a key and a certificate")
		}
		if len(identities) > 1 {
			C.engine_context_choose_identity(c.c)
		}
	}
	alpn, err := alpnList(config.ALPN)
	if err != nil {
		return err
	}
	if len(alpn) > 0 && C.engine_context_set_alpn(c.c, bytePointer(alpn), C.size_t(len(alpn)), flag(c.server), &f) == 0 {
		return configError(&f, "alpn_protocols")
	}
	if c.server && C.engine_context_set_id(c.c, unsafe.Pointer(&c.key), &f) == 0 {
		return configError(&f, "")
	}
	return nil
}

// encoding returns one of the context's own certificates in DER; nil of NULL.
func (c *Context) encoding(x509 *C.X509) []byte {
	for i := range c.certificates {
		if c.certificates[i].x509 == x509 {
			return c.certificates[i].der
		}
	}
	return nil
}

// nameOf names the i-th identity, or its key, for an error.
func nameOf(config *Config, i int, key bool) string {
	name := config.Identities[i].Name
	if name == "" {
		name = which("identity", i, len(config.Identities))
	}
	if key {
		name += ".key"
	}
	return name
}

// which names the i-th of n values of an option.
func which(option string, i, n int) string {
	if n == 1 {
		return option
	}
	return fmt.Sprintf("%s[%d]", option, i)
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Release gives the context up. Its sessions go on until they are closed.
func (c *Context) Release() { contextCache.release(c) }

// NeedsSystemStore reports whether LoadSystemStore has to be called before a session can begin.
func (c *Context) NeedsSystemStore() bool { return c.systemStore }

// Client begins a session that connects to serverName, which is what the certificate has to be for,
// a host name or an IP address. A host name is also sent (SNI). It may be empty only with
// SkipVerification. port is a part of what a session is kept under for resumption.
func (c *Context) Client(serverName string, port int) (*Session, error) {
	if c.server {
		return nil, &Error{Code: errcode.Internal, Text: "a client session of a server's context", Alert: -1}
	}
	host, ip, err := readName(serverName)
	if err != nil {
		return nil, err
	}
	if host == "" && !ip.IsValid() && c.verify {
		return nil, &Error{Code: errcode.Parameter, Text: "there is no server name to verify", Alert: -1}
	}
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	s := &Session{context: c, name: serverName}
	if c.resume {
		s.resumption = resumptionKey{c.key, strings.ToLower(host), ip, port}
		s.self = pointer.Save(s)
		livePointers.Add(1)
	}
	if err := s.open(false); err != nil {
		return nil, err
	}
	if err := s.expect(host, ip, store); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Server begins a session that accepts.
func (c *Context) Server() (*Session, error) {
	if !c.server {
		return nil, &Error{Code: errcode.Internal, Text: "a server session of a client's context", Alert: -1}
	}
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	s := &Session{context: c}
	if err := s.open(true); err != nil {
		return nil, err
	}
	if store != nil {
		if err := s.expect("", netip.Addr{}, store); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// store returns the system's store if the context needs it, else nil.
func (c *Context) store() (*C.X509_STORE, error) {
	if !c.systemStore {
		return nil, nil
	}
	store := systemStore.Load()
	if store == nil {
		return nil, &Error{Code: errcode.Internal, Text: "the system's certificates have not been loaded", Alert: -1}
	}
	return store.c, nil
}

// CheckServerName says why Client would not take a name.
func CheckServerName(name string) error {
	_, _, err := readName(name)
	return err
}

// readName tells a host name from an IP address. Both results are zero for "". The host is in the
// form that certificates and SNI have: letters of other scripts are those of IDNA ("xn--...").
func readName(name string) (host string, ip netip.Addr, err error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return "", ip.WithZone(""), nil
	}
	host, err = netaddr.ToASCII(strings.TrimSuffix(name, "."))
	good := err == nil && len(host) <= 253 && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".") && (host != "" || name == "")
	for i := 0; i < len(host); i++ {
		good = good && host[i] > ' ' && host[i] < 0x7f
	}
	if !good {
		return "", ip, &Error{Code: errcode.Parameter, Text: fmt.Sprintf("%q is not a host name", name), Alert: -1}
	}
	return host, ip, nil
}
