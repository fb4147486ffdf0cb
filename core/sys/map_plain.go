//go:build !strict

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func mapped(size int) []byte {
	p := anonymous(size, unix.PROT_READ|unix.PROT_WRITE)
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), size)
}

func unmap(b []byte) { unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(cap(b))) }
