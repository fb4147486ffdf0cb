package buffer

import "unsafe"

// FromCaller returns memory of the host. The host answers for the address and the size, that is
// for nothing beyond them.
func FromCaller(address uintptr, size int) []byte {
	if size == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), size)
}
