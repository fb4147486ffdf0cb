//go:build !strict

package lock

import "sync"

// A Mutex is a sync.Mutex that has a rank.
type Mutex[R Rank] struct{ sync.Mutex }

// MustNotHold does nothing: it is for the strict build.
func MustNotHold[R Rank]() {}

// LockSecond locks a mutex inside of another one of the same rank.
func (m *Mutex[R]) LockSecond() { m.Lock() }
