package sys

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Op names a system call to a Hook.
type Op uint8

// The system calls.
const (
	OpSocket Op = iota
	OpBind
	OpListen
	OpConnect
	OpAccept
	OpRecv
	OpRecvMany
	OpSend
	OpSendMany
	OpShutdown
	OpClose
	OpGetsockopt
	OpSetsockopt
	OpGetsockname
	OpGetpeername
	OpFcntl
	OpEpollCreate
	OpEpollAdd
	OpEpollDelete
	OpEpollWait
	OpEventfd
	OpTimerfdCreate
	OpTimerfdSettime
	OpRead
	OpWrite
	OpMap
)

// A Hook is asked before each system call. It returns the error the call is to
// fail with, without being made, or 0 and the largest transfer a send or receive
// may make (0: no limit).
type Hook func(op Op, fd int) (unix.Errno, int)

var hook atomic.Pointer[Hook]

// SetHook installs a hook for tests; nil removes it.
func SetHook(h Hook) {
	if h == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&h)
}

func ask(op Op, fd int) unix.Errno {
	if h := hook.Load(); h != nil {
		errno, _ := (*h)(op, fd)
		return errno
	}
	return 0
}

func askSize(op Op, fd, size int) (unix.Errno, int) {
	if h := hook.Load(); h != nil {
		errno, limit := (*h)(op, fd)
		if limit > 0 && limit < size {
			size = limit
		}
		return errno, size
	}
	return 0, size
}
