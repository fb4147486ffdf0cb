// Package buffer has the library's memory outside the Go heap, and the bounds of it.
//
// The bytes that programs send and receive lie in mappings of their own: the kernel, OpenSSL and
// hosts hold their addresses, and the garbage collector has nothing to look at. All of it is
// handed out as slices, so that whoever goes past the end of one panics instead of writing into
// what lies behind it; addresses are computed nowhere else.
//
//	mapping.go  memory of the system, counted
//	arena.go    Arena: one mapping, cut from front to back, and given back all at once
//	view.go     a value that lies in such memory
//	block.go    Block: a piece of a queue
//	pool.go     the free blocks
//	list.go     List: a queue of blocks
//	caller.go   memory of the host, which came as an address and a size
package buffer
