//go:build strict

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// In the strict build a page that nobody may touch lies before each mapping and another behind
// it. The memory ends where the second begins, so that the first byte past the end faults at
// once, whoever writes it: the library, OpenSSL, or the host that was given the address.
const guard = 4096

// wholePages is the size of the pages between the guards.
func wholePages(size int) int { return (size + guard - 1) / guard * guard }

func mapped(size int) []byte {
	inner := wholePages(size)
	p := anonymous(inner+2*guard, unix.PROT_NONE)
	if p == nil {
		return nil
	}
	pages := unsafe.Slice((*byte)(unsafe.Add(p, guard)), inner)
	if unix.Mprotect(pages, unix.PROT_READ|unix.PROT_WRITE) != nil {
		unix.MunmapPtr(p, uintptr(inner+2*guard))
		return nil
	}
	return pages[inner-size:]
}

func unmap(b []byte) {
	inner := wholePages(cap(b))
	first := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), cap(b)-inner)
	for _, v := range unsafe.Slice((*byte)(first), inner-cap(b)) {
		if v != 0 {
			panic("sys: somebody has written before a mapping")
		}
	}
	unix.MunmapPtr(unsafe.Add(first, -guard), uintptr(inner+2*guard))
}
