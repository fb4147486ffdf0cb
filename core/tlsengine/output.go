package tlsengine

// #include "engine.h"
import "C"

import "unsafe"

// Output collects the ciphertext that operations make. It lies in C memory, so that system calls
// and OpenSSL can use it as it is. It belongs to one thread at a time.
type Output struct{ c *C.engine_output }

// NewOutput returns an empty Output, to be freed with Free.
func NewOutput() *Output {
	c := C.engine_output_new()
	if c == nil {
		panic("tlsengine: out of memory")
	}
	return &Output{c}
}

// Free frees the memory. The Output must not be used afterwards, except by Free.
func (o *Output) Free() {
	C.engine_output_free(o.c)
	o.c = nil
}

// Bytes returns what has been collected; it is valid until the next operation with this Output.
func (o *Output) Bytes() []byte { return unsafe.Slice((*byte)(o.c.bytes), int(o.c.size)) }

// Reset empties it, and gives back what a large operation made it grow by.
func (o *Output) Reset() {
	o.c.size = 0
	if o.c.capacity > C.ENGINE_OUTPUT_KEPT {
		C.engine_output_shrink(o.c)
	}
}
