// Package socket is the library proper: the socket kinds, their states, operations
// and events. It knows nothing of C: a caller's functions and data are addresses,
// called through Host. docs/reference/contracts.md is what it promises.
//
// # Threads
//
// A Socket has a mutex for its state and its queue. It is usually held for a few dozen
// nanoseconds: never over a callback, a call that sends, receives or waits, or a copy of more
// than 32 KiB, and never while memory is mapped or unmapped (the strict build panics where a block
// is made or freed under it). A function whose name ends in Locked is called with the mutex held,
// and returns with it held; all others lock and unlock it themselves. Fields that only the loop's
// thread touches are marked so and need no lock. Other threads use the descriptor between incref
// and decref. Only the loop's thread closes it, when no other thread uses it.
//
// Whatever a call cannot do on its own thread it leaves in Socket.pendingWork, and the loop
// runs the socket's task. Callbacks are made by the loop's thread only, from
// RunTask, Ready and Expire, with no lock held.
//
// # Files
//
// In the order of a socket's life; docs/internals/architecture.md has pictures.
//
//   - What a socket is: socket.go, state.go (what may follow what), kind.go (what differs),
//     option.go, extra.go, compat.go, listener.go (events, kinds and options: package abi; handles:
//     package handle).
//   - Opening: open.go, adopt.go, connect.go, attempt.go, listen.go.
//   - Sending: send.go (all kinds), stream.go, datagram.go, outbox.go (the queue: package
//     sendqueue; memory: package buffer).
//   - Both: wire.go (the only recv and the only send of connections).
//   - Receiving: stream.go, receipt.go (an answer waits for the completion of its send), inbox.go
//     (datagrams), address_cache.go (texts of addresses), sink.go, sink_callbacks.go,
//     sink_records.go, host.go (how they are called).
//   - TLS: secure.go (options and results), tls.go (the layer between queue and descriptor),
//     establish.go (the stages before a connection is open: package handshake; that of TLS),
//     tls_handshake.go, tls_accept.go, tls_read.go, tls_write.go, move.go (the connection
//     of a TCP client becomes that of a TLS client).
//   - Ending: close.go, deadline.go (timeouts).
//   - On the loop: task.go (a socket's work), loop.go (the loop), loop_hosted.go (driven by a
//     host), loop_default.go (the loop of sockets that name none), loop_post.go (work of the host).
//   - The process: library.go (what there is once), stats.go, trim.go (memory back to the system).
//
// The package imports abi, buffer, goruntime, handle, handshake, lock, reactor, sendqueue, netaddr,
// errcode, sys and tlsengine.
package socket
