package tlsengine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// meet connects a client of config to a server of other, exchanges something and says whether a
// session was resumed.
func meet(t *testing.T, config, other *Config, name string) bool {
	t.Helper()
	c, s := client(t, config, name), server(t, other)
	connect(t, c, s)
	exchange(t, c, s, []byte("hello"))
	require.Equal(t, c.Info().Resumed, s.Info().Resumed)
	require.NotEmpty(t, c.Info().RemoteCertificate)
	require.Equal(t, Done, c.Shutdown(c.out))
	require.Equal(t, Done, s.Shutdown(s.out))
	converse(t, c, s)
	resumed := c.Info().Resumed
	c.Close()
	s.Close()
	return resumed
}

func TestResumption(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config, other := trusting(), serving()
		config.Protocols, other.ALPN = version, []string{"a"}
		require.False(t, meet(t, config, other, "test.host"))
		for range 10 {
			require.True(t, meet(t, config, other, "test.host"))
		}
		require.True(t, meet(t, config, other, "TEST.host."), "the same name")
		require.False(t, meet(t, config, other, "127.0.0.1"), "another name")
		require.True(t, meet(t, config, other, "127.0.0.1"))

		// Other options of the client.
		changed := *config
		changed.ALPN = []string{"a"}
		require.False(t, meet(t, &changed, other, "test.host"))
		changed = *config
		changed.CA = [][]byte{append(root().pem, ' ')}
		require.False(t, meet(t, &changed, other, "test.host"))
	})
}

func TestResumptionIsOfOnePort(t *testing.T) {
	clean(t)
	require.False(t, meet(t, trusting(), serving(), "test.host"))
	s, err := context(t, trusting()).Client("test.host", 444)
	c := open(t, s, err)
	accepting := server(t, serving())
	connect(t, c, accepting)
	require.False(t, c.Info().Resumed)
}

func TestResumptionWithAClientCertificate(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config, other := trusting(), serving()
		config.Protocols, config.Identities = version, []Identity{root().issue(subject{})}
		other.VerifyClient, other.CA = true, [][]byte{root().pem}
		require.False(t, meet(t, config, other, "test.host"))
		require.True(t, meet(t, config, other, "test.host"))
	})
}

func TestResumptionGetsTheNameOfTheServer(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config, other := trusting(), serving()
		config.Protocols = version
		meet(t, config, other, "test.host")
		c, s := client(t, config, "test.host"), server(t, other)
		connect(t, c, s)
		require.True(t, s.Info().Resumed)
		require.Equal(t, "test.host", s.Info().ServerName)
		require.Equal(t, "test.host", c.Info().ServerName)
	})
}

func TestNoResumption(t *testing.T) {
	for _, version := range []Protocols{TLS12, TLS13} {
		for name, change := range map[string]func(c, s *Config){
			"not verified":              func(c, _ *Config) { c.SkipVerification = true },
			"the client has no tickets": func(c, _ *Config) { c.NoTickets = true },
			"the server has no tickets": func(_, s *Config) { s.NoTickets = true },
		} {
			t.Run(name, func(t *testing.T) {
				clean(t)
				config, other := trusting(), serving()
				config.Protocols = version
				change(config, other)
				for range 3 {
					require.False(t, meet(t, config, other, "test.host"))
				}
			})
		}
	}
}

// A session that was made with one host is given to a connection to another, as a defect of the
// cache would.
func TestResumedSessionOfAnotherHostIsRefused(t *testing.T) {
	for _, name := range []string{"other.host", "127.0.0.9"} {
		eachVersion(t, func(t *testing.T, version Protocols) {
			config, other := trusting(), serving()
			config.Protocols = version
			meet(t, config, other, "test.host")
			resumptions.mu.Lock()
			require.Len(t, resumptions.byKey, 1)
			entry := resumptions.order.Front().Value.(*resumptionEntry)
			delete(resumptions.byKey, entry.key)
			host, ip, err := readName(name)
			require.NoError(t, err)
			entry.key.host, entry.key.ip = host, ip
			resumptions.byKey[entry.key] = resumptions.order.Front()
			resumptions.mu.Unlock()

			c, s := client(t, config, name), server(t, other)
			converse(t, c, s)
			fails(t, c.Err(), errcode.TLSCertificate, fmt.Sprintf("the certificate is not for %q", name))
			require.Nil(t, c.Info())
		})
	}
}

func TestATicketOfTLS13IsUsedOnce(t *testing.T) {
	clean(t)
	config, other := trusting(), serving()
	config.Protocols = TLS13
	meet(t, config, other, "test.host")
	require.Equal(t, 2, resumptions.count)
	held := context(t, config)
	for range 2 {
		s, err := held.Client("test.host", 443)
		open(t, s, err)
	}
	require.Zero(t, resumptions.count)
}

func TestAFailedHandshakeLeavesNoSession(t *testing.T) {
	clean(t)
	config, other := trusting(), serving()
	config.Protocols = TLS12
	c, s := client(t, config, "wrong.host"), server(t, other)
	converse(t, c, s)
	require.NotNil(t, c.Err())
	require.Zero(t, resumptions.count)
}

func TestKeptSessionsAreBounded(t *testing.T) {
	clean(t)
	config, other := trusting(), serving()
	for range 2 * resumptionsEach {
		meet(t, config, other, "test.host")
	}
	require.LessOrEqual(t, resumptions.count, resumptionsEach)
	held := context(t, config)
	accepting := context(t, other)
	for port := range resumptionsKept {
		s, err := held.Client("test.host", 1000+port)
		c := open(t, s, err)
		s, err = accepting.Server()
		a := open(t, s, err)
		connect(t, c, a)
		c.Close()
		a.Close()
	}
	require.Equal(t, resumptionsKept, resumptions.count)
	require.Equal(t, len(resumptions.byKey), resumptions.order.Len())
	require.Less(t, len(resumptions.byKey), resumptionsKept)
}

// A server that sends a long chain does not fill the memory of its clients with it.
func TestLargeSessionsAreNotKept(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config := trusting()
		config.Protocols = version
		identity := root().issue(subject{})
		for len(identity.Certificate) < 60_000 {
			identity.Certificate = append(identity.Certificate, root().pem...)
		}
		other := serving(identity)
		require.False(t, meet(t, config, other, "test.host"))
		require.False(t, meet(t, config, other, "test.host"))
	})
}

func TestSessionsOfAServerThatForgot(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config := trusting()
		config.Protocols = version
		require.False(t, meet(t, config, serving(), "test.host"))
		// Another key for the tickets: a full handshake, and the new session is what is kept.
		fresh := serving()
		fresh.ALPN = []string{"x"}
		require.False(t, meet(t, config, fresh, "test.host"))
		require.True(t, meet(t, config, fresh, "test.host"))
	})
}

// TLS-19. Behind the change of cipher TLS 1.2 encrypts: a Finished that begins as an over-long
// hello does is none.
func TestAnEncryptedFinishedIsNotTakenForAHello(t *testing.T) {
	clean(t)
	config, other := trusting(), serving()
	config.Protocols = TLS12
	meet(t, config, other, "test.host")
	c, s := client(t, config, "test.host"), server(t, other)
	s.wire = c.run(t)
	c.wire = s.run(t)
	flight := c.run(t)
	const changeOfCipher, recordHeader = 6, 5
	require.True(t, c.Info().Resumed)
	require.Equal(t, []byte{20, 22}, []byte{flight[0], flight[changeOfCipher]}, "change of cipher, Finished")
	copy(flight[changeOfCipher+recordHeader:], []byte{1, 1, 0, 0})
	s.wire = flight
	s.run(t)
	fails(t, s.Err(), errcode.TLSSystemCall, "bad record mac")
}
