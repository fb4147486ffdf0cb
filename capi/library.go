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

// C: int socket_set_total_queue_limit(int64_t bytes)
//
// socket_set_total_queue_limit sets how many bytes the send queues of all sockets of the process
// may hold together; 0, as at the start, is no limit. The first 64 KiB of each queue are free: they
// neither count nor are they refused for this limit. A send that would exceed it is refused with
// SOCKET_ERROR_AGAIN, like one that finds its own queue full. A drain event follows when there is
// room for it, or when the socket's own queue has become empty. While no queue holds more than its
// free 64 KiB, one send of any size is taken. The limit may be changed at any time; what is queued
// stays.
// Errors:
//   - SOCKET_ERROR_PARAMETER: bytes is negative or more than 2^48.
//
//export goSocketSetTotalQueueLimit
func goSocketSetTotalQueueLimit(bytes int64) (result int32) {
	defer guard(&result)
	return fail(socket.SetTotalQueueLimit(bytes))
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
		TotalQueueLimit: s.TotalQueueLimit, TotalQueueBytes: s.TotalQueueBytes, TotalQueueRefusals: s.TotalQueueRefusals,
	}))
}
