//go:build !strict

package buffer

// Strict says that this is the strict build.
const Strict = false

func forget([]byte) {}
