package tlsengine

// #include "engine.h"
import "C"

// Retain is one more use of a context that is in use, to be ended with Release.
func (c *Context) Retain() { contextCache.retain(c) }

// Info returns what a server has to show before anybody has connected: its certificate and the
// highest protocol.
func (c *Context) Info() *Info {
	return &Info{
		Protocol:         protocolName(C.engine_highest_version(c.c)),
		LocalCertificate: c.encoding(C.SSL_CTX_get0_certificate(c.c.ssl)),
	}
}

// EnabledCipherSuites returns what this side was ready to agree on, the preferred first.
func (s *Session) EnabledCipherSuites() []string {
	var names []string
	for i := C.int(0); ; i++ {
		name := C.engine_enabled_suite(s.c.ssl, i)
		if name == nil {
			return names
		}
		names = append(names, C.GoString(name))
	}
}
