// Package sendqueue holds sends that the kernel has not taken: the bytes,
// the completions of sends, the limit, and the order of writers. It makes no system call, and knows
// nothing of sockets. The user of a Queue has a lock for it.
//
//   - queue.go: the bytes, or the datagrams, and who writes them
//   - completions.go: the completions of sends, and when they are due
//   - limit.go: how much may wait
//   - total.go: how much may wait in all queues of the process
//   - receipt.go: an answer waits for the completion of the send that it answers
package sendqueue
