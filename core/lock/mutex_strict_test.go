//go:build strict

package lock

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// THREAD-1: in the strict build no two mutexes are locked in an order in which they might deadlock.
func TestOrder(t *testing.T) {
	var defaults Mutex[Defaults]
	var loop Mutex[Loop]
	var one, two, three Mutex[Socket]
	var leaf Mutex[Leaf]
	inOrder := func() {
		defaults.Lock()
		loop.Lock()
		one.Lock()
		two.LockSecond()
		leaf.Lock()
		leaf.Unlock()
		one.Unlock() // in any order
		two.Unlock()
		loop.Unlock()
		defaults.Unlock()
	}
	for range 3 {
		assert.NotPanics(t, inOrder)
	}
	leaf.Lock()
	assert.Panics(t, func() { one.Lock() }, "a socket inside of a leaf")
	assert.NotPanics(t, func() {
		var all sync.WaitGroup
		all.Go(inOrderOf(&loop, &one))
		all.Wait()
	}, "other goroutines hold their own")
	leaf.Unlock()
	assert.NotPanics(t, MustNotHold[Socket])
	one.Lock()
	assert.Panics(t, MustNotHold[Socket])
	assert.NotPanics(t, MustNotHold[Leaf])
	assert.Panics(t, func() { loop.Lock() }, "a loop inside of a socket")
	assert.Panics(t, func() { one.Lock() }, "the same one again")
	assert.Panics(t, func() { two.Lock() }, "a second one that does not say so")
	two.LockSecond()
	assert.Panics(t, func() { three.LockSecond() }, "a third one")
	two.Unlock()
	one.Unlock()
	held.mu.Lock()
	assert.Empty(t, held.of)
	held.mu.Unlock()
	assert.Panics(t, func() { held.leave(1) }, "what was not locked")
}

func inOrderOf(loop *Mutex[Loop], socket *Mutex[Socket]) func() {
	return func() {
		loop.Lock()
		socket.Lock()
		socket.Unlock()
		loop.Unlock()
	}
}
