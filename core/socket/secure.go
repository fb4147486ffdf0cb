package socket

import (
	"strings"

	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

// secure is what a TLS socket has been told: its context, of which it holds a reference, and the
// name to verify.
type secure struct {
	context    *tlsengine.Context
	serverName string
	bad        *tlsengine.Error // compat: why a server has no context
}

// SetSecure makes a context of options and keeps it for connects, or for the clients
// that come from now on.
func (s *Socket) SetSecure(config *tlsengine.Config, serverName, operation string) errcode.Code {
	next := secure{serverName: serverName}
	var err error
	next.context, err = tlsengine.NewContext(config)
	if err == nil && config.Server && next.context.NeedsSystemStore() {
		// A server may verify its first client at any time.
		if err = tlsengine.LoadSystemStore(); err != nil {
			next.context.Release()
		}
	}
	if err != nil {
		next.bad = engineError(err)
		if !s.compat || operation != "listen" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failedSaying(operation, next.bad)
			return next.bad.Code
		}
		next.context = nil
	}
	s.mu.Lock()
	old := next
	if !s.released {
		old, s.secure = s.secure, next
	}
	released := s.released
	s.mu.Unlock()
	old.drop()
	if released {
		return errcode.BadFD
	}
	return errcode.OK
}

// engineError is an error of the engine as such.
func engineError(err error) *tlsengine.Error {
	if e, ok := err.(*tlsengine.Error); ok {
		return e
	}
	return &tlsengine.Error{Code: errcode.TLSSystemCall, Text: err.Error()}
}

func (x *secure) drop() {
	if x.context != nil {
		x.context.Release()
		x.context = nil
	}
}

// share returns what the socket has been told, with a reference of its own. mu is held.
func (s *Socket) share() secure {
	x := s.secure
	if x.context != nil {
		x.context.Retain()
	}
	return x
}

// forgetSecure drops what a socket that nobody can use any more has been told.
func (s *Socket) forgetSecure() {
	s.mu.Lock()
	var x secure
	if s.released && s.state == stateIdle {
		x, s.secure = s.secure, secure{}
	}
	s.mu.Unlock()
	x.drop()
}

// agreed takes what the handshake has agreed on. mu is held.
func (s *Socket) agreed() {
	s.info = s.tls.session.Info()
	if s.compat {
		s.suites = strings.Join(s.tls.session.EnabledCipherSuites(), ":")
	}
}

// TLSInfo returns what the handshake has agreed on; of a server, what it offers.
func (s *Socket) TLSInfo() (*tlsengine.Info, errcode.Code) {
	if !s.kind.IsTLS() {
		return nil, errcode.NotSupported
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == stateIdle, s.state == stateOpening:
		return nil, errcode.TLSNotBound
	case s.kind == KindTLSServer && s.secure.context != nil:
		return s.secure.context.Info(), errcode.OK
	case s.info == nil:
		return nil, errcode.TLSSession
	}
	return s.info, errcode.OK
}

// CipherSuite returns the suite that was agreed on; in compat mode all that are enabled.
func (s *Socket) CipherSuite(i *tlsengine.Info) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suites != "" {
		return s.suites
	}
	return i.CipherSuite
}
