package socket

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

// identity is a certificate for localhost that vouches for itself.
type identity struct {
	certificate, key []byte // PEM
	pair             tls.Certificate
	pool             *x509.CertPool
}

var (
	testIdentity   = sync.OnceValue(newIdentity)
	otherAuthority = sync.OnceValue(func() []byte { return newIdentity().certificate })
)

func newIdentity() identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	i := identity{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
		pool:        x509.NewCertPool(),
	}
	i.pair, err = tls.X509KeyPair(i.certificate, i.key)
	must(err)
	i.pool.AppendCertsFromPEM(i.certificate)
	return i
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// secured gives a TLS probe its options.
func secured(p *probe) *probe {
	i := testIdentity()
	config := &tlsengine.Config{CA: [][]byte{i.certificate}, NoTickets: true}
	if p.s.kind().isSecureServer() {
		config = &tlsengine.Config{Server: true, Identities: []tlsengine.Identity{{Certificate: i.certificate, Key: i.key}}}
	}
	x, code := p.s.NewSecure(config, "", "test")
	require.Equal(p.f, errcode.OK, code)
	require.Equal(p.f, errcode.OK, p.s.SetSecure(x))
	return p
}

// rawTLSServer is a TLS server of package tls over a raw connection; rawTLSClient is its client.
func rawTLSServer(c net.Conn) *tls.Conn {
	return tls.Server(c, &tls.Config{Certificates: []tls.Certificate{testIdentity().pair}})
}

func rawTLSClient(c net.Conn) *tls.Conn {
	return tls.Client(c, &tls.Config{RootCAs: testIdentity().pool, ServerName: "localhost"})
}
