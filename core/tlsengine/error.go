package tlsengine

import "ohsocket/core/errcode"

// Error is a failure with its cause.
type Error struct {
	Code   errcode.Code
	Text   string
	Alert  int // number of the TLS alert that was sent or received, -1: none
	Verify int // X509_V_ERR_*, 0: none
}

func (e *Error) Error() string { return e.Text }
