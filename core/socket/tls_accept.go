package socket

import (
	"container/list"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/handshake"
	"ohsocket/core/lock"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
)

// tlsAcceptor holds the clients of a TLS server until the listeners have seen them. The handshakes
// run on the loops of the connections.
type tlsAcceptor struct {
	mu        lock.Mutex[lock.Leaf]
	unseen    map[*Socket]*list.Element // nil: the handshake runs; failedPlace: it has failed
	failing   int                       // of them, those whose handshakes have failed
	ready     list.List                 // of those *Socket whose handshakes are done, in that order
	failures  []handshakeFailure
	scheduled bool // in the loop's line of tasks
	crowded   bool // accept waits for a place among the unseen, or close for all of them
}

// handshakeFailure is to be reported on the server.
type handshakeFailure struct {
	remote netaddr.Sockaddr
	code   errcode.Code
	text   string
}

// failedPlace is the place of a client that reads its alert.
var failedPlace = new(list.Element)

// failuresKept bounds what a server that is paused keeps of them.
const failuresKept = 256

// acceptSecure begins the handshake with a client.
func (s *Socket) acceptSecure(c *Socket, fd int) {
	s.mu.Lock()
	x := s.shareLocked()
	s.mu.Unlock()
	defer x.drop()
	if x.context == nil {
		sys.Close(fd)
		s.accepts.refused(handshakeFailure{c.remote.Sockaddr(), x.bad.Code, x.bad.Text})
		return
	}
	session, err := x.context.Server()
	if err != nil {
		e := engineError(err)
		sys.Close(fd)
		s.accepts.refused(handshakeFailure{c.remote.Sockaddr(), e.Code, e.Text})
		return
	}
	c.tls = &tlsLayer{session: session}
	c.establish(fd, newClient{c}, &c.tls.pipe, &tlsStage{session: session, loop: c.loop})
	c.beginPeriodLocked(fd, stateEstablishing)
	s.accepts.begin(c)
	if !c.loop.addOpen(c) {
		c.stopTLS()
		s.accepts.left(c)
		sys.Close(fd)
		return
	}
	c.schedule(workOpen | workTimer)
}

// wake has the server's loop run the acceptor.
func (a *acceptor) wake() {
	a.mu.Lock()
	kick := !a.scheduled
	a.scheduled = true
	a.mu.Unlock()
	if kick {
		a.server.loop.reactor.Schedule(a)
	}
}

// RunTask announces the clients whose handshakes have ended. It is the task of the acceptor: no
// client has the server read in order to be shown.
func (a *acceptor) RunTask() {
	s := a.server
	a.mu.Lock()
	a.scheduled = false
	a.mu.Unlock()
	if s.announceClients() {
		s.accept() // some may have waited for a place
	}
	if s.isClosing() {
		s.closeStep() // they may have been the last
	}
}

func (a *acceptor) begin(c *Socket) {
	a.mu.Lock()
	if a.unseen == nil {
		a.unseen = map[*Socket]*list.Element{}
	}
	a.unseen[c] = nil
	a.mu.Unlock()
	library.establishing.Enter()
}

// isCrowded reports whether there are as many unseen clients as the limit allows (0: no limit).
// Then left has the server accept again.
func (a *acceptor) isCrowded(limit int64) bool {
	if limit == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crowded = int64(len(a.unseen)) >= limit
	return a.crowded
}

// isEstablishing reports whether there are clients that may still be shown. Then left has the
// server look again.
func (a *acceptor) isEstablishing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crowded = len(a.unseen) > a.failing
	return a.crowded
}

// done puts a client into the line of those to be shown. It reports false if the server
// has closed meanwhile.
func (a *acceptor) done(c *Socket) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.unseen[c]; !ok {
		return false
	}
	a.unseen[c] = a.ready.PushBack(c)
	return true
}

// next takes the first of the line.
func (a *acceptor) next() *Socket {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.ready.Front()
	if first == nil {
		return nil
	}
	c := a.ready.Remove(first).(*Socket)
	delete(a.unseen, c)
	return c
}

// failed keeps the failure of a client, unless the server has closed meanwhile.
func (a *acceptor) failed(c *Socket, f handshakeFailure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.unseen[c]; ok {
		a.unseen[c] = failedPlace
		a.failing++
		a.keepLocked(f)
	}
}

// keepLocked adds a failure that the loop will report, as long as there are not too many.
func (a *acceptor) keepLocked(f handshakeFailure) {
	if len(a.failures) < failuresKept {
		a.failures = append(a.failures, f)
	}
}

// refused keeps a failure without a connection.
func (a *acceptor) refused(f handshakeFailure) {
	a.mu.Lock()
	a.keepLocked(f)
	a.mu.Unlock()
	a.wake()
}

func (a *acceptor) nextFailure() (f handshakeFailure, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.failures) == 0 {
		return f, false
	}
	f = a.failures[0]
	a.failures = append(a.failures[:0], a.failures[1:]...)
	return f, true
}

// left is told that a connection has ended.
func (a *acceptor) left(c *Socket) {
	if c.handle != 0 {
		a.live.Add(-1)
		return
	}
	a.mu.Lock()
	switch place := a.unseen[c]; place {
	case nil:
	case failedPlace:
		a.failing--
	default:
		a.ready.Remove(place)
	}
	delete(a.unseen, c)
	crowded := a.crowded
	a.crowded = false
	a.mu.Unlock()
	if crowded {
		a.wake()
	}
	library.establishing.Leave()
	trimSoon()
}

// rejectAll drops the clients that nobody has seen: the server closes.
func (a *acceptor) rejectAll() {
	a.mu.Lock()
	unseen := a.unseen
	a.unseen, a.failures, a.failing = nil, nil, 0
	a.ready.Init()
	a.mu.Unlock()
	for c := range unseen {
		c.dropClient()
	}
}

// dropClient aborts a connection that nobody has seen.
func (s *Socket) dropClient() {
	s.mu.Lock()
	s.parked = false
	s.beginCloseLocked(aborted)
	s.unlock()
}

// shakeLine holds the handshakes of a loop's clients that wait when they have taken readTime of
// the loop's turn: connections that are open come first.
type shakeLine struct {
	loop    *Loop
	waiting list.List // of *establishment
	begun   uint64    // the turn of the loop
	spent   int64     // of that turn
}

// isFull reports whether the turn has no time left for handshakes.
func (w *shakeLine) isFull(l *Loop) bool {
	if now := l.reactor.Iterations(); now != w.begun {
		w.begun, w.spent = now, 0
	}
	return w.spent > readTime
}

// RunTask goes on with those that wait, in their order.
func (w *shakeLine) RunTask() {
	for w.waiting.Len() > 0 && !w.isFull(w.loop) {
		e := w.waiting.Remove(w.waiting.Front()).(*establishment)
		if e.over {
			continue
		}
		e.inLine = false
		w.advance(e)
	}
	if w.waiting.Len() > 0 {
		w.loop.reactor.Schedule(w)
	}
}

// advance goes on with a client's handshake.
func (w *shakeLine) advance(e *establishment) {
	began := reactor.Clock()
	defer func() { w.spent += reactor.Clock() - began }()
	s := e.s
	s.mu.Lock()
	over := s.isClosing() || s.state != stateEstablishing
	s.mu.Unlock()
	if over {
		// An alert is being sent, or the connection is being dropped.
		s.goOnClosing()
		return
	}
	e.advance()
}

// A newClient is the establishment's owner on a server.
type newClient struct{ s *Socket }

// goOn goes on with a client's handshake when it is its turn.
func (c newClient) goOn() {
	l, e := c.s.loop, c.s.establishment
	w := &l.shakes
	switch {
	case e.inLine:
	case w.waiting.Len() > 0 || w.isFull(l):
		e.inLine = true
		w.loop = l
		if w.waiting.PushBack(e); w.waiting.Len() == 1 {
			l.reactor.Schedule(w)
		}
	default:
		w.advance(e)
	}
}

// established hands the connection to its server, whose loop shows it to the listeners;
// also if e has it that the client has gone again, since it may have sent something first.
func (c newClient) established(e unix.Errno) {
	s := c.s
	s.tls.phase = phaseReady
	s.mu.Lock()
	s.become(stateConnected)
	s.negotiatedLocked()
	s.parked = true
	if e != 0 {
		s.failLocked(e)
	}
	s.unlock()
	if !s.server.accepts.done(s) {
		s.dropClient()
		return
	}
	s.server.accepts.wake()
}

// notEstablished reports it on the server and closes, so that the client can read the
// alert.
func (c newClient) notEstablished(f handshake.Failure) {
	s := c.s
	s.server.accepts.failed(s, handshakeFailure{s.remote.Sockaddr(), s.server.code(opTransfer, f.Code), f.Text})
	s.server.accepts.wake()
	s.tls.notified = true
	s.tls.phase = phaseOpen
	s.mu.Lock()
	s.become(stateConnected)
	how := orderly
	if f.Code.Errno() != 0 {
		how = aborted // there is nothing to say to this peer
	}
	s.beginCloseLocked(how)
	s.unlock()
}

// goOnClosing does for a connection that is being dropped what Ready does for others.
func (s *Socket) goOnClosing() { s.schedule(workClose) }

// announceClients shows the clients whose handshakes are done to the listeners, and the
// failures. It reports false if the rest has to wait.
func (s *Socket) announceClients() bool {
	for {
		f, ok := s.accepts.nextFailure()
		if !ok {
			break
		}
		s.mu.Lock()
		s.noteFailureLocked("TLS handshake with", f.remote, "", f.code)
		s.failure.text = f.text
		s.mu.Unlock()
		s.emitFrom(abi.EventError, f.code, f.remote)
	}
	for {
		s.mu.Lock()
		off := !s.showsClientsLocked()
		s.mu.Unlock()
		if off {
			return false
		}
		if !s.loop.hasRoom() {
			s.readLater()
			return false
		}
		c := s.accepts.next()
		if c == nil {
			return true
		}
		s.mu.Lock()
		if s.isClosing() {
			s.lastProgress = reactor.Clock()
			s.queueWorkLocked(workClose) // it may have been the last
		}
		s.unlock()
		if !s.announce(c) {
			c.dropClient()
		}
	}
}

// showsClientsLocked reports whether clients whose handshakes are done can be shown. A server that
// is being closed still shows them.
func (s *Socket) showsClientsLocked() bool {
	return s.state == stateListening && s.manner != aborted && !s.paused && s.fatal == errcode.OK &&
		wants(s.listeners.Load(), abi.EventConnect)
}

// awaitHandshakes reports whether a server that is being closed waits for its clients' handshakes.
// Its port is free in the meantime.
func (s *Socket) awaitHandshakes() bool {
	if !s.kind().isSecureServer() {
		return false
	}
	s.mu.Lock()
	waits := s.isClosing() && !s.isLate() && s.showsClientsLocked() && s.accepts.isEstablishing()
	if waits {
		s.queueWorkLocked(workTimer)
	}
	s.unlock()
	if waits {
		s.closeUnused()
	}
	return waits
}
