package tlsengine

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// keyOfCertificate returns the pin of a certificate, in PEM, as Go computes it.
func keyOfCertificate(t *testing.T, pem []byte) []byte {
	t.Helper()
	certificate, err := x509.ParseCertificate(derOf(pem))
	require.NoError(t, err)
	digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return digest[:]
}

// TLS-26
func TestPins(t *testing.T) {
	identity := root().issue(subject{})
	identity.Certificate = append(identity.Certificate, root().pem...) // which a peer may send
	own, authority := keyOfCertificate(t, identity.Certificate), keyOfCertificate(t, root().pem)
	other := keyOfCertificate(t, root().issue(subject{}).Certificate)
	encode := base64.StdEncoding.EncodeToString
	for _, test := range []struct {
		name string
		pins []string
		skip bool
		good bool
	}{
		{"the key", []string{encode(own)}, false, true},
		{"its second form", []string{"sha256/" + encode(own)}, false, true},
		{"curl's form", []string{"sha256//" + encode(own)}, false, true},
		{"hexadecimal", []string{hex.EncodeToString(own)}, false, true},
		{"hexadecimal, with colons", []string{colons(own)}, false, true},
		{"the second of two", []string{encode(other), encode(own)}, false, true},
		{"the authority", []string{encode(authority)}, false, true},
		{"another", []string{encode(other)}, false, false},
		{"the key, not verified", []string{encode(own)}, true, true},
		{"the authority, not verified", []string{encode(authority)}, true, false},
		{"another, not verified", []string{encode(other)}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version Protocols) {
				config := trusting()
				config.Protocols, config.Pins, config.SkipVerification = version, test.pins, test.skip
				name := "test.host"
				if test.skip {
					name, config.CA = "another.host", nil
				}
				c, s := client(t, config, name), server(t, serving(identity))
				if test.good {
					connect(t, c, s)
					return
				}
				converse(t, c, s)
				require.Nil(t, c.Info())
				fails(t, c.Err(), errcode.TLSCertificate, "no key of the chain is one of pins")
				require.True(t, s.Err() != nil && s.Err().Code == errcode.TLSCertificate, "the server has an alert: %v", s.Err())
			})
		})
	}
}

// TLS-26: a pin does not take the chain's place unless verification is off.
func TestPinOfACertificateThatIsNotTrusted(t *testing.T) {
	clean(t)
	foreign := newAuthority("other", nil).issue(subject{})
	config := trusting()
	config.Pins = []string{base64.StdEncoding.EncodeToString(keyOfCertificate(t, foreign.Certificate))}
	c, s := client(t, config, "test.host"), server(t, serving(foreign))
	converse(t, c, s)
	fails(t, c.Err(), errcode.TLSCertificate, "unable to get local issuer certificate")
}

func TestPinsOfClients(t *testing.T) {
	mine, another := root().issue(subject{}), root().issue(subject{})
	eachVersion(t, func(t *testing.T, version Protocols) {
		demanding := serving()
		demanding.VerifyClient, demanding.CA = true, [][]byte{root().pem}
		demanding.Pins = []string{base64.StdEncoding.EncodeToString(keyOfCertificate(t, mine.Certificate))}
		config := trusting()
		config.Protocols, config.Identities = version, []Identity{mine}
		c, s := client(t, config, "test.host"), server(t, demanding)
		connect(t, c, s)
		config.Identities = []Identity{another}
		c, s = client(t, config, "test.host"), server(t, demanding)
		converse(t, c, s)
		fails(t, s.Err(), errcode.TLSCertificate, "no key of the chain is one of pins")
	})
}

func TestBadPins(t *testing.T) {
	clean(t)
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, pin := range []string{"", "x", good[1:], good + "=", "sha1/" + good, "sha256///" + good, strings.Repeat("0", 63), strings.Repeat("0", 66), "\x00"} {
		_, err := NewContext(&Config{CA: [][]byte{root().pem}, Pins: []string{good, pin}})
		refused(t, err, "pins[1]: ")
	}
}

// TLS-26: base64 may begin with "/", and hexadecimal with what is base64, too.
func TestReadPin(t *testing.T) {
	for _, first := range []byte{0x00, 0xfc, 0xff, 0xfb} { // "A", "/", "//", "+"
		want := make([]byte, 32)
		want[0], want[1] = first, 0xff
		text := base64.StdEncoding.EncodeToString(want)
		for _, pin := range []string{text, "sha256/" + text, "sha256//" + text, hex.EncodeToString(want), colons(want)} {
			got, good := readPin(pin)
			require.True(t, good, pin)
			require.Equal(t, want, got, pin)
		}
	}
}

// TLS-26: a server that asks for no certificate would take everybody.
func TestPinsOfAServerThatAsksNobody(t *testing.T) {
	clean(t)
	config := serving()
	config.Pins = []string{base64.StdEncoding.EncodeToString(make([]byte, 32))}
	_, err := NewContext(config)
	refused(t, err, "pins: the server asks its clients for no certificate")
}

func colons(digest []byte) string {
	var parts []string
	for _, b := range digest {
		parts = append(parts, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(parts, ":")
}
