package main

/*
#include "../include/ohsocket.h"
#include "glue.h"

// Integers only: a pointer in the arguments would make cgo look at it.

static void ohs_call_listener(uintptr_t function, uintptr_t event, uintptr_t user_data) {
	ohs_after();
	((socket_listener)function)((const socket_event *)event, (void *)user_data);
	ohs_before();
}

static void ohs_call_completion(uintptr_t function, int64_t socket, int32_t error,
                                uintptr_t user_data) {
	ohs_after();
	((socket_completion)function)(socket, error, (void *)user_data);
	ohs_before();
}

static void ohs_call_function(uintptr_t function, uintptr_t user_data) {
	ohs_after();
	((socket_function)function)((void *)user_data);
	ohs_before();
}
*/
import "C"

import (
	"unsafe"

	"ohsocket/core/abi"
	"ohsocket/core/socket"
)

// onHeap is an object of Go's heap: made by init, because the linker has a place of its own for
// what a variable begins with.
var onHeap *[64]byte

func init() {
	C.ohs_restore_files()
	onHeap = new([64]byte)
	C.ohs_show_heap(C.uintptr_t(uintptr(unsafe.Pointer(onHeap))))
	socket.Host = abi.Caller{
		Event:      callListener,
		Completion: callCompletion,
		Function:   callFunction,
		ThreadID:   threadID,
	}
}

// callListener calls a listener. The event must not be in Go's memory.
func callListener(l abi.Listener, e *abi.Event) {
	C.ohs_call_listener(C.uintptr_t(l.Func), C.uintptr_t(uintptr(unsafe.Pointer(e))), C.uintptr_t(l.UserData))
}

func callCompletion(c abi.Completion, handle int64, err int32) {
	C.ohs_call_completion(C.uintptr_t(c.Func), C.int64_t(handle), C.int32_t(err), C.uintptr_t(c.UserData))
}

func callFunction(f abi.Function) {
	C.ohs_call_function(C.uintptr_t(f.Func), C.uintptr_t(f.UserData))
}

// threadID identifies the calling thread, as the wrappers do.
func threadID() abi.Thread { return abi.Thread(C.ohs_thread_id()) }
