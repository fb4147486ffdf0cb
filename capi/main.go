// Package main is the C ABI of libohsocket: the exported functions and the C structs,
// turned into calls of core/socket. It decides nothing.
//
// A function of the header, socket_x, is a C function in wrappers_gen.c, which asks
// whether the process was forked and then calls goSocketX here with integers only:
// a pointer of the caller's is never a Go pointer, because the Go runtime ends the
// process when it meets one that is not valid. A first parameter named thread is
// filled by the wrapper with a number that identifies the calling thread. The header
// and the wrappers are generated from the doc comments in this package; plain
// `go build` makes a wrong library, the Makefile is the way.
package main

func main() {}
