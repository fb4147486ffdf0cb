package socket

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// shake takes the handshake as far as it goes without waiting. It has failed if failure is
// not nil; e is why nothing can be written to the peer any more, which is a failure too
// unless done.
func (s *Socket) shake(fd int) (done bool, failure *tlsengine.Error, e unix.Errno) {
	l, t := s.loop, s.tls
	unwritten := s.peerGone(s.flushRecordsAll(fd), &e)
	if e != 0 {
		return false, nil, e
	}
	for budget := l.readBudget(); ; {
		var in []byte
		if unwritten == 0 && budget.isSpent() {
			s.schedule(workRead) // shakeOn
			return false, nil, 0
		}
		if t.speaks {
			t.speaks = false
		} else {
			var what arrival
			in, what, e = s.nextInput(fd)
			switch {
			case what == arrivedBytes && len(in) > 0:
			case what == arrivedError:
				return false, nil, e
			case unwritten != 0:
				return false, nil, unwritten
			case what == arrivedEnd:
				return false, t.session.Truncated(), 0
			case what == arrivedNothing:
				s.ready = 0
				return false, nil, 0
			default:
				return false, nil, 0
			}
		}
		consumed, status := t.session.Handshake(in, l.cipherOut)
		if n := s.peerGone(s.finishStep(fd, in, consumed), &e); unwritten == 0 {
			unwritten = n
		}
		switch {
		case status == tlsengine.Failed:
			return false, t.session.Err(), 0
		case e != 0:
			return false, nil, e
		case status == tlsengine.Done:
			return true, nil, unwritten
		}
	}
}

// peerGone tells a peer that has gone from other errors of writing, which it puts into
// failure: among what such a peer has sent before may be the reason.
func (s *Socket) peerGone(e unix.Errno, failure *unix.Errno) unix.Errno {
	switch e {
	case unix.ECONNRESET, unix.EPIPE:
		s.ready |= pollIn
		s.tls.cipher.FreeAll()
		s.tls.waiting = 0
		return e
	}
	*failure = e
	return 0
}

// flushRecordsAll writes what waits, before there is a queue to be written.
func (s *Socket) flushRecordsAll(fd int) unix.Errno {
	for s.tls.cipher.First != nil {
		switch e := s.flushRecords(fd); e {
		case 0:
		case unix.EAGAIN:
			return 0
		default:
			return e
		}
	}
	return 0
}

// readyEarly is Ready while the listeners have not seen the connection.
func (s *Socket) readyEarly(events uint32) {
	s.ready |= events & (pollIn | pollGone | pollUrgent)
	if s.tls.phase == phaseHandshake {
		s.shakeServer()
	}
}

// shakeOn goes on with a handshake whose turn was over.
func (s *Socket) shakeOn() {
	if s.tls.phase != phaseHandshake {
		return
	}
	if s.kind().isAccepted() {
		s.shakeServer()
		return
	}
	s.mu.Lock()
	c := s.connector()
	s.mu.Unlock()
	if c != nil && c.shaking != nil {
		c.shake(0)
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
	if s.inheritedError != errcode.OK {
		c.address = a.address
		c.finish(s.inheritedError)
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
	s.ready = 0
	c.shake(events)
}

// shake goes on with the handshake.
func (c *connector) shake(events uint32) {
	s := c.s
	s.ready |= events & (pollIn | pollGone | pollUrgent)
	done, failure, e := s.shake(c.shaking.fd)
	if done && e != 0 {
		failure = s.findAlert(c.shaking.fd)
	}
	switch {
	case failure != nil:
		c.shakeFailed(failure.Code, failure.Text)
	case e != 0:
		c.shakeFailed(errcode.FromErrno(errcode.Client, e), "")
	case done:
		a := c.shaking
		c.shaking = nil
		c.succeed(a, s.ready|pollIn)
	}
}

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
