//go:build !openssl_shared

package tlsengine

// A copy of OpenSSL's own, so that the library runs wherever glibc does, beside whichever OpenSSL its host has.

// #cgo LDFLAGS: -l:libssl.a -l:libcrypto.a -ldl -pthread
import "C"
