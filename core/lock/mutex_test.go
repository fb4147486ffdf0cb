//go:build !strict

package lock

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// A rank costs nothing.
func TestMutexIsOneOfSync(t *testing.T) {
	var m Mutex[Socket]
	assert.Equal(t, unsafe.Sizeof(sync.Mutex{}), unsafe.Sizeof(m))
	m.LockSecond()
	assert.False(t, m.TryLock())
	m.Unlock()
	assert.True(t, m.TryLock())
	m.Unlock()
}
