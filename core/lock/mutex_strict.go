//go:build strict

package lock

import (
	"fmt"
	"runtime"
	"sync"
)

// A Mutex is a sync.Mutex that has a rank, and panics if it is locked out of order.
type Mutex[R Rank] struct{ sync.Mutex }

// Lock locks the mutex, while no other one of its rank or of a later one is held.
func (m *Mutex[R]) Lock() { m.lock(0) }

// LockSecond locks a mutex inside of another one of the same rank.
func (m *Mutex[R]) LockSecond() { m.lock(1) }

func (m *Mutex[R]) lock(same int) {
	var r R
	number, name := r.rank()
	held.enter(number, name, same)
	m.Mutex.Lock()
}

// Unlock unlocks the mutex, on the goroutine that has locked it.
func (m *Mutex[R]) Unlock() {
	var r R
	number, _ := r.rank()
	m.Mutex.Unlock()
	held.leave(number)
}

// MustNotHold panics if the calling goroutine holds a mutex of the rank.
func MustNotHold[R Rank]() {
	var r R
	number, name := r.rank()
	held.mustNotHold(number, name)
}

// ranks are those of the mutexes that goroutines hold or wait for. It allocates nothing, so that
// tests of allocations hold in the strict build too.
type ranks struct {
	mu   sync.Mutex
	of   map[int64]list
	line [64]byte // of a stack
}

// list counts the locks that one goroutine holds: no more than one of each rank, and a second one.
type list struct {
	count int
	all   [8]int
}

var held = ranks{of: map[int64]list{}}

// enter notes a mutex. same is how many of its rank may be held already.
func (r *ranks) enter(number int, name string, same int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	me := r.goroutineLocked()
	mine := r.of[me]
	for _, other := range mine.all[:mine.count] {
		if other == number && same > 0 {
			same--
		} else if other >= number {
			panic(fmt.Sprintf("lock: %s (rank %d) is locked while rank %d is held", name, number, other))
		}
	}
	mine.all[mine.count] = number
	mine.count++
	r.of[me] = mine
}

func (r *ranks) leave(number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	me := r.goroutineLocked()
	mine := r.of[me]
	for i := mine.count - 1; i >= 0; i-- {
		if mine.all[i] == number {
			copy(mine.all[i:], mine.all[i+1:])
			mine.count--
			r.of[me] = mine
			if mine.count == 0 {
				delete(r.of, me)
			}
			return
		}
	}
	panic(fmt.Sprintf("lock: rank %d is unlocked by a goroutine that has not locked it", number))
}

func (r *ranks) mustNotHold(number int, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := r.of[r.goroutineLocked()]
	for _, other := range mine.all[:mine.count] {
		if other == number {
			panic(fmt.Sprintf("lock: %s (rank %d) is held here", name, number))
		}
	}
}

// goroutineLocked returns the number of the calling one, which is in the first line of its stack:
// "goroutine 1 [running]:".
func (r *ranks) goroutineLocked() (id int64) {
	n := runtime.Stack(r.line[:], false)
	for _, c := range r.line[len("goroutine "):n] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + int64(c-'0')
	}
	return id
}
