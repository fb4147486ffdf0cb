// Package sys holds every system call of the library.
//
// It is the seam at which a test makes the kernel fail: a Hook is asked before
// each call. A hook in front of direct calls was chosen over a struct of functions,
// because a call cannot be left out of it and costs one load when there is no hook.
//
// Calls that never wait (descriptors are non-blocking) are raw: they do not tell the
// Go scheduler, which would cost more than the call. Calls that may wait, and
// transfers large enough to delay a garbage collection, are ordinary ones.
package sys
