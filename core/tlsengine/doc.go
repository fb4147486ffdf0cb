// Package tlsengine is TLS as an engine over memory: ciphertext in, plaintext out, and the reverse.
// It does no input or output, starts no goroutine and knows no loop; OpenSSL 3 does the work. It is
// the only cgo of core.
//
// # Life and threads
//
// A Context holds a set of options: key, certificates, trust, lists. It may be used from
// any thread; equal options share one. A Session is one connection and belongs to one thread at a
// time; it keeps its Context alive. An Output belongs to one thread at a time too and serves any
// number of sessions.
//
// # C and Go
//
// Every operation of a session is one call of one C function. The function clears OpenSSL's error
// queue, operates, and drains the queue into the session's C structure. Neither a queue nor a
// thread-local value outlives the call. OpenSSL calls back into Go for one thing only, a session
// that can be resumed; go-pointer carries the Session there.
//
// It imports errcode and nothing else of the project.
package tlsengine
