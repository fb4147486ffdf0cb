package main

import "C"

import (
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
	"ohsocket/core/tlsengine"
)

// C: int socket_tls_set_secure_options(socket_handle socket, const socket_tls_options *options)
//
// socket_tls_set_secure_options sets the secure options of a TLS client or server. They take
// effect at its next connect or listen. A listening server uses them for clients that come from
// now on, so that a certificate can be replaced without a restart; its connections keep what they
// have. Keys, certificates and lists are checked. If there is an error, the options that were in
// force stay, and socket_get_error_detail has the reason.
// Errors:
//   - SOCKET_ERROR_PARAMETER: an option is out of range.
//   - SOCKET_ERROR_TLS_CERTIFICATE: a certificate cannot be read or does not belong to the key.
//   - SOCKET_ERROR_TLS_SYSTEM_CALL: the key cannot be read (wrong pass phrase?), or an unknown
//     cipher suite or signature algorithm.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketTLSSetSecureOptions
func goSocketTLSSetSecureOptions(handle int64, options uintptr) (result int32) {
	defer guard(&result)
	return with(handle, func(s *socket.Socket) errcode.Code {
		if options == 0 {
			return errcode.Parameter
		}
		secure, code := readSecure(s, options, "secure options")
		if code != errcode.OK {
			return code
		}
		return s.SetSecure(secure)
	})
}

// C: int socket_tls_get_certificate(socket_handle socket, void *buffer, size_t capacity)
//
// socket_tls_get_certificate writes, in DER, the certificate that this side has shown or will
// show. It writes nothing if the certificate is longer than capacity. Returns its length, or 0 if
// there is none.
//
// Errors of this and the getters below:
//   - SOCKET_ERROR_TLS_NOT_BOUND: the socket is not open.
//   - SOCKET_ERROR_TLS_SESSION: it is not connected yet.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketTLSGetCertificate
func goSocketTLSGetCertificate(handle int64, buffer, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsBytes(handle, buffer, capacity, func(i *tlsengine.Info) []byte { return i.LocalCertificate })
}

// C: int socket_tls_get_remote_certificate(socket_handle socket, void *buffer, size_t capacity)
//
// socket_tls_get_remote_certificate writes the peer's certificate, as
// socket_tls_get_certificate.
//
//export goSocketTLSGetRemoteCertificate
func goSocketTLSGetRemoteCertificate(handle int64, buffer, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsBytes(handle, buffer, capacity, func(i *tlsengine.Info) []byte { return i.RemoteCertificate })
}

// C: int socket_tls_get_protocol(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_protocol writes the version that was agreed on: "TLSv1.3". This and the getters
// of text below write a NUL-terminated text, cut to capacity, and return the length of the whole
// text. On a listening server it is the highest version that clients get; getters of what a
// handshake decides write "" there, or return 0.
//
//export goSocketTLSGetProtocol
func goSocketTLSGetProtocol(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsText(handle, text, capacity, func(i *tlsengine.Info) string { return i.Protocol })
}

// C: int socket_tls_get_cipher_suite(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_cipher_suite writes the suite that was agreed on, by OpenSSL's name:
// "TLS_AES_256_GCM_SHA384".
//
//export goSocketTLSGetCipherSuite
func goSocketTLSGetCipherSuite(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsAnswer(handle, func(s *socket.Socket, i *tlsengine.Info) int32 {
		return writeText(s.CipherSuite(i), text, capacity)
	})
}

// C: int socket_tls_get_signature_algorithms(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_signature_algorithms writes the algorithms that both sides know, the
// most wanted first, separated by colons: "ECDSA+SHA256:RSA-PSS+SHA256". A client learns
// them when the server asks for a certificate.
//
//export goSocketTLSGetSignatureAlgorithms
func goSocketTLSGetSignatureAlgorithms(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsText(handle, text, capacity, func(i *tlsengine.Info) string { return joined(i.SignatureAlgorithms()) })
}

// C: int socket_tls_get_alpn(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_alpn writes the application protocol that was agreed on: "h2". It writes "" if
// one of the sides has named none.
//
//export goSocketTLSGetALPN
func goSocketTLSGetALPN(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsText(handle, text, capacity, func(i *tlsengine.Info) string { return i.ALPN })
}

// C: int socket_tls_get_group(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_group writes the group of the key exchange, by the name that the standards have
// for it: "x25519", "secp256r1", "X25519MLKEM768". It writes "" if the suite has none.
//
//export goSocketTLSGetGroup
func goSocketTLSGetGroup(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsText(handle, text, capacity, func(i *tlsengine.Info) string { return i.Group })
}

// C: int socket_tls_get_remote_chain(socket_handle socket, int index, void *buffer, size_t capacity)
//
// socket_tls_get_remote_chain writes, as socket_tls_get_certificate, a certificate that the peer
// has sent: its own for index 0, then the others in their order. They are as they came: what was
// verified may be another chain. Returns 0 if there is no further one. A connection that a server
// has resumed has the peer's own only.
//   - SOCKET_ERROR_PARAMETER: index is negative.
//
//export goSocketTLSGetRemoteChain
func goSocketTLSGetRemoteChain(handle int64, index int32, buffer, capacity uintptr) (result int32) {
	defer guard(&result)
	return answer(handle, func(s *socket.Socket) (int32, errcode.Code) {
		if index < 0 {
			return 0, errcode.Parameter
		}
		info, code := s.TLSInfo()
		if code != errcode.OK {
			return 0, code
		}
		return writeBytes(info.RemoteCertificateAt(int(index)), buffer, capacity), errcode.OK
	})
}

// C: int socket_tls_get_server_name(socket_handle socket, char *text, size_t capacity)
//
// socket_tls_get_server_name writes the host that the client has named (SNI), or "" if it has
// named none.
//
//export goSocketTLSGetServerName
func goSocketTLSGetServerName(handle int64, text, capacity uintptr) (result int32) {
	defer guard(&result)
	return tlsText(handle, text, capacity, func(i *tlsengine.Info) string { return i.ServerName })
}

// C: int socket_tls_is_resumed(socket_handle socket)
//
// socket_tls_is_resumed returns 1 if the handshake has resumed an earlier session, 0 if
// it was a full one.
//
//export goSocketTLSIsResumed
func goSocketTLSIsResumed(handle int64) (result int32) {
	defer guard(&result)
	return tlsAnswer(handle, func(_ *socket.Socket, i *tlsengine.Info) int32 { return truth(i.Resumed) })
}

// C: int socket_tls_set_keylog(const char *path)
//
// socket_tls_set_keylog appends the secrets of later TLS connections of the process to a file
// (mode 0600), in the format that Wireshark reads. Use it for debugging only: a reader of the file
// can read the connections. A server that listens already is included from its next
// socket_tls_set_secure_options on. NULL ends it. No environment variable does the same.
// Errors:
//   - SOCKET_ERROR_PARAMETER: the path is not valid.
//   - The errno of open: the file cannot be opened.
//
//export goSocketTLSSetKeylog
func goSocketTLSSetKeylog(path uintptr) (result int32) {
	defer guard(&result)
	return fail(setKeylog(path))
}

// C: int socket_tls_library(char *text, size_t capacity)
//
// socket_tls_library writes which OpenSSL does the work: "OpenSSL 3.0.15 3 Sep 2024".
//
//export goSocketTLSLibrary
func goSocketTLSLibrary(text, capacity uintptr) (result int32) {
	defer guard(&result)
	return writeText(tlsengine.Version(), text, capacity)
}
