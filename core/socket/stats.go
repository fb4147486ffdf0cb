package socket

import (
	"runtime"
	"sync/atomic"

	"ohsocket/core/buffer"
	"ohsocket/core/goruntime"
	"ohsocket/core/sendqueue"
	"ohsocket/core/tlsengine"
)

// Stats are counts since the start, or the present.
type Stats struct {
	Sockets, Loops, QueuedBytes, BufferBytes, GoHeapBytes, Goroutines uint64
	BytesReceived, BytesSent, MessagesReceived, MessagesSent          uint64
	ConnectionsAccepted, LoopIterations                               uint64
	// Panics that were caught.
	Panics uint64
	// Clients of TLS servers that nobody has seen; TLS connections, those included; sets of
	// secure options in use.
	TLSHandshakes, TLSSessions, TLSContexts uint64
	// The limit of all send queues, what they hold of it, and sends that were refused for it.
	TotalQueueLimit, TotalQueueBytes, TotalQueueRefusals uint64
}

// Panicked counts a panic that was caught at the border.
func Panicked() { library.panics.Add(1) }

// totals keeps the counters of loops that are gone.
type totals struct {
	received, sent counter
	iterations     atomic.Uint64
}

func (t *totals) add(l *Loop) {
	t.received.bytes.Add(l.received.bytes.Load())
	t.received.messages.Add(l.received.messages.Load())
	t.sent.bytes.Add(l.sent.bytes.Load())
	t.sent.messages.Add(l.sent.messages.Load())
	t.iterations.Add(l.reactor.Iterations())
}

// ReadStats reads the counters. It does not stop the world.
func ReadStats() Stats {
	s := Stats{
		Sockets:             uint64(library.sockets.Live()),
		Loops:               uint64(library.loops.Live()),
		QueuedBytes:         uint64(queuedBytes()),
		BufferBytes:         uint64(buffer.Mapped()),
		GoHeapBytes:         goruntime.HeapBytes(),
		Goroutines:          uint64(runtime.NumGoroutine()),
		ConnectionsAccepted: library.accepted.Load(),
		Panics:              library.panics.Load(),
		BytesReceived:       library.retired.received.bytes.Load(),
		MessagesReceived:    library.retired.received.messages.Load(),
		BytesSent:           library.retired.sent.bytes.Load(),
		MessagesSent:        library.retired.sent.messages.Load(),
		LoopIterations:      library.retired.iterations.Load(),
	}
	contexts, sessions, _ := tlsengine.Live()
	s.TLSHandshakes = uint64(library.establishing.Live())
	s.TLSSessions, s.TLSContexts = uint64(sessions), uint64(contexts)
	total := sendqueue.ReadTotal()
	s.TotalQueueLimit, s.TotalQueueBytes, s.TotalQueueRefusals = uint64(total.Limit), uint64(total.Held), total.Refused
	library.loops.Each(func(l *Loop) {
		s.BytesReceived += l.received.bytes.Load()
		s.MessagesReceived += l.received.messages.Load()
		s.BytesSent += l.sent.bytes.Load()
		s.MessagesSent += l.sent.messages.Load()
		s.LoopIterations += l.reactor.Iterations()
	})
	return s
}

// queuedBytes adds up the send queues of open sockets.
func queuedBytes() int64 {
	total := int64(0)
	library.loops.Each(func(l *Loop) {
		for _, s := range l.openSockets() {
			total += s.QueueLength()
		}
	})
	return total
}
