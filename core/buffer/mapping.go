package buffer

import (
	"sync/atomic"

	"ohsocket/core/lock"
	"ohsocket/core/sys"
)

// mapped counts bytes.
var mapped atomic.Int64

// Mapped returns how many bytes are mapped, the free blocks included.
func Mapped() int64 { return mapped.Load() }

// Map returns zeroed memory of the system, nil if there is none.
func Map(size int) []byte {
	lock.MustNotHold[lock.Socket]()
	b := sys.Map(size)
	mapped.Add(int64(len(b)))
	return b
}

// Unmap gives memory of Map back.
func Unmap(b []byte) {
	if b == nil {
		return
	}
	lock.MustNotHold[lock.Socket]()
	mapped.Add(-int64(len(b)))
	sys.Unmap(b)
}
