//go:build strict

package sys

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// In the strict build a page that nobody may touch lies before each mapping and another behind
// it. The memory ends where the second begins, so that the first byte past the end faults at
// once, whoever writes it: the library, OpenSSL, or the host that was given the address.
const guard = 4096

// live has the mappings that have not been given back. Giving one back a second time would unmap
// what somebody else has mapped there since: a thread's stack, a heap of the host's.
var live = struct {
	sync.Mutex
	size map[unsafe.Pointer]int
}{size: map[unsafe.Pointer]int{}}

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
	memory := pages[inner-size:]
	live.Lock()
	live.size[unsafe.Pointer(unsafe.SliceData(memory))] = cap(memory)
	live.Unlock()
	return memory
}

func unmap(b []byte) {
	live.Lock()
	defer live.Unlock()
	start := unsafe.Pointer(unsafe.SliceData(b))
	if size, ok := live.size[start]; !ok || size != cap(b) {
		panic("sys: what is given back is not, or no longer, a mapping")
	}
	inner := wholePages(cap(b))
	first := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), cap(b)-inner)
	for _, v := range unsafe.Slice((*byte)(first), inner-cap(b)) {
		if v != 0 {
			panic("sys: somebody has written before a mapping")
		}
	}
	delete(live.size, start)
	unix.MunmapPtr(unsafe.Add(first, -guard), uintptr(inner+2*guard))
}
