//go:build strict

package buffer

// Strict says that this is the strict build.
const Strict = true

// forget overwrites memory that nobody has a right to any more.
func forget(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
