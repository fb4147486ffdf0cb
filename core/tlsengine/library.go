package tlsengine

// #cgo CFLAGS: -std=gnu11 -O2 -g -Wall -fvisibility=hidden
// #include "engine.h"
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"ohsocket/core/errcode"
)

// start initialises OpenSSL once.
var start = sync.OnceValue(func() error {
	var f C.engine_failure
	if C.engine_start(&f) == 0 {
		return configError(&f, "OpenSSL does not start")
	}
	started.Store(true)
	return nil
})

var started atomic.Bool

// Version returns the version of OpenSSL in use: "OpenSSL 3.0.19 27 Jan 2026".
func Version() string { return C.GoString(C.engine_version()) }

// keylog says whether contexts that are made now log their keys.
var (
	keylog     atomic.Bool
	keylogLock sync.Mutex // held by SetKeylog
)

// SetKeylog has the secrets of connections appended to the file at path in the format of NSS, which
// Wireshark reads: of connections of contexts that are made from now on. The file is created with
// mode 0600; it has to be a regular one. "" ends it, for all contexts. A reader of the file can
// read the connections.
func SetKeylog(path string) error {
	keylogLock.Lock()
	defer keylogLock.Unlock()
	if path == "" {
		keylog.Store(false)
		C.engine_set_keylog(nil)
		return nil
	}
	name, err := cString("keylog", path)
	if err != nil {
		return err
	}
	defer freeString(name)
	if n := C.engine_set_keylog(name); n != 0 {
		errno := syscall.Errno(n)
		return &Error{Code: errcode.FromErrno(errcode.Server, errno), Text: fmt.Sprintf("keylog: %q: %s", path, errno), Alert: -1}
	}
	keylog.Store(true)
	return nil
}

var liveSessions, livePointers atomic.Int64

// Live counts what is in use: contexts that have not been released, sessions that have not been
// closed, and entries of go-pointer. Contexts and resumable sessions that are kept for later use do
// not count.
func Live() (contexts, sessions, pointers int) {
	return contextCache.inUse(), int(liveSessions.Load()), int(livePointers.Load())
}

// Trim gives memory of sessions that have been closed back to the system.
func Trim() {
	if started.Load() {
		C.engine_trim()
	}
}

// bytePointer returns the address of b's first byte, nil if it has none.
func bytePointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
