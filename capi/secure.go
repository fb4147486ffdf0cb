package main

import (
	"errors"
	"strings"
	"unsafe"

	"ohsocket/core/errcode"
	"ohsocket/core/socket"
	"ohsocket/core/tlsengine"
)

const (
	// maxPEM bounds what is read of a caller's PEM text, maxList that of a list of names.
	maxPEM  = 1 << 20
	maxList = 16 << 10
	// maxTexts is how many certificates and identities there may be, maxALPN how
	// many application protocols.
	maxTexts = 1000
	maxALPN  = 100
)

// readSecure makes secure options for a socket of those at the address; nil for 0.
func readSecure(s *socket.Socket, options uintptr, operation string) (*socket.Secure, errcode.Code) {
	if options == 0 {
		return nil, errcode.OK
	}
	if !s.Kind().IsTLS() || s.Kind() == socket.KindTLSConnection {
		return nil, errcode.NotSupported
	}
	var o TLSOptions
	if code := readStruct(options, &o); code != errcode.OK {
		return nil, code
	}
	config, serverName, ok := o.config(s.Kind() == socket.KindTLSServer)
	if !ok {
		return nil, errcode.Parameter
	}
	return s.NewSecure(config, serverName, operation)
}

// config looks at the caller's memory; only texts that are not secret are copied.
func (o *TLSOptions) config(server bool) (*tlsengine.Config, string, bool) {
	ok := true
	text := func(p uintptr, limit int) []byte {
		b, fits := cBytes(p, limit)
		ok = ok && fits
		return b
	}
	texts := func(p uintptr, count int32, most int, limit int) [][]byte {
		var all [][]byte
		for _, q := range cArray[uintptr](p, count, most, &ok) {
			if q == 0 {
				ok = false
			}
			all = append(all, text(q, limit))
		}
		return all
	}
	for _, b := range []int32{o.UseRemoteCipherPrefer, o.SkipRemoteValidation, o.IsBidirectionalAuthentication, o.NoSessionResumption} {
		ok = ok && (b == 0 || b == 1)
	}
	c := &tlsengine.Config{
		Server:              server,
		CA:                  texts(o.CA, o.CACount, maxTexts, maxPEM),
		Protocols:           tlsengine.Protocols(o.Protocols),
		CipherSuite:         string(text(o.CipherSuite, maxList)),
		SignatureAlgorithms: string(text(o.SignatureAlgorithms, maxList)),
		PreferRemoteCipher:  server && o.UseRemoteCipherPrefer == 1,
		SkipVerification:    !server && o.SkipRemoteValidation == 1,
		VerifyClient:        server && o.IsBidirectionalAuthentication == 1,
		NoTickets:           o.NoSessionResumption == 1,
	}
	identities := append([]TLSIdentity{o.Identity}, cArray[TLSIdentity](o.MoreIdentities, o.MoreIdentityCount, maxTexts, &ok)...)
	for i, id := range identities {
		if i == 0 && id == (TLSIdentity{}) {
			continue
		}
		c.Identities = append(c.Identities, tlsengine.Identity{
			Certificate: text(id.Cert, maxPEM), Key: text(id.Key, maxPEM), Password: text(id.Password, maxList),
		})
	}
	for _, protocol := range texts(o.ALPNProtocols, o.ALPNProtocolCount, maxALPN, maxText) {
		ok = ok && len(protocol) >= 1 && len(protocol) <= 255
		c.ALPN = append(c.ALPN, string(protocol))
	}
	serverName, fits := cBytes(o.ServerName, maxText)
	ok = ok && fits && o.Protocols&^(ProtocolTLS12|ProtocolTLS13) == 0
	return c, string(serverName), ok
}

// cArray looks at a caller's array. It is not ok if it is longer than most, or missing.
func cArray[T any](p uintptr, count int32, most int, ok *bool) []T {
	var one T
	if count < 0 || int(count) > most || count > 0 && (p == 0 || p%unsafe.Alignof(one) != 0) {
		*ok = false
		return nil
	}
	if count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(pointer(p)), count)
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

func tlsInfo(handle int64) (*tlsengine.Info, errcode.Code) {
	s := socket.Lookup(handle)
	if s == nil {
		return nil, errcode.BadFD
	}
	return s.TLSInfo()
}

func tlsText(handle int64, text, capacity uintptr, get func(*tlsengine.Info) string) int32 {
	info, code := tlsInfo(handle)
	if code != errcode.OK {
		return fail(code)
	}
	return writeText(get(info), text, capacity)
}

// tlsBytes writes all or nothing: half a certificate is of no use.
func tlsBytes(handle int64, buffer, capacity uintptr, get func(*tlsengine.Info) []byte) int32 {
	info, code := tlsInfo(handle)
	if code != errcode.OK {
		return fail(code)
	}
	b := get(info)
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
