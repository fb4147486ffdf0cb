package tlsengine

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// TLS-16
func TestServerCertificate(t *testing.T) {
	other := newAuthority("other", nil)
	middle := newAuthority("middle", root())
	chained := middle.issue(subject{})
	complete := chained
	complete.Certificate = append(append([]byte{}, chained.Certificate...), middle.pem...)
	selfSigned := (*authority)(nil).issue(subject{})
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Minute)
	tests := []struct {
		name   string
		server Identity
		ca     []byte // nil: root
		host   string
		text   string // "": it succeeds
		alert  string
		verify int
	}{
		{name: "good", host: "test.host"},
		{name: "capitals and a dot at the end", host: "TEST.host."},
		{name: "IPv4", host: "127.0.0.1"},
		{name: "IPv6", host: "::1"},
		{name: "IPv4 in IPv6", host: "::ffff:127.0.0.1", text: `is not for "::ffff:127.0.0.1"`, verify: 64},
		{name: "wildcard, underscore", server: root().issue(subject{names: []string{"*.test.host"}}), host: "a_b.test.host"},
		{name: "underscore", server: root().issue(subject{names: []string{"a_b.test.host"}}), host: "a_b.test.host"},
		{name: "underscore, other name", server: root().issue(subject{names: []string{"a-b.test.host", "x.test.host"}}), host: "a_b.test.host",
			text: `is not for "a_b.test.host"`, verify: 62},
		{name: "wildcard, underscore, two labels", server: root().issue(subject{names: []string{"*.host"}}), host: "a_b.test.host",
			text: `is not for "a_b.test.host"`, verify: 62},
		{name: "wildcard", server: root().issue(subject{names: []string{"*.test.host"}}), host: "a.test.host"},
		{name: "wildcard, two labels", server: root().issue(subject{names: []string{"*.test.host"}}), host: "a.b.test.host",
			text: `certificate verify failed: the certificate is not for "a.b.test.host"`, verify: 62},
		{name: "wildcard within a label", server: root().issue(subject{names: []string{"a*.test.host"}}), host: "ab.test.host",
			text: `the certificate is not for "ab.test.host"`, verify: 62},
		{name: "expired", server: root().issue(subject{after: past}), host: "test.host",
			text: "certificate verify failed: certificate has expired", alert: "certificate_expired", verify: 10},
		{name: "not valid yet", server: root().issue(subject{notBefore: future}), host: "test.host",
			text: "certificate verify failed: certificate is not yet valid", verify: 9},
		{name: "self-signed", server: selfSigned, host: "test.host", text: "certificate verify failed: self-signed certificate", alert: "unknown_ca", verify: 18},
		{name: "self-signed and trusted", server: selfSigned, ca: selfSigned.Certificate, host: "test.host"},
		{name: "other host", host: "wrong.host", text: `certificate verify failed: the certificate is not for "wrong.host"`, verify: 62},
		{name: "other IP", host: "127.0.0.2", text: `certificate verify failed: the certificate is not for "127.0.0.2"`, verify: 64},
		{name: "IP as a host name", server: root().issue(subject{names: []string{"x", "127.0.0.3"}}), host: "127.0.0.4", text: "is not for", verify: 64},
		{name: "untrusted CA", ca: other.pem, host: "test.host", text: "certificate verify failed: unable to get local issuer certificate", alert: "unknown_ca", verify: 20},
		{name: "intermediate missing", server: chained, host: "test.host", text: "unable to get local issuer certificate", verify: 20},
		{name: "intermediate sent", server: complete, host: "test.host"},
		{name: "intermediate trusted", server: chained, ca: middle.pem, host: "test.host"},
		{name: "several CA", ca: append(append([]byte("# comment\n"), other.pem...), root().pem...), host: "test.host"},
	}
	for _, test := range tests {
		for _, version := range []Protocols{TLS12, TLS13} {
			t.Run(test.name, func(t *testing.T) {
				clean(t)
				config := trusting()
				config.Protocols = version
				if test.ca != nil {
					config.CA = [][]byte{test.ca}
				}
				identity := test.server
				if identity.Key == nil {
					identity = root().issue(subject{})
				}
				c, s := client(t, config, test.host), server(t, serving(identity))
				converse(t, c, s)
				if test.text == "" {
					connect(t, c, s)
					exchange(t, c, s, []byte("trusted"))
					return
				}
				require.Equal(t, Failed, c.status)
				require.Nil(t, c.Info())
				fails(t, c.Err(), errcode.TLSCertificate, test.text)
				require.Equal(t, test.verify, c.Err().Verify)
				require.Positive(t, c.Err().Alert)
				// The server learns it from the alert.
				require.NotNil(t, s.Err())
				fails(t, s.Err(), errcode.TLSCertificate, "the peer refused: alert ")
				if test.alert != "" {
					require.Contains(t, s.Err().Text, test.alert)
				}

				config.SkipVerification = true
				c, s = client(t, config, test.host), server(t, serving(identity))
				connect(t, c, s)
			})
		}
	}
}

func TestClientCertificate(t *testing.T) {
	mine := root().issue(subject{names: []string{"me"}})
	foreign := newAuthority("other", nil).issue(subject{names: []string{"me"}})
	old := root().issue(subject{names: []string{"me"}, after: time.Now().Add(-time.Minute)})
	for _, version := range []Protocols{TLS12, TLS13} {
		for _, test := range []struct {
			name       string
			identities []Identity
			text, told string
		}{
			{"given", []Identity{mine}, "", ""},
			{"missing", nil, "the peer sent no certificate", "the peer refused: alert "},
			{"untrusted", []Identity{foreign}, "unable to get local issuer certificate", "the peer refused: alert 48 unknown_ca"},
			{"expired", []Identity{old}, "certificate has expired", "the peer refused: alert 45 certificate_expired"},
		} {
			t.Run(test.name, func(t *testing.T) {
				clean(t)
				config := trusting()
				config.Protocols, config.Identities = version, test.identities
				demanding := serving()
				demanding.VerifyClient, demanding.CA = true, [][]byte{root().pem}
				c, s := client(t, config, "test.host"), server(t, demanding)
				converse(t, c, s)
				if test.text == "" {
					connect(t, c, s)
					require.Equal(t, derOf(mine.Certificate), s.Info().RemoteCertificate)
					require.Equal(t, derOf(mine.Certificate), c.Info().LocalCertificate)
					require.NotEmpty(t, c.Info().SignatureAlgorithms())
					return
				}
				require.Equal(t, Failed, s.status)
				fails(t, s.Err(), errcode.TLSCertificate, test.text)
				if version == TLS12 && len(test.identities) == 0 {
					// TLS 1.2 has no alert for this.
					fails(t, c.Err(), errcode.TLSSystemCall, "alert 40 handshake_failure")
					return
				}
				// A client of TLS 1.3 is done before the server has looked.
				require.Equal(t, Failed, c.status)
				fails(t, c.Err(), errcode.TLSCertificate, test.told)
			})
		}
	}
}

func TestServerName(t *testing.T) {
	clean(t)
	verifying, err := NewContext(trusting())
	require.NoError(t, err)
	defer verifying.Release()
	for _, name := range []string{"", ".", ".test.host", "a b", "a\x00b", "m\u00fcnchen..de", "\u0300.de", string(make([]byte, 300)), "a\nb"} {
		_, err := verifying.Client(name, 1)
		var e *Error
		require.ErrorAs(t, err, &e, "%q", name)
		require.Equal(t, errcode.Parameter, e.Code)
	}
	_, err = verifying.Server()
	require.Error(t, err)

	skipping := &Config{SkipVerification: true}
	c, s := client(t, skipping, ""), server(t, serving())
	connect(t, c, s)
	require.Empty(t, s.Info().ServerName)
	for name, sent := range map[string]string{"test.host": "test.host", "127.0.0.1": "", "::1": "", "fe80::1%lo": "", "any.host.": "any.host"} {
		c, s = client(t, skipping, name), server(t, serving())
		connect(t, c, s)
		require.Equal(t, sent, s.Info().ServerName)
		require.Equal(t, sent, c.Info().ServerName)
	}
}

func TestWeakKey(t *testing.T) {
	clean(t)
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	config := serving(root().issue(subject{key: key}))
	_, err = NewContext(config)
	refusedAs(t, err, errcode.TLSCertificate, "the key of 1024 bits is too weak")
	// A server that is less careful.
	config.CipherSuite = "HIGH:@SECLEVEL=0"
	c, s := client(t, trusting(), "test.host"), server(t, config)
	converse(t, c, s)
	fails(t, c.Err(), errcode.TLSCertificate, "certificate verify failed: EE certificate key too weak")
}

// TLS-25
func TestOptionalClientCertificate(t *testing.T) {
	mine := root().issue(subject{names: []string{"me"}})
	foreign := newAuthority("other", nil).issue(subject{names: []string{"me"}})
	eachVersion(t, func(t *testing.T, version Protocols) {
		asking := serving()
		asking.VerifyClient, asking.OptionalClient, asking.CA = true, true, [][]byte{root().pem}
		config := trusting()
		config.Protocols = version
		for range 2 { // the second is resumed
			c, s := client(t, config, "test.host"), server(t, asking)
			connect(t, c, s)
			require.Nil(t, s.Info().RemoteCertificate)
			exchange(t, c, s, []byte("hello"))
		}
		config.Identities = []Identity{mine}
		for range 2 {
			c, s := client(t, config, "test.host"), server(t, asking)
			connect(t, c, s)
			require.Equal(t, derOf(mine.Certificate), s.Info().RemoteCertificate)
			exchange(t, c, s, []byte("hello"))
		}
		config.Identities = []Identity{foreign}
		c, s := client(t, config, "test.host"), server(t, asking)
		converse(t, c, s)
		fails(t, s.Err(), errcode.TLSCertificate, "unable to get local issuer certificate")
	})
}

// TLS-27
func TestRemoteChain(t *testing.T) {
	middle := newAuthority("middle", root())
	identity, mine := middle.issue(subject{}), middle.issue(subject{names: []string{"me"}})
	for _, id := range []*Identity{&identity, &mine} {
		id.Certificate = append(id.Certificate, middle.pem...)
	}
	eachVersion(t, func(t *testing.T, version Protocols) {
		demanding := serving(identity)
		demanding.VerifyClient, demanding.CA = true, [][]byte{root().pem}
		config := trusting()
		config.Protocols, config.Identities = version, []Identity{mine}
		c, s := client(t, config, "test.host"), server(t, demanding)
		connect(t, c, s)
		require.Equal(t, derOf(identity.Certificate), c.Info().RemoteCertificate)
		require.Equal(t, derOf(mine.Certificate), s.Info().RemoteCertificate)
		for _, info := range []*Info{c.Info(), s.Info()} {
			require.Equal(t, [][]byte{derOf(middle.pem)}, info.RemoteChain)
		}
	})
}

// TLS-16: the name goes out, and is looked for, as certificates have it.
func TestNameInAnotherScript(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config := trusting()
		config.Protocols = version
		c, s := client(t, config, "b\u00fccher.Example"), server(t, serving(root().issue(subject{names: []string{"xn--bcher-kva.example"}})))
		connect(t, c, s)
		require.Equal(t, "xn--bcher-kva.example", s.Info().ServerName)
		c, s = client(t, config, "b\u00fccher.example"), server(t, serving(root().issue(subject{names: []string{"bucher.example"}})))
		converse(t, c, s)
		fails(t, c.Err(), errcode.TLSCertificate, "the certificate is not for")
	})
}
