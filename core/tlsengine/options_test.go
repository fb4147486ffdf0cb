package tlsengine

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

func TestEveryKindOfKey(t *testing.T) {
	_, ed25519Key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	identities := map[string]Identity{
		"P-256": root().issue(subject{}), "P-384": root().issue(subject{key: p384}),
		"RSA": root().issue(subject{key: rsaKey()}), "Ed25519": root().issue(subject{key: ed25519Key}),
	}
	// Kinds that Go does not make; self-signed.
	trust := [][]byte{root().pem}
	for name, arguments := range map[string][]string{
		"Ed448":   {"-newkey", "ed448"},
		"RSA-PSS": {"-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"},
	} {
		directory := t.TempDir()
		key := filepath.Join(directory, "key")
		certificate := openssl(t, nil, append([]string{"req", "-x509", "-nodes", "-subj", "/CN=x", "-days", "1",
			"-addext", "subjectAltName=DNS:test.host", "-keyout", key}, arguments...)...)
		text, err := os.ReadFile(key)
		require.NoError(t, err)
		identities[name] = Identity{Key: text, Certificate: certificate}
		trust = append(trust, certificate)
	}
	// Other forms and encryption.
	rsaPEM := identities["RSA"].Key
	add := func(name, of string, key []byte, password string) {
		identity := identities[of]
		identity.Key = key
		if password != "" {
			identity.Password = []byte(password)
		}
		identities[name] = identity
	}
	add("PKCS#1", "RSA", openssl(t, rsaPEM, "rsa", "-traditional"), "")
	add("PKCS#1, encrypted", "RSA", openssl(t, rsaPEM, "rsa", "-traditional", "-aes256", "-passout", "pass:secret"), "secret")
	add("PKCS#1, DES", "RSA", openssl(t, rsaPEM, "rsa", "-traditional", "-des3", "-passout", "pass:secret"), "secret")
	add("PKCS#8, encrypted", "RSA", openssl(t, rsaPEM, "pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:secret"), "secret")
	add("PKCS#8, scrypt", "P-256", openssl(t, identities["P-256"].Key, "pkcs8", "-topk8", "-scrypt", "-passout", "pass:secret"), "secret")
	add("SEC1", "P-256", openssl(t, identities["P-256"].Key, "ec"), "")
	add("SEC1, encrypted", "P-256", openssl(t, identities["P-256"].Key, "ec", "-aes128", "-passout", "pass:secret"), "secret")
	add("SEC1 after parameters", "P-256", append(openssl(t, nil, "ecparam", "-name", "prime256v1"), openssl(t, identities["P-256"].Key, "ec")...), "")
	add("certificate and key in one", "P-256", append(append([]byte{}, identities["P-256"].Certificate...), identities["P-256"].Key...), "")
	add("lines end with CR LF", "P-256", bytes.ReplaceAll(identities["P-256"].Key, []byte("\n"), []byte("\r\n")), "")
	add("a password that is not needed", "P-256", identities["P-256"].Key, "unused")

	for name, identity := range identities {
		t.Run(name, func(t *testing.T) {
			clean(t)
			c, s := client(t, &Config{CA: trust}, "test.host"), server(t, serving(identity))
			connect(t, c, s)
			exchange(t, c, s, []byte(name))
			require.Equal(t, derOf(identity.Certificate), c.Info().RemoteCertificate)
			require.Equal(t, derOf(identity.Certificate), s.Info().LocalCertificate)
		})
	}
}

// curveIdentity is self-signed.
func curveIdentity(t *testing.T, curve string) Identity {
	key := openssl(t, nil, "ecparam", "-genkey", "-noout", "-name", curve)
	return Identity{Key: key, Certificate: openssl(t, key, "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=test.host", "-days", "1")}
}

// TLS-4
func TestBadCredentials(t *testing.T) {
	good := root().issue(subject{})
	encrypted := openssl(t, good.Key, "pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:secret")
	traditional := openssl(t, good.Key, "ec", "-aes128", "-passout", "pass:secret")
	x25519 := openssl(t, nil, "genpkey", "-algorithm", "X25519")
	block, _ := pem.Decode(good.Certificate)
	cut := pemOf("CERTIFICATE", block.Bytes[:len(block.Bytes)-10])
	longer := pemOf("CERTIFICATE", append(append([]byte{}, block.Bytes...), 0))
	with := func(change func(*Identity)) *Config {
		identity := good
		change(&identity)
		return serving(identity)
	}
	for name, test := range map[string]struct {
		config *Config
		text   string
		code   errcode.Code
	}{
		"key of another certificate":  {with(func(i *Identity) { i.Key = root().issue(subject{}).Key }), "identity: the key does not belong to the certificate", errcode.TLSCertificate},
		"key of another kind":         {with(func(i *Identity) { i.Key = root().issue(subject{key: rsaKey()}).Key }), "identity: the key does not belong to the certificate", errcode.TLSCertificate},
		"no password":                 {with(func(i *Identity) { i.Key = encrypted }), "identity.key: the private key is encrypted and no password was given", errcode.TLSSystemCall},
		"no password, traditional":    {with(func(i *Identity) { i.Key = traditional }), "identity.key: the private key is encrypted and no password was given", errcode.TLSSystemCall},
		"wrong password":              {with(func(i *Identity) { i.Key, i.Password = encrypted, []byte("wrong") }), "identity.key: the password of the private key is wrong", errcode.TLSSystemCall},
		"wrong password, traditional": {with(func(i *Identity) { i.Key, i.Password = traditional, []byte("wrong") }), "identity.key: the password of the private key is wrong", errcode.TLSSystemCall},
		"empty password":              {with(func(i *Identity) { i.Key, i.Password = encrypted, []byte{} }), "identity.key: the password of the private key is wrong", errcode.TLSSystemCall},
		"long password":               {with(func(i *Identity) { i.Key, i.Password = encrypted, make([]byte, 100_000) }), "identity.key: the password of the private key is too long", errcode.TLSSystemCall},
		"key is garbage":              {with(func(i *Identity) { i.Key = []byte("garbage") }), "identity.key: no private key in PEM form", errcode.TLSSystemCall},
		"key is empty":                {with(func(i *Identity) { i.Key = nil }), "identity.key: no private key in PEM form", errcode.TLSSystemCall},
		"key is a certificate":        {with(func(i *Identity) { i.Key = i.Certificate }), "identity.key: no private key in PEM form", errcode.TLSSystemCall},
		"key is damaged":              {with(func(i *Identity) { i.Key = bytes.Replace(i.Key, []byte("\nM"), []byte("\n!"), 1) }), "identity.key: the private key cannot be read", errcode.TLSSystemCall},
		"key is cut":                  {with(func(i *Identity) { i.Key = i.Key[:100] }), "identity.key: the private key cannot be read", errcode.TLSSystemCall},
		"key of no use":               {with(func(i *Identity) { i.Key = x25519 }), "identity: a key of type X25519 cannot be used", errcode.TLSCertificate},
		"certificate is garbage":      {with(func(i *Identity) { i.Certificate = []byte("garbage") }), "identity: no certificate in PEM form", errcode.TLSCertificate},
		"certificate is empty":        {with(func(i *Identity) { i.Certificate = nil }), "identity: no certificate in PEM form", errcode.TLSCertificate},
		"certificate is a key":        {with(func(i *Identity) { i.Certificate = i.Key }), "identity: no certificate in PEM form", errcode.TLSCertificate},
		"certificate is DER":          {with(func(i *Identity) { i.Certificate = block.Bytes }), "identity: no certificate in PEM form", errcode.TLSCertificate},
		"certificate is damaged":      {with(func(i *Identity) { i.Certificate = bytes.Replace(i.Certificate, []byte("\nM"), []byte("\n!"), 1) }), "identity: certificate 1 cannot be read: ", errcode.TLSCertificate},
		"certificate is cut":          {with(func(i *Identity) { i.Certificate = i.Certificate[:100] }), "identity: certificate 1 cannot be read: ", errcode.TLSCertificate},
		"certificate is cut inside":   {with(func(i *Identity) { i.Certificate = cut }), "identity: certificate 1 cannot be read: ", errcode.TLSCertificate},
		"bytes after the certificate": {with(func(i *Identity) { i.Certificate = longer }), "identity: certificate 1 cannot be read: it is damaged", errcode.TLSCertificate},
		"second certificate damaged":  {with(func(i *Identity) { i.Certificate = append(append([]byte{}, good.Certificate...), cut...) }), "identity: certificate 2 cannot be read: ", errcode.TLSCertificate},
		"key on an unusual curve":     {serving(curveIdentity(t, "secp256k1")), "identity: a key on the curve secp256k1 cannot be used", errcode.TLSCertificate},
		"key on a curve of brainpool": {serving(curveIdentity(t, "brainpoolP256r1")), "identity: a key on the curve brainpoolP256r1 cannot be used", errcode.TLSCertificate},
		"no identity":                 {&Config{Server: true}, "identity: a server needs a key and a certificate", errcode.TLSSystemCall},
		"second identity":             {serving(good, Identity{Key: good.Key}), "identity[1]: no certificate in PEM form", errcode.TLSCertificate},
		"CA is garbage":               {&Config{CA: [][]byte{[]byte("garbage")}}, "ca: no certificate in PEM form", errcode.TLSCertificate},
		"CA is empty":                 {&Config{CA: [][]byte{nil}}, "ca: no certificate in PEM form", errcode.TLSCertificate},
		"CA is cut":                   {&Config{CA: [][]byte{cut}}, "ca: certificate 1 cannot be read: ", errcode.TLSCertificate},
		"second CA":                   {&Config{CA: [][]byte{root().pem, []byte("x")}}, "ca[1]: no certificate in PEM form", errcode.TLSCertificate},
		"certificate of a client":     {&Config{Identities: []Identity{{Key: good.Key}}}, "identity: no certificate in PEM form", errcode.TLSCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			_, err := NewContext(test.config)
			refusedAs(t, err, test.code, test.text)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// TLS-4, TLS-18: which versions a list leaves.
func TestCipherSuite(t *testing.T) {
	rsaIdentity := root().issue(subject{key: rsaKey()})
	for _, test := range []struct {
		list      string
		protocols Protocols
		suite     string
		version   string
		text      string // of the error
	}{
		{list: "AES256-SHA256", suite: "AES256-SHA256", version: "TLSv1.2"},
		{list: "TLS_RSA_WITH_AES_256_CBC_SHA256", suite: "AES256-SHA256", version: "TLSv1.2"},
		{list: "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA256", suite: "ECDHE-RSA-AES128-GCM-SHA256", version: "TLSv1.2"},
		{list: "ECDHE-RSA-AES128-GCM-SHA256:!aNULL", suite: "ECDHE-RSA-AES128-GCM-SHA256", version: "TLSv1.2"},
		{list: "DHE-RSA-AES256-GCM-SHA384", suite: "DHE-RSA-AES256-GCM-SHA384", version: "TLSv1.2"},
		{list: "TLS_CHACHA20_POLY1305_SHA256", suite: "TLS_CHACHA20_POLY1305_SHA256", version: "TLSv1.3"},
		{list: "TLS_AES_128_CCM_SHA256", suite: "TLS_AES_128_CCM_SHA256", version: "TLSv1.3"},
		{list: "AES256-SHA256:TLS_AES_128_GCM_SHA256", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "AES256-SHA256:TLS_AES_128_GCM_SHA256", protocols: TLS12, suite: "AES256-SHA256", version: "TLSv1.2"},
		// What protocols names stays possible, with OpenSSL's suites: the sample values of
		// OpenHarmony's guide.
		{list: "AES256-SHA256", protocols: TLS12 | TLS13, suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "TLS_AES_128_GCM_SHA256", protocols: TLS12 | TLS13, suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "HIGH:!aNULL:!MD5:!RC4", suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "HIGH:!aNULL", protocols: TLS12, suite: "ECDHE-RSA-AES256-GCM-SHA384", version: "TLSv1.2"},
		{list: "ECDHE+AESGCM,@STRENGTH", suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "AES256-SHA256 HIGH", suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "AES256-SHA256:NONSENSE", text: `cipher_suite: "NONSENSE" is not a cipher suite`},
		{list: "aes256-sha256", text: `"aes256-sha256" is not a cipher suite`},
		{list: "TLS_NONSENSE", text: `cipher_suite: "TLS_NONSENSE" is not a cipher suite`},
		{list: "!aNULL", text: "leaves no cipher suite"},
		{list: ":::", text: "leaves no cipher suite"},
		{list: "aNULL", text: "leaves no cipher suite"},
		{list: "AES256-SHA256:!AES", text: "leaves no cipher suite"},
		{list: "AES256\x00-SHA256", text: "contains a NUL"},
		{list: "HIGH:@NONSENSE", text: `"@NONSENSE" is neither @STRENGTH nor`},
		{list: "HIGH:@SECLEVEL=6", text: `"@SECLEVEL=6" is neither @STRENGTH nor`},
		{list: "HIGH:@SECLEVEL=1", protocols: TLS12, suite: "ECDHE-RSA-AES256-GCM-SHA384", version: "TLSv1.2"},
		{list: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:!TLS_AES_256_GCM_SHA384", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "!TLS_AES_256_GCM_SHA384:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:-TLS_AES_256_GCM_SHA384", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "-TLS_AES_256_GCM_SHA384:TLS_AES_256_GCM_SHA384", suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:+TLS_AES_256_GCM_SHA384", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "DEFAULT:!TLS_AES_256_GCM_SHA384", suite: "TLS_CHACHA20_POLY1305_SHA256", version: "TLSv1.3"},
		{list: "DEFAULT:+TLS_AES_256_GCM_SHA384", suite: "TLS_CHACHA20_POLY1305_SHA256", version: "TLSv1.3"},
		{list: "DEFAULT:!AES256", suite: "TLS_CHACHA20_POLY1305_SHA256", version: "TLSv1.3"},
		{list: "DEFAULT:!AESGCM+AES256:!CHACHA20", suite: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3"},
		{list: "DEFAULT:!AESGCM:!CHACHA20", suite: "ECDHE-RSA-AES256-SHA384", version: "TLSv1.2"},
		{list: "ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA256:!TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", suite: "AES256-SHA256", version: "TLSv1.2"},
		{list: "ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA256:!ECDHE-RSA-AES256-GCM-SHA384", suite: "AES256-SHA256", version: "TLSv1.2"},
		{list: "AES256-SHA256:AES128-SHA256:+AES256-SHA256", suite: "AES128-SHA256", version: "TLSv1.2"},
		{list: "DEFAULT:!aNULL:!MD5:!RC4:!EXPORT:!RC4-SHA:!DES-CBC3-SHA:!ECDHE-RSA-DES-CBC3-SHA:!EXP-RC4-MD5", suite: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3"},
		{list: "DEFAULT:!NO-SUCH-SUITE", text: `cipher_suite: "!NO-SUCH-SUITE": "NO-SUCH-SUITE" is not a cipher suite`},
		{list: "DEFAULT:-NOSUCH", text: `"NOSUCH" is not a cipher suite`},
		{list: "DEFAULT:+NOSUCH", text: `"NOSUCH" is not a cipher suite`},
		{list: "DEFAULT:!ECDHE-RSA-AES256-GCM-SHA348", text: "is not a cipher suite"},
		{list: "DEFAULT:!TLS_AES_256_GCM_SHA348", text: "is not a cipher suite"},
		{list: "DEFAULT:!aRSA+NOSUCH", text: "is not a cipher suite"},
		{list: "DEFAULT:!", text: "is not a cipher suite"},
		{list: "DEFAULT:!!aNULL", text: "is not a cipher suite"},
		{list: "TLS_AES_128_GCM_SHA256:!TLS_AES_128_GCM_SHA256", text: "leaves no cipher suite"},
		{list: "DEFAULT:!AESGCM:!CHACHA20", protocols: TLS13, text: "has no suite of the version that protocols asks for"},
		{list: strings.Repeat("AES256-SHA256:", 2000), text: "more than 16384 bytes"},
		{list: "TLS_AES_128_GCM_SHA256", protocols: TLS12, text: "has no suite of the version that protocols asks for"},
		{list: "AES256-SHA256", protocols: TLS13, text: "has no suite of the version that protocols asks for"},
	} {
		t.Run(test.list, func(t *testing.T) {
			clean(t)
			config := trusting()
			config.CipherSuite, config.Protocols = test.list, test.protocols
			if test.text != "" {
				_, err := NewContext(config)
				refused(t, err, test.text)
				return
			}
			// On either side.
			c, s := client(t, config, "test.host"), server(t, &Config{Identities: []Identity{rsaIdentity}, CipherSuite: "ALL:TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"})
			s.Close()
			s = server(t, &Config{Identities: []Identity{rsaIdentity}, CipherSuite: test.list, Protocols: test.protocols})
			connect(t, c, s)
			require.Equal(t, test.suite, c.Info().CipherSuite)
			require.Equal(t, test.suite, s.Info().CipherSuite)
			require.Equal(t, test.version, s.Info().Protocol)
			exchange(t, c, s, []byte("data"))
		})
	}
}

func TestNoneInCommon(t *testing.T) {
	clean(t)
	rsaIdentity := root().issue(subject{key: rsaKey()})
	for _, test := range []struct {
		client, server Config
		says, told     string
	}{
		{Config{CipherSuite: "AES128-GCM-SHA256"}, Config{CipherSuite: "AES256-SHA256"}, "no shared cipher", "alert 40 handshake_failure"},
		{Config{CipherSuite: "TLS_AES_128_GCM_SHA256"}, Config{CipherSuite: "TLS_CHACHA20_POLY1305_SHA256"}, "no shared cipher", "alert 40 handshake_failure"},
		{Config{Protocols: TLS12}, Config{Protocols: TLS13}, "unsupported protocol", "alert 70 protocol_version"},
		{Config{Protocols: TLS13}, Config{Protocols: TLS12}, "unsupported protocol", "alert 70 protocol_version"},
		{Config{Protocols: TLS13, SignatureAlgorithms: "ECDSA+SHA256"}, Config{}, "no suitable signature algorithm", "alert 40 handshake_failure"},
		{Config{Protocols: TLS12, SignatureAlgorithms: "ECDSA+SHA256"}, Config{CipherSuite: "ECDHE-RSA-AES256-GCM-SHA384"}, "no shared cipher", "alert 40 handshake_failure"},
		{Config{ALPN: []string{"a", "b"}}, Config{ALPN: []string{"c"}}, "no application protocol", "alert 120 no_application_protocol"},
	} {
		test.client.CA, test.server.Identities = [][]byte{root().pem}, []Identity{rsaIdentity}
		c, s := client(t, &test.client, "test.host"), server(t, &test.server)
		converse(t, c, s)
		fails(t, s.Err(), errcode.TLSSystemCall, test.says)
		fails(t, c.Err(), errcode.TLSSystemCall, "the peer refused: "+test.told)
		require.Equal(t, s.Err().Alert, c.Err().Alert)
	}
}

func TestSignatureAlgorithms(t *testing.T) {
	clean(t)
	config := trusting()
	config.SignatureAlgorithms = "rsa_pss_rsae_sha256:ECDSA+SHA256"
	c, s := client(t, config, "test.host"), server(t, serving())
	connect(t, c, s)
	require.Equal(t, []string{"ECDSA+SHA256", "RSA-PSS+SHA256"}, s.Info().SignatureAlgorithms(), "in the server's order")
	require.Empty(t, c.Info().SignatureAlgorithms())

	c, s = client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	offered := slices.DeleteFunc(s.Info().SignatureAlgorithms(), func(name string) bool {
		return strings.HasPrefix(name, "id-ml-dsa-") // offered first, from OpenSSL 3.5 on
	})
	require.Equal(t, []string{"ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512", "Ed25519+UNDEF", "Ed448+UNDEF"}, offered[:5])
	seen := map[string]bool{}
	for _, name := range s.Info().SignatureAlgorithms() {
		require.False(t, seen[name], name)
		seen[name] = true
	}
	for _, list := range []string{"NONSENSE", "ECDSA+SHA256:RSA+NONSENSE", ":", "ECDSA+SHA256:", "\x00", strings.Repeat("ECDSA+SHA256:", 100)} {
		config.SignatureAlgorithms = list
		_, err := NewContext(config)
		refused(t, err, "signature_algorithms: ")
	}
}

func TestPreferRemoteCipher(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		one, two := "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
		if version == TLS13 {
			one, two = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"
		}
		for remote, suite := range map[bool]string{false: two, true: one} {
			config, other := trusting(), serving()
			config.CipherSuite, other.CipherSuite, other.PreferRemoteCipher = one+":"+two, two+":"+one, remote
			c, s := client(t, config, "test.host"), server(t, other)
			connect(t, c, s)
			require.Equal(t, suite, c.Info().CipherSuite)
		}
	})
}

func TestALPN(t *testing.T) {
	clean(t)
	for _, test := range []struct {
		client, server []string
		chosen         string
	}{
		{[]string{"spdy/1", "http/1.1"}, []string{"http/1.1", "spdy/1"}, "http/1.1"},
		{[]string{"a", "b"}, []string{"b"}, "b"},
		{[]string{"a"}, nil, ""},
		{nil, []string{"a"}, ""},
		{[]string{strings.Repeat("x", 255)}, []string{strings.Repeat("x", 255)}, strings.Repeat("x", 255)},
	} {
		config, other := trusting(), serving()
		config.ALPN, other.ALPN = test.client, test.server
		c, s := client(t, config, "test.host"), server(t, other)
		connect(t, c, s)
		require.Equal(t, test.chosen, c.Info().ALPN)
		require.Equal(t, test.chosen, s.Info().ALPN)
	}
	for _, names := range [][]string{{""}, {"a", ""}, {strings.Repeat("x", 256)}, slicesOf(300)} {
		config := trusting()
		config.ALPN = names
		_, err := NewContext(config)
		refused(t, err, "alpn_protocols: ")
	}
}

func slicesOf(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strings.Repeat("x", 255)
	}
	return names
}

func TestBadProtocols(t *testing.T) {
	clean(t)
	_, err := NewContext(&Config{Protocols: 4})
	refused(t, err, "protocols: 0x4 ")
}

func TestIdentityByName(t *testing.T) {
	clean(t)
	first := root().issue(subject{names: []string{"first.host", "shared.host"}})
	firstRSA := root().issue(subject{key: rsaKey(), names: []string{"first.host", "shared.host"}})
	second := root().issue(subject{names: []string{"second.host", "*.wild.host"}})
	third := root().issue(subject{key: rsaKey(), names: []string{"third.host"}})
	config := serving(first, second, third, firstRSA)
	for _, test := range []struct {
		name, ciphers string
		want          Identity
	}{
		{"first.host", "", first}, {"second.host", "", second}, {"a.wild.host", "", second}, {"third.host", "", third},
		{"unknown.host", "", first}, {"127.0.0.1", "", first}, {"", "", first},
		{"first.host", "ECDHE-RSA-AES128-GCM-SHA256", firstRSA}, {"unknown.host", "ECDHE-RSA-AES128-GCM-SHA256", firstRSA},
		{"third.host", "ECDHE-RSA-AES128-GCM-SHA256", third},
	} {
		c := client(t, &Config{SkipVerification: true, CipherSuite: test.ciphers}, test.name)
		s := server(t, config)
		connect(t, c, s)
		require.Equal(t, derOf(test.want.Certificate), c.Info().RemoteCertificate, "%q", test.name)
		require.Equal(t, derOf(test.want.Certificate), s.Info().LocalCertificate, "%q", test.name)
	}
	// What fits the name but not the client's suites is no choice.
	c, s := client(t, &Config{SkipVerification: true, CipherSuite: "ECDHE-RSA-AES128-GCM-SHA256"}, "second.host"), server(t, config)
	converse(t, c, s)
	fails(t, s.Err(), errcode.TLSSystemCall, "no shared cipher")
}

func TestChainIsCompletedFromTheCA(t *testing.T) {
	clean(t)
	middle := newAuthority("middle", root())
	identity := middle.issue(subject{})
	config := serving(identity)
	config.CA = [][]byte{root().pem, middle.pem}
	c, s := client(t, trusting(), "test.host"), server(t, config)
	connect(t, c, s) // the client knows the root only
	require.Equal(t, derOf(identity.Certificate), c.Info().RemoteCertificate)
}

func TestOptionsAreNotKept(t *testing.T) {
	clean(t)
	identity := root().issue(subject{})
	config := serving(Identity{Key: bytes.Clone(identity.Key), Certificate: bytes.Clone(identity.Certificate)})
	config.CA = [][]byte{bytes.Clone(root().pem)}
	held := context(t, config)
	for _, b := range [][]byte{config.Identities[0].Key, config.Identities[0].Certificate, config.CA[0]} {
		clear(b)
	}
	s, err := held.Server()
	accepting := open(t, s, err)
	connect(t, client(t, trusting(), "test.host"), accepting)
}

func TestEqualOptionsShareAContext(t *testing.T) {
	clean(t)
	one, again := context(t, trusting()), context(t, trusting())
	require.Same(t, one, again)
	contexts, _, _ := Live()
	require.Equal(t, 1, contexts)
	seen := map[contextKey]string{one.key: "none"}
	identity := root().issue(subject{})
	other := root().issue(subject{})
	for name, change := range map[string]func(*Config){
		"server":   func(c *Config) { c.Server, c.Identities = true, []Identity{identity} },
		"other":    func(c *Config) { c.Server, c.Identities = true, []Identity{other} },
		"identity": func(c *Config) { c.Identities = []Identity{identity} },
		"password": func(c *Config) {
			c.Identities = []Identity{{Key: identity.Key, Password: []byte("x"), Certificate: identity.Certificate}}
		},
		"ca":         func(c *Config) { c.CA = append(c.CA, identity.Certificate) },
		"system":     func(c *Config) { c.CA = nil },
		"protocols":  func(c *Config) { c.Protocols = TLS12 },
		"cipher":     func(c *Config) { c.CipherSuite = "AES256-SHA256" },
		"signature":  func(c *Config) { c.SignatureAlgorithms = "ECDSA+SHA256" },
		"groups":     func(c *Config) { c.Groups = "P-256" },
		"pins":       func(c *Config) { c.Pins = []string{strings.Repeat("00", 32)} },
		"prefer":     func(c *Config) { c.PreferRemoteCipher = true },
		"alpn":       func(c *Config) { c.ALPN = []string{"ab"} },
		"alpn split": func(c *Config) { c.ALPN = []string{"a", "b"} },
		"skip":       func(c *Config) { c.SkipVerification = true },
		"no tickets": func(c *Config) { c.NoTickets = true },
		"verify":     func(c *Config) { c.Server, c.Identities, c.VerifyClient = true, []Identity{identity}, true },
		"optional": func(c *Config) {
			c.Server, c.Identities, c.VerifyClient, c.OptionalClient = true, []Identity{identity}, true, true
		},
	} {
		config := trusting()
		change(config)
		key := context(t, config).key
		require.Empty(t, seen[key], "%s has the context of %s", name, seen[key])
		seen[key] = name
	}
}

func TestKeptContextsAreBounded(t *testing.T) {
	clean(t)
	for i := range 3 * contextsKept {
		c, err := NewContext(&Config{SkipVerification: true, ALPN: []string{string(rune('A' + i))}})
		require.NoError(t, err)
		c.Release()
	}
	contexts, _, _ := Live()
	require.Zero(t, contexts)
	contextCache.mu.Lock()
	defer contextCache.mu.Unlock()
	require.Len(t, contextCache.idle, contextsKept)
	require.Len(t, contextCache.byKey, contextsKept)
}

// TLS-23
func TestGroups(t *testing.T) {
	// With TLS 1.2 the list is also one of curves for certificates.
	identity := root().issue(subject{key: rsaKey()})
	eachVersion(t, func(t *testing.T, version Protocols) {
		for _, test := range []struct{ client, server, agreed string }{
			{"P-384", "", "secp384r1"},
			{"", "P-521", "secp521r1"},
			{"X25519:P-256", "P-256", "secp256r1"},
			{"secp384r1", "x25519:P-384", "secp384r1"},
			{"X25519", "X25519", "x25519"},
		} {
			config, other := trusting(), serving(identity)
			config.Protocols, config.Groups, other.Groups = version, test.client, test.server
			c, s := client(t, config, "test.host"), server(t, other)
			connect(t, c, s)
			require.Equal(t, test.agreed, c.Info().Group, "%v", test)
			require.Equal(t, test.agreed, s.Info().Group, "%v", test)
		}
		config, other := trusting(), serving(identity)
		config.Protocols, config.Groups, other.Groups = version, "X25519", "P-256"
		other.CipherSuite = "ECDHE+AESGCM" // TLS 1.2 has groups for nothing else
		c, s := client(t, config, "test.host"), server(t, other)
		converse(t, c, s)
		require.Equal(t, errcode.TLSSystemCall, s.Err().Code)
		fails(t, c.Err(), errcode.TLSSystemCall, "the peer refused: alert 40 handshake_failure")
	})
	clean(t)
	for _, list := range []string{"NONSENSE", "X25519:NONSENSE", ":", "X25519:", "*X25519", "?X25519", "X25519/P-256", "DEFAULT"} {
		config := trusting()
		config.Groups = list
		_, err := NewContext(config)
		refused(t, err, "is not a group of this OpenSSL")
	}
	for _, list := range []string{"\x00", strings.Repeat("X25519:", 3000)} {
		config := trusting()
		config.Groups = list
		_, err := NewContext(config)
		refused(t, err, "groups: ")
	}
}

// TLS-24: static RSA only if it is named.
func TestDefaultSuites(t *testing.T) {
	clean(t)
	rsaIdentity := root().issue(subject{key: rsaKey()})
	for _, test := range []struct {
		client, server string
		good           bool
	}{
		{"AES256-SHA256", "", false},
		{"", "AES256-SHA256", false},
		{"AES256-SHA256", "AES256-SHA256", true},
		{"ECDHE-RSA-AES128-GCM-SHA256", "", true},
		{"DHE-RSA-AES128-GCM-SHA256", "", true},
	} {
		config, other := trusting(), serving(rsaIdentity)
		config.CipherSuite, other.CipherSuite, config.Protocols = test.client, test.server, TLS12
		c, s := client(t, config, "test.host"), server(t, other)
		converse(t, c, s)
		require.Equal(t, test.good, c.Info() != nil && s.Info() != nil, "%v", test)
	}
	c := client(t, trusting(), "test.host")
	for _, suite := range c.EnabledCipherSuites() {
		require.NotRegexp(t, "^(AES|CAMELLIA|ARIA|NULL)", suite)
	}
}
