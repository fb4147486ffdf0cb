package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Map makes zeroed memory outside the Go heap; nil if there is none. The size is a multiple of 16.
func Map(size int) []byte {
	if ask(OpMap, -1) != 0 {
		return nil
	}
	return mapped(size)
}

// Unmap gives memory of Map back, all of it.
func Unmap(b []byte) { unmap(b) }

// anonymous makes zeroed memory of whole pages.
func anonymous(size, protection int) unsafe.Pointer {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), protection, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return p
}
