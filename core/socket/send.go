package socket

import (
	"math"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

const (
	// smallSend bytes are copied under the lock, if there is room for them.
	smallSend = 4 << 10
	// directSend is the size from which a send on the loop's thread is not gathered.
	directSend = 16 << 10
	// gatherLimit is written at once.
	gatherLimit = 64 << 10
)

// Send sends one buffer.
func (s *Socket) Send(t abi.Thread, data, size uintptr, done abi.Completion) errcode.Code {
	one := [1]abi.Buffer{{Data: data, Size: uint64(size)}}
	return s.SendVector(t, one[:], done)
}

// SendVector sends several buffers as one. The array is the caller's; it is only read.
func (s *Socket) SendVector(t abi.Thread, bufs []abi.Buffer, done abi.Completion) errcode.Code {
	total, ok := measure(bufs)
	if !ok {
		return s.Refuse("send", badBuffer)
	}
	switch {
	case s.kind().isServer():
		return errcode.NotSupported
	case s.kind().isDatagram():
		return s.sendPacket(t, bufs, total, netaddr.Sockaddr{}, done)
	case s.kind().secure && total == 0:
		return s.Refuse("send", "an empty send over TLS") // as the API has it
	}
	return s.code(opTransfer, s.sendStream(t, bufs, total, done))
}

// SendTo sends a datagram to an address.
func (s *Socket) SendTo(t abi.Thread, to netaddr.Sockaddr, data, size uintptr, done abi.Completion) errcode.Code {
	if !s.kind().isDatagram() {
		return errcode.NotSupported
	}
	one := [1]abi.Buffer{{Data: data, Size: uint64(size)}}
	total, ok := measure(one[:])
	if !ok {
		return s.Refuse("send_to", badBuffer)
	}
	if to.Port() == 0 {
		s.Refuse("send_to", "the port is 0")
		return errcode.InvalidArgument
	}
	return s.sendPacket(t, one[:], total, to, done)
}

const badBuffer = "data is NULL although it has a size, or has more than 2 GiB"

// measure adds sizes up and finds missing data.
func measure(bufs []abi.Buffer) (int, bool) {
	total := uint64(0)
	for _, b := range bufs {
		if b.Size > math.MaxInt32 || b.Data == 0 && b.Size > 0 {
			return 0, false
		}
		total += b.Size
	}
	return int(total), total <= math.MaxInt32
}

// sendableLocked says whether a send can be accepted in this state.
func (s *Socket) sendableLocked() errcode.Code {
	switch {
	case s.released:
		return errcode.BadFD
	case s.isClosing(), s.half != halfSending:
		return errcode.Shutdown
	case s.fatal != errcode.OK:
		return s.fatal
	case s.state == stateConnected, s.state == stateConnecting:
		return errcode.OK
	case s.state.isBound():
		return errcode.NotConnected
	case s.kind().isAccepted():
		return errcode.Shutdown // its period is over, its handle is about to go
	}
	return s.errnoCode(opGet, unix.EBADF)
}

// underLimitLocked applies the limit of the queue and that of all queues.
func (s *Socket) underLimitLocked(total int) bool {
	return s.out.IsUnderLimit(total, s.opts.queueLimit) && s.out.IsUnderTotal(total)
}

// makeRoomLocked begins to write what was gathered, which the kernel was not asked to take yet,
// before a send is refused because of it: the caller writes it, if there is a writer, and asks
// again. charge holds what the queue counted at the last try: another one must have made it less.
func (s *Socket) makeRoomLocked(gather bool, charge *int64) writer {
	q := &s.out
	now := q.Charge()
	if !q.Gathered || !q.IsIdle() || s.isHeldBack() || s.kind().secure && !gather || now >= *charge {
		return noWriter
	}
	*charge = now
	return s.beginWriteLocked()
}

// acceptSendLocked counts a send that will happen.
func (s *Socket) acceptSendLocked(units uint64, bytes int, done abi.Completion) {
	q := &s.out
	q.Accept(units, bytes)
	if done.Func != 0 {
		q.AddCompletion(done)
	}
	s.loop.sent.messages.Add(1)
}

// sendStream sends bytes on a connection. Order is the order in which sends get here:
// the first writes straight from the caller's memory if nobody else is writing and
// nothing is queued; all others append.
func (s *Socket) sendStream(t abi.Thread, bufs []abi.Buffer, total int, done abi.Completion) errcode.Code {
	gather := s.loop.beginGather(t)
	defer s.loop.endGather(gather)
	q := &s.out
	var copied buffer.List
	var b, joined *buffer.Block
	charge := int64(math.MaxInt64)
	s.mu.Lock()
	for {
		code := s.sendableLocked()
		if code == errcode.OK && (total > 0 || done.Func != 0) && !s.underLimitLocked(total) {
			if w := s.makeRoomLocked(gather, &charge); w != noWriter {
				s.unlock()
				s.write(w)
				s.mu.Lock()
				continue
			}
			code = s.refuseSendLocked(total)
		}
		if code != errcode.OK {
			s.mu.Unlock()
			copied.FreeAll()
			return code
		}
		switch {
		case total == 0:
			s.acceptSendLocked(0, 0, done)
			if q.IsDue() {
				s.queueWorkLocked(workDone)
			}
			s.unlock()
			return errcode.OK
		case copied.First != nil:
			joined = q.Blocks.Join(copied)
		case s.writesAtOnceLocked(gather, total, done):
			s.acceptSendLocked(uint64(total), total, done)
			w := s.lockWriteLocked()
			s.unlock()
			s.writeDirect(w, bufs, total)
			return errcode.OK
		case total <= smallSend && q.Blocks.First != nil && q.Blocks.Last().Room() >= total:
			appendSmall(q.Blocks.Last(), bufs)
		case total <= smallSend && gather && s.takeSpare(&b):
			// The common case of an answer made in a callback: one lock.
			appendSmall(b, bufs)
			q.Blocks.Push(b)
		default:
			s.mu.Unlock()
			var ok bool
			if copied, ok = buffer.CopyIn(bufs, total); !ok {
				return errcode.FromErrno(errcode.Client, unix.ENOMEM)
			}
			s.mu.Lock()
			continue
		}
		if q.Size() == 0 {
			s.stallFromNowLocked()
		}
		s.acceptSendLocked(uint64(total), total, done)
		w := s.chooseWriterLocked(gather, total)
		s.unlock()
		if joined != nil {
			joined.Free()
		}
		s.write(w)
		return errcode.OK
	}
}

// writesAtOnceLocked reports whether a send goes to the kernel straight from the caller's memory:
// nothing is before it, and it is not gathered. Only the loop's thread touches a session.
func (s *Socket) writesAtOnceLocked(gather bool, total int, done abi.Completion) bool {
	q := &s.out
	if s.state != stateConnected || !q.IsIdle() || q.Blocks.First != nil || gather && total < directSend {
		return false
	}
	if s.kind().secure {
		return gather && s.tls.cipher.First == nil
	}
	return !s.mustQueueLocked(done)
}

func (s *Socket) takeSpare(b **buffer.Block) bool {
	*b = s.loop.spareBlock()
	return *b != nil
}

func appendSmall(b *buffer.Block, bufs []abi.Buffer) {
	for i := range bufs {
		b.Append(buffer.FromCaller(bufs[i].Data, int(bufs[i].Size)))
	}
}

// A writer has the write lock: it is the descriptor to write to. noWriter is nobody: another thread
// or the loop writes, or there is nothing to write.
type writer int

const noWriter writer = -1

// chooseWriterLocked decides who writes what was just appended. If it is this thread, the caller
// writes when it has unlocked.
func (s *Socket) chooseWriterLocked(gather bool, total int) writer {
	q, k := &s.out, s.kind()
	switch {
	case s.state != stateConnected && !k.isDatagram(), s.state == stateConnecting, !q.IsIdle():
		// The connect, the writer or EPOLLOUT will.
	case gather && q.Size() < gatherLimit && total < directSend:
		if !q.Gathered {
			q.Gathered = true
			s.loop.gathered = append(s.loop.gathered, s)
		}
	case s.mustQueueLocked(abi.Completion{}):
		// The loop's thread will, when it has received.
	case !gather && q.Gathered:
		// It lies behind what the loop's thread has gathered, and goes with it.
	case !gather && k.secure:
		// Only the loop's thread touches the session.
		s.queueWorkLocked(workFlush)
	default:
		return s.lockWriteLocked()
	}
	return noWriter
}

// beginWriteLocked makes the caller the writer, unless there is one, or it has to wait, or nothing
// is to be written.
func (s *Socket) beginWriteLocked() writer {
	q := &s.out
	switch {
	case !q.IsIdle() || s.mustQueueLocked(abi.Completion{}) || s.isHeldBack():
		return noWriter
	case q.Blocks.First == nil && !s.hasUnwritten(), s.fd < 0, s.state == stateConnecting:
		return noWriter
	case s.state != stateConnected && !s.kind().isDatagram():
		return noWriter
	}
	return s.lockWriteLocked()
}

// lockWriteLocked takes the write lock of an idle queue.
func (s *Socket) lockWriteLocked() writer {
	s.out.BeginWrite()
	return writer(s.increfLocked())
}

// write writes the queue, and gives the write lock back.
func (s *Socket) write(w writer) {
	if w != noWriter {
		s.kind().flow.write(s, int(w))
	}
}

// flushGathered writes what this loop's thread has gathered.
func (s *Socket) flushGathered() {
	q, k := &s.out, s.kind()
	s.mu.Lock()
	q.Gathered = false
	b := q.Blocks.First
	if b == nil || b.Next() != nil || s.state != stateConnected || !k.isStream() || k.secure || !q.IsIdle() {
		w := s.beginWriteLocked()
		s.unlock()
		s.write(w)
		return
	}
	w, bytes := s.lockWriteLocked(), b.Bytes()
	s.mu.Unlock()
	s.writeOne(w, bytes)
}

// writeOne is writeStream for the common case of one block, which the loop's thread keeps for the
// next.
func (s *Socket) writeOne(w writer, bytes []byte) {
	q := &s.out
	var empty buffer.List
	n, e := transmitBytes(int(w), bytes)
	s.mu.Lock()
	if !q.IsDropped() {
		q.Take(n, &empty)
	}
	if !s.transmittedLocked(n, e) || q.Blocks.First == nil {
		s.unlockWriteLocked()
		w = noWriter
	}
	s.unlock()
	if empty.First != nil {
		s.loop.keepBlock(empty.Pop())
	}
	s.write(w)
}

// Flush writes what is queued; TLS sockets have it done by their loop.
func (s *Socket) Flush() errcode.Code {
	if s.kind().isServer() {
		return errcode.NotSupported
	}
	s.mu.Lock()
	switch {
	case s.released && !s.isClosing(), !s.state.isOpen():
		s.mu.Unlock()
		return s.errnoCode(opGet, unix.EBADF)
	case s.state.isBound() && !s.kind().isDatagram():
		s.mu.Unlock()
		return s.code(opTransfer, errcode.NotConnected)
	}
	if s.kind().secure {
		s.queueWorkLocked(workFlush)
		s.unlock()
		return errcode.OK
	}
	w := s.beginWriteLocked()
	s.unlock()
	s.write(w)
	return errcode.OK
}

// writable is told by the reactor that the kernel takes bytes again.
func (s *Socket) writable() {
	q, w := &s.out, noWriter
	s.mu.Lock()
	if !q.NoteEdge() && (q.IsBlocked() || s.hasCipher()) {
		q.Unblock()
		w = s.beginWriteLocked()
	}
	s.unlock()
	s.write(w)
}

// flushQueue is Flush on the loop's thread.
func (s *Socket) flushQueue() {
	s.mu.Lock()
	w := s.beginWriteLocked()
	s.unlock()
	s.write(w)
}

// unlockWriteLocked is called when a writer is done: it gives the write lock back and
// leaves what has become possible to the loop.
func (s *Socket) unlockWriteLocked() {
	q := &s.out
	q.EndWrite()
	if q.IsDue() || q.HasDiscarded() {
		s.queueWorkLocked(workDone)
	}
	if q.TakeWaiting() {
		s.queueWorkLocked(workDone | workRead)
	}
	if q.TakeDrain(s.opts.queueLimit) {
		s.queueWorkLocked(workDrain)
	}
	if q.Size() == 0 {
		if s.half == halfEnding {
			s.queueWorkLocked(workEnd)
		}
		if s.isClosing() {
			s.queueWorkLocked(workClose)
		}
	}
	s.decrefLocked()
}

// deliverSends runs the completions that are due, those of sends made in them too.
func (s *Socket) deliverSends() { s.deliverAtMost(math.MaxInt) }

// deliverDue runs those that are due now. What becomes due meanwhile is for the loop's next
// turn: a program that sends in its completions, to a peer that takes everything at once,
// must not keep the loop for one socket.
func (s *Socket) deliverDue() {
	s.mu.Lock()
	count := s.out.Pending()
	s.mu.Unlock()
	s.deliverAtMost(count)
}

func (s *Socket) deliverAtMost(count int) {
	for ; ; count-- {
		s.mu.Lock()
		q := &s.out
		if !q.IsDue() {
			s.mu.Unlock()
			return
		}
		if count <= 0 {
			s.queueWorkLocked(workDone)
			s.unlock()
			return
		}
		p := q.PopDue()
		if q.TakeDrain(s.opts.queueLimit) {
			s.queueWorkLocked(workDrain)
		}
		s.unlock()
		s.complete(abi.OperationSend, p.Done, s.code(opTransfer, p.Code))
	}
}
