//go:build openssl_shared

package tlsengine

// The distribution's OpenSSL, which it keeps up to date: make OPENSSL=shared.

// #cgo LDFLAGS: -lssl -lcrypto -pthread
import "C"
