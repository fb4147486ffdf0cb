//go:build !openssl_shared

package tlsengine

// A copy of OpenSSL's own, so that the library runs wherever glibc does, beside whichever OpenSSL
// its host has. Go 1.27 refuses -l:libssl.a.

// #cgo LDFLAGS: -Wl,-Bstatic -lssl -lcrypto -Wl,-Bdynamic -ldl -pthread
import "C"
