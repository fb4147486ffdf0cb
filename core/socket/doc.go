// Package socket is the library proper: the socket kinds, their states, operations
// and events. It knows nothing of C: a caller's functions and data are addresses,
// called through Host. docs/contracts.md is what it promises.
//
// # Threads
//
// A Socket has a mutex for its state and its queue; it is held for a few dozen
// nanoseconds and never over a system call, a callback or a large copy. What only the
// loop's thread touches is marked so and needs no lock. Other threads use the
// descriptor between use and unuse, and only the loop's thread closes it, when
// nobody uses it.
//
// Whatever a call cannot do on its own thread it leaves in Socket.work, and the loop
// runs the socket's task. Callbacks are made by the loop's thread only, from
// RunTask, Ready and Expire, with no lock held.
//
// # Files
//
// socket.go has the state, task.go the work, deliver.go the callbacks and records;
// open.go, connect.go and attempt.go, listen.go, stream.go, datagram.go, send.go and close.go follow a
// socket through its life. secure.go has the secure options; tls.go is what a TLS
// connection has between its queue and its descriptor, tls_handshake.go, tls_accept.go,
// tls_read.go and tls_write.go what it does, upgrade.go how a TCP client becomes one.
// It imports loop, netaddr, errcode, sys and tlsengine.
package socket
