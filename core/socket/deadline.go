package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/handshake"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// deadlinesLocked returns when a socket has waited too long, each 0 if it does not wait: for
// the peer while closing, for queued bytes to be taken, for any byte at all.
func (s *Socket) deadlinesLocked() (closing, stall, idle int64) {
	o := s.opts
	queued := s.queued()
	if s.isClosing() && !s.isLate() && (s.state == stateConnected || s.state == stateListening || s.kind().isDatagram() && queued) {
		if s.lastProgress == 0 {
			s.lastProgress = reactor.Clock()
		}
		ms := o.closeTimeout
		if o.extra.Linger > 0 && o.extra.LingerMs > 0 {
			ms = int64(o.extra.LingerMs)
		}
		closing = s.lastProgress + ms*1e6
	}
	if s.state == stateEstablishing && !s.isClosing() {
		return closing, 0, s.establishment.begun + o.handshakeTimeout*1e6
	}
	if s.state != stateConnected || s.isClosing() || !s.kind().isStream() {
		return closing, 0, 0
	}
	if ms := int64(o.extra.SocketTimeoutMs); ms > 0 && queued {
		if s.lastProgress == 0 {
			s.lastProgress = reactor.Clock()
		}
		stall = s.lastProgress + ms*1e6
	}
	if o.idleTimeout > 0 {
		idle = max(s.active, s.lastProgress) + o.idleTimeout*1e6
	}
	return closing, stall, idle
}

// queued reports whether bytes, or the end behind them, wait for the kernel to take them. mu is
// held.
func (s *Socket) queued() bool { return s.out.Size() > 0 || s.hasCipher() || s.half == halfEnding }

// isSendingLocked reports whether the peer may still have to take something: what is queued, or
// after the FIN of a close what the kernel holds.
func (s *Socket) isSendingLocked() bool {
	return s.state == stateConnected && s.kind().isStream() && (s.queued() || s.hasSentAll())
}

// probePeer counts it as progress if the peer has taken bytes that the kernel had for it
// when we last looked. The kernel lets us write again only when much has gone, a third of
// a buffer of megabytes: until then a slow reader looks like one that does not read.
func (s *Socket) probePeer(now int64) {
	s.mu.Lock()
	fd, looks := int(s.fd), s.isSendingLocked()
	s.mu.Unlock()
	if !looks {
		return
	}
	held, e := sys.Unacknowledged(fd)
	if e != 0 {
		return
	}
	s.mu.Lock()
	r := s.extraLocked()
	if held < r.unacked {
		s.lastProgress = now
	}
	r.unacked = held
	s.mu.Unlock()
}

// minProbeInterval is the shortest time between two looks of probePeer.
const minProbeInterval = 20e6

// setTimer starts the socket's timer for the next of its deadlines, or for a look at the
// peer before it. Progress does not move it: it looks again when it expires.
func (s *Socket) setTimer() {
	s.mu.Lock()
	closing, stall, idle := s.deadlinesLocked()
	looks := s.isSendingLocked()
	s.mu.Unlock()
	next := int64(0)
	for _, d := range []int64{closing, stall, idle} {
		if d != 0 && (next == 0 || d < next) {
			next = d
		}
	}
	if next == 0 {
		return
	}
	if now := reactor.Clock(); looks {
		next = min(next, now+max((next-now)/4, minProbeInterval))
	}
	if s.timer == nil {
		s.timer = &reactor.Timer{Owner: s}
	}
	if !s.timer.IsSet() || s.timer.When() > next {
		s.loop.reactor.SetTimer(s.timer, next)
	}
}

// Expire looks which deadline has passed.
func (s *Socket) Expire(t *reactor.Timer) {
	if s.kind().isServer() && t == s.accepts.retry {
		s.ready |= pollIn
		s.read()
		return
	}
	now := reactor.Clock()
	s.probePeer(now)
	s.mu.Lock()
	if m := s.leavingLocked(); m != nil {
		s.mu.Unlock()
		m.handOver()
		return
	}
	closing, stall, idle := s.deadlinesLocked()
	switch {
	case closing != 0 && closing <= now:
		s.lateLocked()
		s.queueWorkLocked(workClose)
	case idle != 0 && idle <= now && s.state == stateEstablishing:
		s.unlock()
		s.endEstablishment()
		newClient{s}.notEstablished(handshake.Failure{Code: errcode.TimedOut, Text: "the client did not finish the TLS handshake in time"})
		return
	case stall != 0 && stall <= now, idle != 0 && idle <= now:
		s.failLocked(unix.ETIMEDOUT)
		s.beginCloseLocked(orderly)
	}
	s.unlock()
	s.setTimer()
}

func (s *Socket) stopTimers() {
	if s.timer != nil {
		s.loop.reactor.StopTimer(s.timer)
	}
	if s.kind().isServer() && s.accepts.retry != nil {
		s.loop.reactor.StopTimer(s.accepts.retry)
		s.accepts.full = false
	}
}
