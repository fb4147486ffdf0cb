package buffer

import "unsafe"

// View returns the value at the beginning of memory. T has no pointers. It panics if the memory
// is too small or not aligned for a T.
func View[T any](b []byte) *T { return &Views[T](b, 1)[0] }

// Views returns the values at the beginning of memory, count of them.
func Views[T any](b []byte, count int) []T {
	var one T
	p := unsafe.SliceData(b)
	if count < 1 || len(b)/count < int(unsafe.Sizeof(one)) || uintptr(unsafe.Pointer(p))%unsafe.Alignof(one) != 0 {
		panic("buffer: no room for a value")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(p)), count)
}

// Size returns the number of bytes that a T takes.
func Size[T any]() int {
	var one T
	return int(unsafe.Sizeof(one))
}

// Cut cuts values from an arena that was made large enough for them.
func Cut[T any](a *Arena, count int) []T { return Views[T](a.Reserve(count*Size[T]()), count) }

// Address returns the address of memory outside the Go heap, for those who count with numbers: C
// and the kernel. It is 0 if there is none.
func Address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
