package tlsengine

// #include "engine.h"
import "C"

import (
	"slices"
	"unsafe"
)

// Info is what a handshake came to.
type Info struct {
	Protocol            string   // "TLSv1.3"
	CipherSuite         string   // in OpenSSL's words
	ALPN                string   // "": none
	ServerName          string   // the host name that was sent (SNI) or received; "": none
	SignatureAlgorithms []string // those of both sides, the preferred first: "RSA-PSS+SHA256"
	LocalCertificate    []byte   // DER; nil: none
	RemoteCertificate   []byte   // DER; nil: none
	Resumed             bool
}

func (s *Session) describe() *Info {
	ssl := s.c.ssl
	info := &Info{
		Protocol:          C.GoString(C.SSL_get_version(ssl)),
		CipherSuite:       C.GoString(C.SSL_CIPHER_get_name(C.SSL_get_current_cipher(ssl))),
		ServerName:        C.GoString(C.SSL_get_servername(ssl, C.TLSEXT_NAMETYPE_host_name)),
		LocalCertificate:  der(C.SSL_get_certificate(ssl)),
		RemoteCertificate: der(C.engine_peer_certificate(ssl)),
		Resumed:           C.SSL_session_reused(ssl) != 0,
	}
	var alpn *C.uchar
	var size C.uint
	C.SSL_get0_alpn_selected(ssl, &alpn, &size)
	info.ALPN = string(unsafe.Slice((*byte)(alpn), size))

	var name [64]C.char
	for i := C.int(0); C.engine_signature_algorithm(ssl, i, &name[0], C.size_t(len(name))) != 0; i++ {
		if text := C.GoString(&name[0]); !slices.Contains(info.SignatureAlgorithms, text) {
			info.SignatureAlgorithms = append(info.SignatureAlgorithms, text)
		}
	}
	return info
}

// der returns the encoding of a certificate, nil if there is none.
func der(certificate *C.X509) []byte {
	var encoded *C.uchar
	size := C.engine_certificate(certificate, &encoded)
	if size == 0 {
		return nil
	}
	defer C.engine_free(unsafe.Pointer(encoded))
	return C.GoBytes(unsafe.Pointer(encoded), size)
}
