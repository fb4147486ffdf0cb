package tlsengine

// #cgo noescape engine_describe
// #cgo nocallback engine_describe
// #include "engine.h"
import "C"

import (
	"slices"
	"unsafe"
)

// Info holds the results of a handshake.
type Info struct {
	Protocol          string // "TLSv1.3"
	CipherSuite       string // in OpenSSL's words
	ALPN              string // "": none
	ServerName        string // the host name that was sent (SNI) or received; "": none
	LocalCertificate  []byte // DER, the same bytes for all sessions of a context; nil: none
	RemoteCertificate []byte // DER; nil: none
	// RemoteChain holds what the peer has sent besides, DER. A server that resumes a session has
	// none.
	RemoteChain [][]byte
	Group       string // of the key exchange, as the standards name it; "": none
	Resumed     bool

	algorithms []C.struct_engine_algorithm
}

func (s *Session) describe() *Info {
	var o C.engine_outcome
	C.engine_describe(s.c.ssl, &o)
	return &Info{
		Protocol:          protocolName(o.version),
		CipherSuite:       C.GoString(o.suite),
		ALPN:              string(unsafe.Slice((*byte)(o.alpn), o.alpn_size)),
		ServerName:        C.GoString(o.server_name),
		LocalCertificate:  s.context.encoding(o.local),
		RemoteCertificate: der(o.remote),
		RemoteChain:       chainOf(&o),
		Group:             C.GoString(o.group),
		Resumed:           o.resumed != 0,
		algorithms:        slices.Clone(o.algorithms[:o.algorithm_count]),
	}
}

func protocolName(version C.int) string {
	if version == C.TLS1_2_VERSION {
		return "TLSv1.2"
	}
	return "TLSv1.3"
}

// SignatureAlgorithms returns those of both sides, the preferred first: "RSA-PSS+SHA256".
func (i *Info) SignatureAlgorithms() []string {
	var names []string
	var name [64]C.char
	for _, a := range i.algorithms {
		C.engine_algorithm_name(a.key, a.hash, &name[0], C.size_t(len(name)))
		if text := C.GoString(&name[0]); !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return names
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

// RemoteCertificateAt returns a certificate that the peer has sent, 0: its own; nil if there are no
// more.
func (i *Info) RemoteCertificateAt(index int) []byte {
	switch {
	case index == 0:
		return i.RemoteCertificate
	case index <= len(i.RemoteChain):
		return i.RemoteChain[index-1]
	}
	return nil
}

// chainOf returns the certificates that the peer has sent besides its own.
func chainOf(o *C.engine_outcome) [][]byte {
	var chain [][]byte
	for i := C.int(0); ; i++ {
		certificate := C.engine_issuer_sent(o, i)
		if certificate == nil {
			return chain
		}
		chain = append(chain, der(certificate))
	}
}
