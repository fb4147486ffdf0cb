// Package handshake takes a connection from a connected descriptor to the moment when the program
// is told, in stages, which talk with the peer over bytes in memory. A stage does no
// input or output and knows no sockets, so that it can be tested and fuzzed alone.
package handshake

import "ohsocket/core/errcode"

// Status says how far a stage has come.
type Status uint8

const (
	More   Status = iota // it needs more input
	Done                 // both ends are ready for what comes next
	Failed               // Failure says why
)

// A Failure says why a connection has not come about. Text says more than the code, unless it is
// "".
type Failure struct {
	Code errcode.Code
	Text string
}

// A Stage talks with the peer until both are ready for what comes next: the next stage, or the
// program. It belongs to one thread at a time.
type Stage interface {
	// SpeaksFirst reports whether Advance is called without input to begin with.
	SpeaksFirst() bool
	// Wants returns how many bytes Advance can use at most, 0 for any number. What follows them
	// belongs to what comes next, which may be something that cannot take it back: a stage without
	// such a bound must be followed by one, or by a layer, that takes what is left.
	Wants() int
	// Advance takes input. It returns how much it has used (all of it, if it needs More), and what
	// is to be sent, which is valid until Sent.
	Advance(in []byte) (used int, send []byte, status Status)
	// Sent tells that what Advance has returned was sent, or kept.
	Sent()
	// Failure returns why Advance has Failed.
	Failure() *Failure
	// Truncated returns the failure of a peer that ends the stream before the stage is Done.
	Truncated() *Failure
}
