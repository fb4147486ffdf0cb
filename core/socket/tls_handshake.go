package socket

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/handshake"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// readyEarly is Ready while the listeners have not seen the connection.
func (s *Socket) readyEarly(events uint32) {
	s.ready |= events & (pollIn | pollGone | pollUrgent)
	if s.establishment != nil {
		s.establishment.owner.goOn()
	}
}

// needsStore reports whether the system's certificates have to be read first.
func (x *TLSConfig) needsStore() bool { return x.context != nil && x.context.NeedsSystemStore() }

// defaultSecure returns the defaults for a client without options, nil for others.
func (s *Socket) defaultSecure() (*TLSConfig, errcode.Code) {
	s.mu.Lock()
	has := s.secure.context != nil
	s.mu.Unlock()
	if has {
		return nil, errcode.OK
	}
	return s.NewSecure(&tlsengine.Config{}, "", "connect")
}

// serverSecure returns what a TLS server that has been told nothing is to have: in compat mode
// nothing to show to its clients, otherwise an error. For others it is nil.
func (s *Socket) serverSecure() (*TLSConfig, errcode.Code) {
	if !s.kind().isSecureServer() {
		return nil, errcode.OK
	}
	s.mu.Lock()
	has := s.secure.context != nil || s.secure.bad != nil
	s.mu.Unlock()
	if has {
		return nil, errcode.OK
	}
	return s.NewSecure(&tlsengine.Config{Server: true}, "", "listen")
}

// ---- Client ----

// verifiedName returns the name that the server's certificate must have.
func (c *connector) verifiedName() string {
	name := c.secure.serverName
	if sa, literal := c.target.Literal(); name == "" && literal {
		name = string(sa.AppendText(nil))
	} else if name == "" {
		name = c.target.Host()
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.WithZone("").String()
	}
	return name
}

// beginCarried begins the handshake on the connection that the socket has.
func (c *connector) beginCarried() {
	s := c.s
	c.begun = true
	s.mu.Lock()
	a := &attempt{c: c, fd: int(s.fd), address: s.remote.Sockaddr(), opts: s.opts}
	s.mu.Unlock()
	if m := s.arrived(); m != nil && m.failure != errcode.OK {
		c.address = a.address
		c.finish(m.failure)
		return
	}
	if s.token != 0 {
		// Taken over from a TCP socket together with its place in the set.
		a.token = s.token
		s.token = 0
		s.loop.reactor.Replace(a.token, a)
	} else {
		var e unix.Errno
		if a.token, e = s.loop.reactor.Add(a.fd, a); e != 0 {
			c.finish(errcode.FromErrno(errcode.Client, e))
			return
		}
	}
	c.beginTLS(a, s.ready|pollIn)
}

// beginTLS begins the handshake on an attempt's connection. It has beaten the others, which
// wait again, for the case that the handshake fails.
func (c *connector) beginTLS(a *attempt, events uint32) {
	s := c.s
	var beaten []netaddr.Sockaddr
	for _, t := range c.trying {
		if t != a {
			s.loop.reactor.Remove(t.token, t.fd)
			sys.Close(t.fd)
			beaten = append(beaten, t.address)
		}
	}
	c.trying, c.waiting = nil, append(beaten, c.waiting...)
	c.shaking = a
	c.address = a.address
	c.started = reactor.Clock()
	c.setTimer()
	session, err := c.secure.context.Client(c.verifiedName(), c.target.Port())
	if err != nil {
		e := engineError(err)
		c.waiting, c.looking = nil, false // it is not the peer's fault
		c.shakeFailed(e.Code, e.Text)
		return
	}
	s.startTLS(session)
	s.establish(a.fd, c, &s.tls.pipe, &tlsStage{session: session, loop: s.loop, client: true})
	s.ready = 0
	c.readyToShake(events)
}

// readyToShake goes on with the handshake when the descriptor has become ready.
func (c *connector) readyToShake(events uint32) {
	c.s.ready |= events & (pollIn | pollGone | pollUrgent)
	c.goOn()
}

func (c *connector) goOn() { c.s.establishment.advance() }

func (c *connector) established(e unix.Errno) {
	if e == 0 {
		a := c.shaking
		c.shaking = nil
		c.succeed(a, c.s.ready|pollIn)
		return
	}
	failure := c.s.findAlert(c.shaking.fd)
	if failure == nil {
		failure = &tlsengine.Error{Code: errcode.FromErrno(errcode.Client, e)}
	}
	c.shakeFailed(failure.Code, failure.Text)
}

func (c *connector) notEstablished(f handshake.Failure) { c.shakeFailed(f.Code, f.Text) }

// findAlert looks for an alert in what a peer has sent that is not there any more to get our last
// flight. Plaintext before it is dropped: the connection was never open.
func (s *Socket) findAlert(fd int) *tlsengine.Error {
	plain := buffer.NewBlock(buffer.LargeBlock)
	if plain == nil {
		return nil
	}
	defer plain.Free()
	for {
		in, what, _ := s.nextInput(fd)
		if what != arrivedBytes {
			return nil
		}
		consumed, _, status := s.tls.session.Read(in, plain.Rest()[:minRead], s.loop.cipherOut)
		s.loop.cipherOut.Reset()
		switch {
		case status == tlsengine.Failed:
			failure := *s.tls.session.Err()
			if failure.Code == errcode.TLSRead {
				failure.Code = errcode.TLSSystemCall // of a connect, as all alerts
			}
			return &failure
		case status == tlsengine.Ended, s.tls.keepInput(in, consumed) != 0:
			return nil
		}
	}
}

// shakeFailed has the next address tried. A peer whose certificate is refused, or that refuses
// ours, has answered: then, and without another address, the connect has failed.
func (c *connector) shakeFailed(code errcode.Code, text string) {
	address := c.shaking.address
	c.abandonTLS()
	c.outcome = outcome{code, address, text}
	if code == errcode.TLSCertificate || len(c.waiting) == 0 && !c.looking && c.shook == nil {
		c.finish(code)
		return
	}
	if c.shook == nil {
		first := c.outcome
		c.shook = &first
	}
	c.next()
}

// abandonTLS gives the connection of a handshake up. A carried one stays open until the
// socket closes.
func (c *connector) abandonTLS() {
	s, a := c.s, c.shaking
	c.shaking = nil
	s.stopTLS()
	s.ready = 0
	s.loop.reactor.Remove(a.token, a.fd)
	if !c.isCarried() {
		c.attemptFailed(a, unix.ECANCELED)
	}
}
