package tlsengine

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// TLS-3: an error of OpenSSL's own is no alert of the peer.
func TestErrorsOfOurOwn(t *testing.T) {
	clean(t)
	for _, record := range []string{"\x17\x03\x03\x00\x05AAAAA", "\x17\x03\x03\x00\x00", "\x16\x03\x03\x00\x05AAAAA"} {
		for _, suite := range []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA256", "TLS_AES_128_GCM_SHA256"} {
			config := trusting()
			config.CipherSuite = suite
			c, s := client(t, config, "test.host"), server(t, serving())
			connect(t, c, s)
			s.wire = []byte(record)
			s.run(t)
			require.Equal(t, Failed, s.status)
			require.NotContains(t, s.Err().Text, "the peer refused")
			require.Less(t, s.Err().Alert, 256)
		}
	}
}

// TLS-3: what the peer says of our certificate, in whatever alert, is about a certificate; the
// others are not.
func TestEachAlert(t *testing.T) {
	clean(t)
	certificate := map[string]bool{}
	for _, name := range []string{"no_certificate", "bad_certificate", "unsupported_certificate", "certificate_revoked",
		"certificate_expired", "certificate_unknown", "unknown_ca", "access_denied", "decrypt_error", "certificate_unobtainable",
		"bad_certificate_status_response", "bad_certificate_hash_value", "certificate_required"} {
		certificate[name] = true
	}
	for number, name := range alertNames {
		if name == "close_notify" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := client(t, trusting(), "test.host")
			c.run(t) // its hello
			c.wire = []byte{21, 3, 3, 0, 2, 2, byte(number)}
			c.run(t)
			require.Equal(t, Failed, c.status)
			code := errcode.TLSSystemCall
			if certificate[name] {
				code = errcode.TLSCertificate
			}
			fails(t, c.Err(), code, fmt.Sprintf("the peer refused: alert %d %s", number, name))
		})
	}
}

// TLS-15: names of CA that no message can hold are left out.
func TestManyAuthorities(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		identity := root().issue(subject{})
		config := serving(identity)
		config.VerifyClient, config.CA, config.Protocols = true, [][]byte{root().pem}, version
		for i := range 150 {
			config.CA = append(config.CA, newAuthority(fmt.Sprintf("%0500d", i), nil).pem)
		}
		other := trusting()
		other.Identities = []Identity{identity}
		c, s := client(t, other, "test.host"), server(t, config)
		connect(t, c, s)
		exchange(t, c, s, []byte("data"))
		require.NotEmpty(t, s.Info().RemoteCertificate)
	})
}

// TLS-16: of two authorities with one name that one is taken that has signed, whatever their order.
func TestAuthoritiesOfOneName(t *testing.T) {
	old, fresh := plainAuthority(t), plainAuthority(t)
	for name, signer := range map[string]*authority{"old": old, "new": fresh} {
		for _, ca := range [][][]byte{{old.pem, fresh.pem}, {fresh.pem, old.pem}, {append(bytes.Clone(old.pem), fresh.pem...)}} {
			t.Run(name, func(t *testing.T) {
				clean(t)
				c, s := client(t, &Config{CA: ca}, "test.host"), server(t, serving(signer.issue(subject{})))
				connect(t, c, s)
			})
		}
	}
	clean(t)
	c, s := client(t, &Config{CA: [][]byte{old.pem, fresh.pem}}, "test.host"), server(t, serving(plainAuthority(t).issue(subject{})))
	converse(t, c, s)
	fails(t, c.Err(), errcode.TLSCertificate, "certificate verify failed")
}

// plainAuthority is one without key identifiers, all of one name.
func plainAuthority(t *testing.T) *authority {
	key := newKey()
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("[req]\ndistinguished_name=name\nx509_extensions=all\n[name]\n[all]\n"+
		"basicConstraints=critical,CA:true\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"), 0o600))
	text := openssl(t, pemOf("PRIVATE KEY", encoded), "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=plain", "-days", "1", "-config", config)
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.Empty(t, certificate.SubjectKeyId)
	return &authority{certificate, key, text}
}

// TLS-16: a server finds the certificate of a name that is sent with a final dot, or with '_'.
func TestIdentityOfUnusualNames(t *testing.T) {
	clean(t)
	names := []string{"test.host", "second.host", "*.wild.host"}
	first, second := root().issue(subject{}), root().issue(subject{names: names})
	for name, want := range map[string]Identity{
		"second.host": second, "second.host.": second, "SECOND.host.": second, "second.host..": first, "a_b.wild.host": second, "a_b.wild.host.": second,
	} {
		s := server(t, serving(first, second))
		s.sClient(t, []string{"-servername", name}, [][2]string{{"", "Q"}})
		require.NotNil(t, s.Info(), "%q: %v", name, s.Err())
		require.Equal(t, derOf(want.Certificate), s.Info().LocalCertificate, "%q", name)
	}
}

// TLS-8: a ticket of TLS 1.2 is for the name that it was made for.
func TestTicketOfOtherName(t *testing.T) {
	clean(t)
	identity, kept := root().issue(subject{}), filepath.Join(t.TempDir(), "session")
	resumed := func(arguments ...string) bool {
		s := server(t, serving(identity))
		s.sClient(t, append([]string{"-tls1_2"}, arguments...), [][2]string{{"", "Q"}})
		require.NotNil(t, s.Info(), "%v", s.Err())
		return s.Info().Resumed
	}
	require.False(t, resumed("-servername", "one.host", "-sess_out", kept))
	require.True(t, resumed("-servername", "one.host", "-sess_in", kept))
	require.True(t, resumed("-servername", "ONE.host", "-sess_in", kept))
	require.False(t, resumed("-servername", "two.host", "-sess_in", kept))
	require.True(t, resumed("-servername", "one.host", "-sess_in", kept))
}

// TLS-8: of a client without tickets the server itself keeps the session, for the name that it was
// made for.
func TestSessionWithoutATicket(t *testing.T) {
	clean(t)
	identity := root().issue(subject{names: []string{"one.host", "two.host"}})
	kept := filepath.Join(t.TempDir(), "session")
	resumed := func(change func(*Config), arguments ...string) bool {
		config := serving(identity)
		change(config)
		s := server(t, config)
		s.sClient(t, append([]string{"-tls1_2", "-no_ticket"}, arguments...), [][2]string{{"", "Q"}})
		require.NotNil(t, s.Info(), "%v", s.Err())
		return s.Info().Resumed
	}
	same := func(*Config) {}
	require.False(t, resumed(same, "-servername", "one.host", "-sess_out", kept))
	for range 3 {
		require.True(t, resumed(same, "-servername", "ONE.host", "-sess_in", kept))
	}
	require.False(t, resumed(same, "-servername", "two.host", "-sess_in", kept))
	require.True(t, resumed(same, "-servername", "one.host", "-sess_in", kept))
	require.False(t, resumed(func(c *Config) { c.ALPN = []string{"a"} }, "-servername", "one.host", "-sess_in", kept), "other options")

	without := func(c *Config) { c.NoTickets = true }
	require.False(t, resumed(without, "-servername", "one.host", "-sess_out", kept))
	require.False(t, resumed(without, "-servername", "one.host", "-sess_in", kept))
}

// TLS-16: at most one final dot belongs to a name.
func TestBadServerName(t *testing.T) {
	for _, name := range []string{"test.host..", "..", ".", ".test.host", "a b"} {
		require.Error(t, CheckServerName(name), name)
	}
	for _, name := range []string{"", "test.host.", "::1", "::ffff:127.0.0.1", "a_b.host"} {
		require.NoError(t, CheckServerName(name), name)
	}
}
