package tlsengine

// #include "engine.h"
import "C"

import (
	"net/netip"
	"unsafe"

	pointer "github.com/mattn/go-pointer"

	"ohsocket/core/errcode"
)

// Status says how an operation ended.
type Status uint8

const (
	Done   Status = C.ENGINE_DONE   // the operation has done what it can
	More   Status = C.ENGINE_MORE   // it needs more input from the peer
	Ended  Status = C.ENGINE_ENDED  // Read: the peer has sent close_notify
	Failed Status = C.ENGINE_FAILED // Err says why; Output may hold an alert to be sent
)

// Session is one connection. It belongs to one thread at a time.
type Session struct {
	c          *C.engine_session
	context    *Context
	name       string // of the server, as it was asked for
	info       *Info
	err        *Error
	broken     bool           // err is final
	offered    bool           // a session to resume
	self       unsafe.Pointer // of go-pointer, nil: sessions are not kept
	resumption resumptionKey
	resumable  []*C.SSL_SESSION // made before the peer was known to be the right one
}

// open makes the C side; on failure the session is closed.
func (s *Session) open(server bool) error {
	var f C.engine_failure
	contextCache.retain(s.context)
	liveSessions.Add(1)
	if s.c = C.engine_session_new(s.context.c, flag(server), s.self, &f); s.c == nil {
		err := configError(&f, "")
		s.Close()
		return err
	}
	return nil
}

// expect names the peer, and gives the session something to resume if there is.
func (s *Session) expect(host string, ip netip.Addr, store *C.X509_STORE) error {
	name, err := cString("server name", host)
	if err != nil {
		return err
	}
	defer freeString(name)
	var address []byte
	if ip.IsValid() {
		address = ip.AsSlice()
	}
	if C.engine_session_expect(s.c, name, bytePointer(address), C.int(len(address)), store) == 0 {
		return configError(&s.c.failure, "")
	}
	if s.self != nil {
		if session := resumptions.take(s.resumption); session != nil {
			s.offered = C.SSL_set_session(s.c.ssl, session) != 0
			C.SSL_SESSION_free(session)
		}
	}
	return nil
}

// Close frees the session. It may be called again; nothing else may.
func (s *Session) Close() {
	if s.context == nil {
		return
	}
	// What a server fails on once must not be offered to it again.
	if s.offered && s.info == nil {
		resumptions.forget(s.resumption)
	}
	C.engine_session_free(s.c)
	s.c = nil
	if s.self != nil {
		pointer.Unref(s.self)
		livePointers.Add(-1)
		s.self = nil
	}
	s.dropResumable()
	contextCache.release(s.context)
	s.context = nil
	liveSessions.Add(-1)
}

// Handshake goes on with the handshake. in is ciphertext of the peer, of which consumed bytes were
// used; it may be empty, as it is to begin with. When it is Done, Info has what was negotiated, and
// what is left of in is for Read.
func (s *Session) Handshake(in []byte, out *Output) (consumed int, st Status) {
	st = Status(C.engine_handshake(s.c, bytePointer(in), C.size_t(len(in)), out.c))
	switch {
	case st == Done && s.info == nil:
		s.info = s.describe()
		s.keepResumable()
	case st == Ended:
		s.c.broken = 1
		s.broken, s.err = true, s.Truncated()
		st = Failed
	case st == Failed:
		s.fail(errcode.TLSSystemCall)
	}
	return int(s.c.consumed), st
}

// Read decrypts: n bytes to plain, which has room for 16384 or more.
//
//   - Done: plain is full; there may be more, see Pending and the rest of the input.
//   - More: all input is used, or a portion of it: many small records are for several operations.
//   - Ended, Failed: nothing comes any more. What is left of the input has no meaning.
//
// n > 0 may come with each of them: what the peer sent first is delivered first.
func (s *Session) Read(in, plain []byte, out *Output) (consumed, n int, st Status) {
	st = Status(C.engine_read(s.c, bytePointer(in), C.size_t(len(in)), bytePointer(plain), C.size_t(len(plain)), out.c))
	if st == Failed {
		s.fail(errcode.TLSRead)
	}
	return int(s.c.consumed), int(s.c.produced), st
}

// Pending reports whether Read would give something without any more input.
func (s *Session) Pending() bool { return s.c.pending != 0 }

// Deferred reports whether what was written, or the end, still waits within the session: the peer
// is in the middle of a message of the handshake (a ticket that comes in several parts), and
// OpenSSL takes nothing until it is complete. It comes out of the Read that completes it. At most 1
// MB waits, then Write fails.
func (s *Session) Deferred() bool { return s.c.deferred != nil || s.c.deferred_end != 0 }

// Write encrypts: Done, all of it (see Deferred), or Failed.
func (s *Session) Write(plain []byte, out *Output) Status {
	st := Status(C.engine_write(s.c, bytePointer(plain), C.size_t(len(plain)), out.c))
	if st == Failed {
		s.fail(errcode.TLSWrite)
	}
	return st
}

// Shutdown says that nothing more will be written (close_notify). Reading goes on. Where nothing
// can be said, during the handshake and after a failure, it does nothing.
func (s *Session) Shutdown(out *Output) Status {
	st := Status(C.engine_shutdown(s.c, out.c))
	if st == Failed {
		s.fail(errcode.TLSClose)
	}
	return st
}

// fail takes the failure of an operation; what broke the session stays.
func (s *Session) fail(code errcode.Code) {
	switch {
	case s.broken:
	case s.c.established == 0 && s.c.broken == 0:
		s.err = &Error{Code: code, Text: "the handshake is not done", Alert: -1}
	default:
		s.broken = s.c.broken != 0
		s.err = sessionError(&s.c.failure, code, s.name)
	}
}

// Err says why the last operation that Failed did. Once the session is broken that stays; nil: none
// has failed.
func (s *Session) Err() *Error { return s.err }

// Truncated returns what the end of the peer's bytes means now if no close_notify came before it.
func (s *Session) Truncated() *Error {
	text := "the peer ended without close_notify"
	if s.c.established == 0 {
		text = "the peer closed the connection during the handshake"
	}
	return &Error{Code: errcode.TLSSystemCall, Text: text, Alert: -1}
}

// Info returns what the handshake came to, nil before it is done. It stays valid after Close.
func (s *Session) Info() *Info { return s.info }
