package socket

import (
	"strings"

	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

// TLSConfig holds the options of a TLS socket: a reference to its context, and the name to verify.
// It is made by NewSecure and belongs to the socket as soon as it has been given to one of its
// functions.
type TLSConfig struct {
	context    *tlsengine.Context
	serverName string
	bad        *tlsengine.Error // compat: why a server has no context
}

// NewSecure makes a context of options for the socket. What is wrong with them is remembered as
// the failure of the operation.
func (s *Socket) NewSecure(config *tlsengine.Config, serverName, operation string) (*TLSConfig, errcode.Code) {
	next := &TLSConfig{serverName: serverName}
	if !config.Server {
		if err := tlsengine.CheckServerName(serverName); err != nil {
			return nil, s.RefuseSecure(operation, "server_name: "+err.Error())
		}
	}
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
			s.noteTLSFailureLocked(operation, next.bad)
			return nil, next.bad.Code
		}
		next.context = nil
	}
	return next, errcode.OK
}

// RefuseSecure remembers what is wrong with options of which no context can be made.
func (s *Socket) RefuseSecure(operation, text string) errcode.Code {
	s.mu.Lock()
	s.noteTLSFailureLocked(operation, &tlsengine.Error{Code: errcode.Parameter, Text: text})
	s.mu.Unlock()
	return errcode.Parameter
}

// SetSecure gives the socket what its next connect, or the clients that come from now on, are
// to have.
func (s *Socket) SetSecure(x *TLSConfig) errcode.Code {
	s.mu.Lock()
	released := s.released
	if !released {
		s.setSecure(x)
	}
	s.mu.Unlock()
	x.drop()
	if released {
		return errcode.BadFD
	}
	return errcode.OK
}

// setSecure exchanges what the socket has been told for x, which has the old afterwards. mu is
// held.
func (s *Socket) setSecure(x *TLSConfig) { s.secure, *x = *x, s.secure }

// engineError is an error of the engine as such.
func engineError(err error) *tlsengine.Error {
	if e, ok := err.(*tlsengine.Error); ok {
		return e
	}
	return &tlsengine.Error{Code: errcode.TLSSystemCall, Text: err.Error()}
}

func (x *TLSConfig) drop() {
	if x != nil && x.context != nil {
		x.context.Release()
		x.context = nil
	}
}

// shareLocked returns what the socket has been told, with a reference of its own.
func (s *Socket) shareLocked() TLSConfig {
	if !s.kind().isConfigured() {
		return TLSConfig{}
	}
	x := s.secure
	if x.context != nil {
		x.context.Retain()
	}
	return x
}

// forgetSecure drops what a socket that nobody can use any more has been told.
func (s *Socket) forgetSecure() {
	if !s.kind().secure {
		return
	}
	s.mu.Lock()
	var x TLSConfig
	if s.released && s.state.isIdle() {
		x, s.secure = s.secure, TLSConfig{}
	}
	s.mu.Unlock()
	x.drop()
}

// negotiatedLocked takes what the handshake has agreed on.
func (s *Socket) negotiatedLocked() {
	s.info = s.tls.session.Info()
	if s.compat {
		s.suites = strings.Join(s.tls.session.EnabledCipherSuites(), ":")
	}
}

// TLSInfo returns what the handshake has agreed on; of a server, what it offers.
func (s *Socket) TLSInfo() (*tlsengine.Info, errcode.Code) {
	if !s.kind().secure {
		return nil, errcode.NotSupported
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.state.isOpen():
		return nil, errcode.TLSNotBound
	case s.kind().isSecureServer() && s.secure.context != nil:
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
