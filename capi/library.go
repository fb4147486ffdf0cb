package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_set_compat(int on)
//
// socket_set_compat makes sockets constructed from now on behave as OpenHarmony's own where this
// library behaves better (docs/reference/compat.md). The environment variable OHSOCKET_COMPAT=1
// does so from the start. Returns the previous setting.
// Errors:
//   - SOCKET_ERROR_PARAMETER: on is neither 0 nor 1.
//
//export goSocketSetCompat
func goSocketSetCompat(on int32) (result int32) {
	defer guard(&result)
	if on != 0 && on != 1 {
		return fail(errcode.Parameter)
	}
	return truth(socket.SetCompat(on == 1))
}

// C: int socket_get_stats(socket_stats *stats)
//
// socket_get_stats writes counters of the process: sockets, loops, memory, bytes and messages. It
// does not stop other threads.
// Errors:
//   - SOCKET_ERROR_PARAMETER: stats is NULL, or its struct_size is unknown.
//
//export goSocketGetStats
func goSocketGetStats(stats uintptr) (result int32) {
	defer guard(&result)
	s := socket.ReadStats()
	return fail(writeStruct(stats, &abi.Stats{
		Sockets: s.Sockets, Loops: s.Loops, QueuedBytes: s.QueuedBytes, BufferBytes: s.BufferBytes,
		GoHeapBytes: s.GoHeapBytes, Goroutines: s.Goroutines,
		BytesReceived: s.BytesReceived, BytesSent: s.BytesSent,
		MessagesReceived: s.MessagesReceived, MessagesSent: s.MessagesSent,
		ConnectionsAccepted: s.ConnectionsAccepted, LoopIterations: s.LoopIterations,
		InternalErrors: s.Panics,
		TLSHandshakes:  s.TLSHandshakes, TLSSessions: s.TLSSessions, TLSContexts: s.TLSContexts,
	}))
}
