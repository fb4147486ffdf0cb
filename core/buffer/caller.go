package buffer

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
)

// FromCaller returns memory of the host. The host answers for the address and the size, that is
// for nothing beyond them.
func FromCaller(address uintptr, size int) []byte {
	if size == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), size)
}

// CopyIn copies buffers of the host into new blocks. It reports false if there is no memory.
func CopyIn(bufs []abi.Buffer, total int) (List, bool) {
	var list List
	left := total
	for i := range bufs {
		part := FromCaller(bufs[i].Data, int(bufs[i].Size))
		if !list.AppendPart(part, left) {
			list.FreeAll()
			return list, false
		}
		left -= len(part)
	}
	return list, true
}

// Skip drops the first n bytes of buffers, in place.
func Skip(bufs []abi.Buffer, n int) []abi.Buffer {
	for len(bufs) > 0 && uint64(n) >= bufs[0].Size {
		n -= int(bufs[0].Size)
		bufs = bufs[1:]
	}
	if len(bufs) > 0 && n > 0 {
		bufs[0].Data += uintptr(n)
		bufs[0].Size -= uint64(n)
	}
	return bufs
}

// Iovecs looks at buffers as the kernel does: the layout is the same.
func Iovecs(bufs []abi.Buffer) []unix.Iovec {
	return unsafe.Slice((*unix.Iovec)(unsafe.Pointer(unsafe.SliceData(bufs))), len(bufs))
}
