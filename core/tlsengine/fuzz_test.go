package tlsengine

import (
	"bytes"
	"testing"
)

// feed gives a session what the fuzzer thinks of, cut into operations as the first bytes say, as
// long as it takes it.
func feed(p *peer, data []byte) {
	for round := 0; len(data) > 0 && round < 64; round++ {
		n := min(len(data), 1+int(data[0])*8)
		p.wire = append(p.wire, data[1:n]...)
		data = data[n:]
		before := -1
		for len(p.wire) != before {
			before = len(p.wire)
			var consumed, size int
			if p.shaking {
				consumed, p.status = p.Handshake(p.wire, p.out)
				p.shaking = p.status != Done
			} else {
				consumed, size, p.status = p.Read(p.wire, p.buffer, p.out)
			}
			if consumed < 0 || consumed > len(p.wire) || size < 0 || size > len(p.buffer) {
				panic("impossible result")
			}
			if p.status == More && consumed != len(p.wire) {
				panic("More without having used all input")
			}
			if (p.status == Failed) != (p.Err() != nil) || p.status == Failed && (p.Err().Text == "" || p.Err().Code == 0) {
				panic("a failure needs an error")
			}
			p.wire = p.wire[consumed:]
			p.out.Reset()
		}
	}
}

// FuzzPeer: what a hostile peer sends to a client and to a server, in the handshake and after it.
func FuzzPeer(f *testing.F) {
	config, other := trusting(), serving()
	config.ALPN, other.ALPN = []string{"a", "b"}, []string{"b"}
	for _, version := range []Protocols{TLS12, TLS13} {
		// A conversation as it should be, for the fuzzer to change.
		config.Protocols = version
		c, s := client(f, config, "test.host"), server(f, other)
		hello := c.run(f)
		s.wire = hello
		answer := s.run(f)
		f.Add(byte(0), append([]byte{255}, answer...))
		f.Add(byte(1), append([]byte{255}, hello...))
		c.wire = answer
		f.Add(byte(1), append(append([]byte{255}, hello...), c.run(f)...))
	}
	f.Add(byte(2), []byte{100, 23, 3, 3, 0, 5, 1, 2, 3, 4, 5})
	f.Add(byte(3), []byte{8, 21, 3, 3, 0, 2, 2, 40})
	f.Add(byte(4), []byte{8, 22, 3, 3, 0, 4, 0, 0, 0, 0})
	f.Add(byte(5), []byte{8, 20, 3, 3, 0, 1, 1})
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		config := trusting()
		config.Protocols = TLS12
		if which&4 != 0 {
			config.Protocols = TLS13
		}
		config.ALPN = []string{"a", "b"}
		c, s := client(t, config, "test.host"), server(t, other)
		if which&2 != 0 {
			connect(t, c, s)
		} else {
			c.run(t)
		}
		attacked := c
		if which&1 != 0 {
			attacked = s
		}
		attacked.wire = nil
		feed(attacked, data)
		if attacked.Info() != nil && which&2 == 0 && which&1 == 0 {
			t.Fatal("a client believed a peer that has no key")
		}
		attacked.Write(attacked.buffer[:100], attacked.out)
		attacked.Shutdown(attacked.out)
	})
}

// FuzzWire: two good ends and somebody between them who changes bytes. Whatever he does, what
// arrives is what was sent, or the beginning of it.
func FuzzWire(f *testing.F) {
	f.Add(byte(0), []byte{0, 1, 0, 200, 3, 255})
	f.Add(byte(1), []byte{255, 0, 255, 0, 255, 0, 10, 1})
	f.Add(byte(1), []byte{1, 7})
	other := serving()
	f.Fuzz(func(t *testing.T, flags byte, changes []byte) {
		config := trusting()
		config.Protocols = []Protocols{TLS12, TLS13}[flags&1]
		c, s := client(t, config, "test.host"), server(t, other)
		// How many bytes to let pass, and what to change the next by.
		tamper := func(wire []byte) {
			for len(changes) > 1 {
				if int(changes[0]) >= len(wire) {
					changes[0] -= byte(len(wire))
					return
				}
				wire[changes[0]] ^= changes[1]
				wire, changes = wire[int(changes[0])+1:], changes[2:]
			}
		}
		sent := [2][]byte{[]byte("from the client"), []byte("from the server")}
		written := [2]bool{}
		for round := 0; round < 20; round++ {
			for i, p := range []*peer{c, s} {
				if p.Info() != nil && !written[i] {
					written[i] = p.Write(sent[i], p.out) == Done
				}
				wire := p.run(t)
				tamper(wire)
				target := []*peer{s, c}[i]
				target.wire = append(target.wire, wire...)
			}
		}
		if !bytes.HasPrefix(sent[0], s.plain) || !bytes.HasPrefix(sent[1], c.plain) {
			t.Fatalf("arrived: %q, %q", s.plain, c.plain)
		}
	})
}

// FuzzOptions: what a user gives by mistake, or passes on from somebody else.
func FuzzOptions(f *testing.F) {
	good := root().issue(subject{})
	f.Add(good.Key, []byte("secret"), good.Certificate, root().pem, "HIGH:AES256-SHA256:TLS_AES_128_GCM_SHA256", "ECDSA+SHA256", "h2", "test.host", byte(0))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"), []byte(nil), []byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN"), "!x:@SECLEVEL=0", ":", "", "::1", byte(7))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), []byte("x"), good.Certificate, good.Certificate, "", "", "\x00", "a..b", byte(255))
	f.Fuzz(func(t *testing.T, key, password, certificate, ca []byte, ciphers, signatures, alpn, name string, flags byte) {
		config := &Config{
			Server: flags&1 != 0, Identities: []Identity{{Key: key, Password: password, Certificate: certificate}}, CA: [][]byte{ca}, Protocols: Protocols(flags >> 1 & 3),
			CipherSuite: ciphers, SignatureAlgorithms: signatures, PreferRemoteCipher: flags&8 != 0, ALPN: []string{alpn},
			SkipVerification: flags&16 != 0, VerifyClient: flags&32 != 0, NoTickets: flags&64 != 0,
		}
		for _, part := range []func(*Config){
			func(*Config) {},
			func(c *Config) { c.Identities = []Identity{good} },
			func(c *Config) { c.CA = [][]byte{root().pem} },
			func(c *Config) { c.CipherSuite, c.SignatureAlgorithms = "", "" },
			func(c *Config) { c.ALPN = nil },
		} {
			part(config)
			context, err := NewContext(config)
			if err != nil {
				if e, ok := err.(*Error); !ok || e.Text == "" || e.Code == 0 {
					t.Fatalf("%#v", err)
				}
				continue
			}
			var s *Session
			if config.Server {
				s, err = context.Server()
			} else {
				s, err = context.Client(name, 1)
			}
			if err == nil {
				p := open(t, s, nil)
				p.run(t)
			}
			context.Release()
		}
	})
}
