package tlsengine

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// clean fails the test if at its end anything is left of it, in the caches too.
func clean(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		resumptions.mu.Lock()
		for _, element := range resumptions.byKey {
			resumptions.remove(element)
		}
		left := resumptions.count
		resumptions.mu.Unlock()
		contextCache.mu.Lock()
		contextCache.trim(0)
		contextCache.mu.Unlock()
		contexts, sessions, pointers := Live()
		require.Equal(t, [...]int{0, 0, 0, 0}, [...]int{contexts, sessions, pointers, left},
			"contexts, sessions, pointers, resumable sessions")
	})
}

// An authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

// subject describes a certificate; the zero value makes a good one for "test.host", 127.0.0.1
// and ::1.
type subject struct {
	key              crypto.Signer // nil: P-256
	names            []string
	notBefore, after time.Time
	ca               bool
}

var (
	rsaKey = sync.OnceValue(func() crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	root = sync.OnceValue(func() *authority { return newAuthority("root", nil) })
)

func newKey() crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newAuthority(name string, parent *authority) *authority {
	key := newKey()
	der := certify(name, key, subject{ca: true}, parent)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &authority{certificate, key, pemOf("CERTIFICATE", der)}
}

var serial int64

func certify(name string, key crypto.Signer, s subject, parent *authority) []byte {
	if s.names == nil {
		s.names = []string{"test.host", "127.0.0.1", "::1"}
	}
	if s.notBefore.IsZero() {
		s.notBefore = time.Now().Add(-time.Hour)
	}
	if s.after.IsZero() {
		s.after = time.Now().Add(time.Hour)
	}
	serial++
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             s.notBefore,
		NotAfter:              s.after,
		IsCA:                  s.ca,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	if s.ca {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		for _, name := range s.names {
			if ip := net.ParseIP(name); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, name)
			}
		}
	}
	issuer, signer := template, key
	if parent != nil {
		issuer, signer = parent.certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	return der
}

// issue returns an identity of a; a nil authority makes it self-signed.
func (a *authority) issue(s subject) Identity {
	if s.key == nil {
		s.key = newKey()
	}
	key, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		panic(err)
	}
	return Identity{Key: pemOf("PRIVATE KEY", key), Certificate: pemOf("CERTIFICATE", certify("leaf", s.key, s, a))}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func derOf(text []byte) []byte {
	block, _ := pem.Decode(text)
	return block.Bytes
}

// A peer is one end of a connection over memory.
type peer struct {
	*Session
	out     *Output
	wire    []byte // from the other end, not read yet
	plain   []byte // read
	status  Status
	step    int // how many bytes an operation gets at most, 0: all
	shaking bool
	buffer  []byte
}

func open(t testing.TB, s *Session, err error) *peer {
	t.Helper()
	require.NoError(t, err)
	p := &peer{Session: s, out: NewOutput(), shaking: true, status: More, buffer: make([]byte, 16384)}
	t.Cleanup(func() {
		s.Close()
		s.Close()
		p.out.Free()
	})
	return p
}

// run uses up p.wire and returns what goes to the other end.
func (p *peer) run(t testing.TB) []byte {
	for p.status == More || p.status == Done {
		n := len(p.wire)
		if p.step > 0 {
			n = min(n, p.step)
		}
		before := len(p.plain)
		if p.shaking {
			var consumed int
			consumed, p.status = p.Handshake(p.wire[:n], p.out)
			p.wire = p.wire[consumed:]
			p.shaking = p.status != Done
			if p.status == Done {
				continue
			}
		} else {
			consumed, size, status := p.Read(p.wire[:n], p.buffer, p.out)
			require.True(t, status != More || consumed == n || consumed > 0, "More without having used any input")
			p.wire, p.plain, p.status = p.wire[consumed:], append(p.plain, p.buffer[:size]...), status
		}
		if len(p.wire) == 0 && len(p.plain) == before && !p.Pending() {
			break
		}
	}
	return p.take()
}

// take returns what has been collected for the other end.
func (p *peer) take() []byte {
	bytes := bytes.Clone(p.out.Bytes())
	p.out.Reset()
	return bytes
}

// converse carries bytes both ways until neither end has any more to say.
func converse(t testing.TB, a, b *peer) {
	t.Helper()
	for round := 0; round < 100; round++ {
		toB := a.run(t)
		b.wire = append(b.wire, toB...)
		toA := b.run(t)
		a.wire = append(a.wire, toA...)
		if len(toA)+len(toB) == 0 {
			return
		}
	}
	t.Fatal("the ends do not come to rest")
}

func (p *peer) write(t testing.TB, data []byte) {
	t.Helper()
	require.Equal(t, Done, p.Write(data, p.out), "%v", p.Err())
}

func context(t testing.TB, config *Config) *Context {
	t.Helper()
	c, err := NewContext(config)
	require.NoError(t, err)
	t.Cleanup(c.Release)
	return c
}

func client(t testing.TB, config *Config, name string) *peer {
	t.Helper()
	s, err := context(t, config).Client(name, 443)
	return open(t, s, err)
}

func server(t testing.TB, config *Config) *peer {
	t.Helper()
	config.Server = true
	s, err := context(t, config).Server()
	return open(t, s, err)
}

// connect does a handshake that has to succeed.
func connect(t testing.TB, c, s *peer) {
	t.Helper()
	converse(t, c, s)
	require.NotNil(t, c.Info(), "client: %v", c.Err())
	require.NotNil(t, s.Info(), "server: %v", s.Err())
	require.Nil(t, c.Err())
	require.Nil(t, s.Err())
}

// exchange sends data both ways.
func exchange(t testing.TB, c, s *peer, data []byte) {
	t.Helper()
	c.plain, s.plain = nil, nil
	c.write(t, data)
	s.write(t, data)
	converse(t, c, s)
	require.True(t, bytes.Equal(data, s.plain), "server: %d of %d bytes, %v", len(s.plain), len(data), s.Err())
	require.True(t, bytes.Equal(data, c.plain), "client: %d of %d bytes, %v", len(c.plain), len(data), c.Err())
}

// trusting returns the options of a client that trusts root.
func trusting() *Config { return &Config{CA: [][]byte{root().pem}} }

func serving(identities ...Identity) *Config {
	if len(identities) == 0 {
		identities = []Identity{root().issue(subject{})}
	}
	return &Config{Server: true, Identities: identities}
}

// fails checks a failure: its code and a part of its text.
func fails(t testing.TB, err *Error, code errcode.Code, text string) {
	t.Helper()
	require.NotNil(t, err)
	require.Contains(t, err.Text, text)
	require.Equal(t, code, err.Code, err.Text)
}

// refused checks the error of NewContext and the like.
func refused(t testing.TB, err error, text string) {
	t.Helper()
	refusedAs(t, err, errcode.TLSSystemCall, text)
}

func refusedAs(t testing.TB, err error, code errcode.Code, text string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	fails(t, e, code, text)
}

// eachVersion runs a test for TLS 1.2 and 1.3.
func eachVersion(t *testing.T, test func(t *testing.T, version Protocols)) {
	for version, name := range map[Protocols]string{TLS12: "TLS 1.2", TLS13: "TLS 1.3"} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			test(t, version)
		})
	}
}
