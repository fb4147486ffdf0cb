package main

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
	"ohsocket/core/tlsengine"
)

const (
	// maxPEM bounds what is read of a caller's PEM text, maxList that of a list of names.
	maxPEM  = 1 << 20
	maxList = 16 << 10
	// maxTexts is the number of certificates and identities there may be, maxALPN how
	// many application protocols, maxPins how many pins.
	maxTexts = 1000
	maxALPN  = 100
	maxPins  = 100
)

// readSecure makes secure options for a socket of those at the address; nil for 0.
func readSecure(s *socket.Socket, options uintptr, operation string) (*socket.TLSConfig, errcode.Code) {
	if options == 0 {
		return nil, errcode.OK
	}
	if !s.TakesSecure() {
		return nil, errcode.NotSupported
	}
	var o abi.TLSOptions
	if code := readStruct(options, &o); code != errcode.OK {
		return nil, s.RefuseSecure(operation, "tls: "+structMistake("SOCKET_TLS_OPTIONS_INIT", options, unsafe.Sizeof(o), unsafe.Alignof(o)))
	}
	r := optionReader{}
	config, serverName := r.config(&o, s.IsServer())
	if r.bad != "" {
		return nil, s.RefuseSecure(operation, r.bad)
	}
	return s.NewSecure(config, serverName, operation)
}

// optionReader looks at the caller's memory, and remembers the first member that cannot be.
type optionReader struct{ bad string }

func (r *optionReader) refuse(format string, arguments ...any) {
	if r.bad == "" {
		r.bad = fmt.Sprintf(format, arguments...)
	}
}

// config copies only texts that are not secret.
func (r *optionReader) config(o *abi.TLSOptions, server bool) (*tlsengine.Config, string) {
	if o.Protocols&^(abi.ProtocolTLS12|abi.ProtocolTLS13) != 0 {
		r.refuse("protocols is %#x, which is not of SOCKET_PROTOCOL_TLS12 and _TLS13", o.Protocols)
	}
	c := &tlsengine.Config{
		Server:              server,
		CA:                  r.texts("ca", o.CA, o.CACount, maxTexts, maxPEM),
		Protocols:           tlsengine.Protocols(o.Protocols),
		CipherSuite:         string(r.text("cipher_suite", o.CipherSuite, maxList)),
		SignatureAlgorithms: string(r.text("signature_algorithms", o.SignatureAlgorithms, maxList)),
		Groups:              string(r.text("groups", o.Groups, maxList)),
		PreferRemoteCipher:  r.truth("use_remote_cipher_prefer", o.UseRemoteCipherPrefer) && server,
		SkipVerification:    r.truth("skip_remote_validation", o.SkipRemoteValidation) && !server,
		VerifyClient:        r.truth("is_bidirectional_authentication", o.IsBidirectionalAuthentication) && server,
		OptionalClient:      r.truth("optional_client_certificate", o.OptionalClientCertificate) && server,
		NoTickets:           r.truth("no_session_resumption", o.NoSessionResumption),
	}
	if o.IsBidirectionalAuthentication == 1 && o.OptionalClientCertificate == 1 {
		r.refuse("is_bidirectional_authentication and optional_client_certificate are both 1")
	}
	c.VerifyClient = c.VerifyClient || c.OptionalClient
	for _, pin := range r.texts("pins", o.Pins, o.PinCount, maxPins, 255) {
		c.Pins = append(c.Pins, string(pin))
	}
	if o.Identity != (abi.TLSIdentity{}) {
		c.Identities = append(c.Identities, r.identity("identity", o.Identity))
	}
	for i, id := range array[abi.TLSIdentity](r, "more_identities", "more_identity_count", o.MoreIdentities, o.MoreIdentityCount, maxTexts) {
		c.Identities = append(c.Identities, r.identity(fmt.Sprintf("more_identities[%d]", i), id))
	}
	for i, protocol := range r.texts("alpn_protocols", o.ALPNProtocols, o.ALPNProtocolCount, maxALPN, 255) {
		if len(protocol) == 0 {
			r.refuse("alpn_protocols[%d] is empty", i)
		}
		c.ALPN = append(c.ALPN, string(protocol))
	}
	return c, string(r.text("server_name", o.ServerName, maxText))
}

func (r *optionReader) truth(member string, value int32) bool {
	if value != 0 && value != 1 {
		r.refuse("%s is %d, 0 and 1 are possible", member, value)
	}
	return value == 1
}

func (r *optionReader) text(member string, p uintptr, limit int) []byte {
	b, fits := cBytes(p, limit)
	if !fits {
		r.refuse("%s is longer than %d bytes", member, limit)
	}
	return b
}

// texts reads an array of count texts; the member with their number has the name of the array
// without its plural.
func (r *optionReader) texts(member string, p uintptr, count int32, most, limit int) [][]byte {
	var all [][]byte
	for i, q := range array[uintptr](r, member, strings.TrimSuffix(member, "s")+"_count", p, count, most) {
		one := fmt.Sprintf("%s[%d]", member, i)
		if q == 0 {
			r.refuse("%s is NULL", one)
		}
		all = append(all, r.text(one, q, limit))
	}
	return all
}

func (r *optionReader) identity(member string, id abi.TLSIdentity) tlsengine.Identity {
	return tlsengine.Identity{
		Name:        member,
		Certificate: r.text(member+".cert", id.Cert, maxPEM),
		Key:         r.text(member+".key", id.Key, maxPEM),
		Password:    r.text(member+".password", id.Password, maxList),
	}
}

// array looks at a caller's array of count elements.
func array[T any](r *optionReader, member, counter string, p uintptr, count int32, most int) []T {
	var one T
	switch {
	case count == 0:
	case count < 0 || int(count) > most:
		r.refuse("%s is %d, 0 to %d are possible", counter, count, most)
	case p == 0:
		r.refuse("%s is NULL although %s is %d", member, counter, count)
	case p%unsafe.Alignof(one) != 0:
		r.refuse("%s is not aligned", member)
	default:
		return unsafe.Slice((*T)(pointer(p)), count)
	}
	return nil
}

// cBytes looks at a caller's string without its NUL; nil for NULL. It reports false if it is
// longer than limit.
func cBytes(p uintptr, limit int) ([]byte, bool) {
	if p == 0 {
		return nil, true
	}
	n := 0
	for *(*byte)(pointer(p + uintptr(n))) != 0 {
		if n++; n > limit {
			return nil, false
		}
	}
	if n == 0 {
		return []byte{}, true
	}
	return unsafe.Slice((*byte)(pointer(p)), n), true
}

// tlsAnswer is answer for what a finished handshake has come to.
func tlsAnswer(handle int64, do func(*socket.Socket, *tlsengine.Info) int32) int32 {
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		info, code := s.TLSInfo()
		if code != errcode.OK {
			return 0, code
		}
		return do(s, info), errcode.OK
	})
}

func tlsText(handle int64, text, capacity uintptr, get func(*tlsengine.Info) string) int32 {
	return tlsAnswer(handle, func(_ *socket.Socket, i *tlsengine.Info) int32 { return writeText(get(i), text, capacity) })
}

func tlsBytes(handle int64, buffer, capacity uintptr, get func(*tlsengine.Info) []byte) int32 {
	return tlsAnswer(handle, func(_ *socket.Socket, i *tlsengine.Info) int32 { return writeBytes(get(i), buffer, capacity) })
}

// writeBytes writes all or nothing: half a certificate is of no use. It returns the length.
func writeBytes(b []byte, buffer, capacity uintptr) int32 {
	if buffer != 0 && uintptr(len(b)) <= capacity {
		copy(unsafe.Slice((*byte)(pointer(buffer)), len(b)), b)
	}
	return int32(len(b))
}

func joined(names []string) string { return strings.Join(names, ":") }

func setKeylog(path uintptr) errcode.Code {
	if path == 0 {
		return keylogCode(tlsengine.SetKeylog(""))
	}
	name, fits := cBytes(path, 4096)
	if !fits || len(name) == 0 {
		return errcode.Parameter
	}
	return keylogCode(tlsengine.SetKeylog(string(name)))
}

func keylogCode(err error) errcode.Code {
	var e *tlsengine.Error
	switch {
	case err == nil:
		return errcode.OK
	case errors.As(err, &e):
		return e.Code.Rebase(errcode.Client)
	}
	return errcode.Internal
}
