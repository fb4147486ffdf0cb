// Package lock has the mutexes of the library, and the order in which they are locked. In the
// strict build (-tags strict) a mutex that is locked out of order panics, whether or not a deadlock
// came of it; in any other it is a sync.Mutex and nothing else.
package lock
