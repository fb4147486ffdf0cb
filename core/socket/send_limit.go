package socket

import (
	"fmt"

	"ohsocket/core/errcode"
	"ohsocket/core/sendqueue"
)

// mostTotalLimit is more than any machine has.
const mostTotalLimit = 1 << 48

// SetTotalQueueLimit bounds what all send queues of the process hold, but for a share that each
// has free. It is a limit of the process, not of a loop, because memory belongs to the process: a
// program that adds a loop would have to divide it anew.
func SetTotalQueueLimit(limit int64) errcode.Code {
	if limit < 0 || limit > mostTotalLimit {
		return errcode.Parameter
	}
	sendqueue.SetTotalLimit(limit)
	return errcode.OK
}

// refuseSendLocked notes that drain is owed for a send that a limit refuses, and which limit it is.
func (s *Socket) refuseSendLocked(total int) errcode.Code {
	q := &s.out
	if !q.IsUnderLimit(total, s.opts.queueLimit) {
		q.Refuse()
		s.extraLocked().failure = &queueFull
		return errcode.Again
	}
	q.RefuseForTotal(total, (*totalWaiter)(s))
	s.extraLocked().failure = &failure{operation: "send", code: errcode.Again, text: fmt.Sprintf(
		"the send queues of the process hold their limit, %d bytes (socket_set_total_queue_limit)", sendqueue.ReadTotal().Limit)}
	return errcode.Again
}

// queueFull is the failure of all sends that find their queue full.
var queueFull = failure{operation: "send", code: errcode.Again, text: "the send queue is full (SOCKET_OPTION_SEND_QUEUE_LIMIT)"}

// totalWaiter is a socket that waits for other sockets' queues.
type totalWaiter Socket

// Relieve has the loop report drain.
func (w *totalWaiter) Relieve() { w.loop.reactor.Schedule(w) }

// RunTask reports drain if the socket still waits for it.
func (w *totalWaiter) RunTask() {
	s := (*Socket)(w)
	s.mu.Lock()
	s.out.EndWait()
	if s.out.TakeDrain(s.opts.queueLimit) {
		s.queueWorkLocked(workDrain)
	}
	s.unlock()
}
