package socket

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

const (
	defaultConnectTimeout = 5000 // ms
	// nextAttempt is the time that an attempt is alone before the next address is tried
	// beside it: the Connection Attempt Delay of RFC 8305.
	nextAttempt = 250e6
)

// connector is a connect that is going on. It belongs to the loop's thread, but for
// what look-up leaves in found.
type connector struct {
	s        *Socket
	target   netaddr.Target
	done     abi.Completion
	deadline int64
	bound    bool  // the socket has a descriptor, of this address
	before   state // of the socket
	local    netaddr.Sockaddr

	cancel  context.CancelFunc
	found   chan lookup
	looking bool // the last answer of the look-up has not come
	timer   reactor.Timer
	waiting []netaddr.Sockaddr // not yet tried
	trying  []*attempt
	started int64 // when the latest attempt or handshake began
	outcome       // of the last attempt
	over    bool

	// TLS.
	secure  TLSConfig
	begun   bool     // on which the handshake has begun
	shaking *attempt // whose connection has its handshake
	shook   *outcome // of the first handshake that has failed
}

// outcome is why something has failed.
type outcome struct {
	code    errcode.Code
	address netaddr.Sockaddr
	text    string // what is to be said beyond the code
}

type lookup struct {
	netaddr.Answer
	text string
}

// maxAnswers is the number of addresses that a look-up has at most.
const maxAnswers = 3

// Connect connects a client, or gives a UDP socket its peer.
func (s *Socket) Connect(target netaddr.Target, timeoutMs int32, done abi.Completion) errcode.Code {
	return s.ConnectSecure(target, timeoutMs, nil, done)
}

// ConnectSecure is Connect with secure options; nil: those that the socket has, or the defaults.
func (s *Socket) ConnectSecure(target netaddr.Target, timeoutMs int32, x *TLSConfig, done abi.Completion) errcode.Code {
	defer func() { x.drop() }()
	if !s.kind().connects() {
		return errcode.NotSupported
	}
	if timeoutMs < 0 || timeoutMs > maxTimeout {
		return s.refuseArgument("timeout_ms", strconv.Itoa(int(timeoutMs)), "not from 0 to "+strconv.Itoa(maxTimeout))
	}
	if timeoutMs == 0 {
		timeoutMs = defaultConnectTimeout
	}
	c := &connector{s: s, target: target, done: done, deadline: reactor.Clock() + int64(timeoutMs)*1e6}
	c.timer.Owner = c
	if s.kind().isSecureClient() && x == nil {
		var code errcode.Code
		if x, code = s.defaultSecure(); code != errcode.OK {
			return code
		}
	}
	s.mu.Lock()
	var code errcode.Code
	switch {
	case s.released:
		code = errcode.BadFD
	case s.isClosing(), s.state == stateConnecting, s.state.isClaimed():
		code = errcode.AlreadyInProgress
	case s.state == stateConnected:
		code = errcode.IsConnected
	}
	if code != errcode.OK {
		s.mu.Unlock()
		return s.code(opTransfer, code)
	}
	if x != nil {
		s.setSecure(x)
	}
	c.secure = s.shareLocked()
	c.before = s.state
	c.bound = s.state.isBound()
	if !c.bound {
		s.become(s.state.claimed()) // nobody else, while the list is asked
		s.mu.Unlock()
		ok := s.loop.addOpen(s)
		s.mu.Lock()
		if !ok {
			s.become(c.before)
			s.mu.Unlock()
			c.secure.drop()
			s.forgetSecure()
			return errcode.BadFD
		}
		s.beginPeriodLocked(-1, stateConnecting)
		if s.released {
			s.beginCloseLocked(orderly)
		}
	} else {
		s.become(stateConnecting)
	}
	s.extraLocked().conn = c
	s.queueWorkLocked(workConnect)
	s.unlock()
	return errcode.OK
}

// isCarried reports whether there is a connection already, which has no handshake.
func (c *connector) isCarried() bool { return c.before == stateAttached }

// startConnect begins on the loop's thread.
func (s *Socket) startConnect() {
	s.mu.Lock()
	c, fd := s.connectorLocked(), int(s.fd)
	s.mu.Unlock()
	if c == nil || c.over {
		return
	}
	if c.bound {
		c.local, _ = sys.LocalAddr(fd)
	}
	s.loop.reactor.SetTimer(&c.timer, c.deadline)
	_, literal := c.target.Literal()
	store := c.secure.needsStore()
	if (literal || c.isCarried()) && !store {
		c.begin()
		return
	}
	c.found = make(chan lookup, maxAnswers)
	c.looking = true
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Duration(c.deadline-reactor.Clock())))
	c.cancel = cancel
	go c.lookUp(ctx, store)
}

// begin goes on when there is nothing to wait for but the peer.
func (c *connector) begin() {
	if c.isCarried() {
		c.beginCarried()
		return
	}
	sa, _ := c.target.Literal()
	c.add([]netaddr.Sockaddr{sa})
}

// lookUp asks the name servers, and reads the system's certificates, on a goroutine of
// its own.
func (c *connector) lookUp(ctx context.Context, store bool) {
	found := func(r lookup) {
		c.found <- r
		c.s.loop.reactor.Schedule(c)
	}
	if store {
		if err := tlsengine.LoadSystemStore(); err != nil {
			e := engineError(err)
			found(lookup{netaddr.Answer{Code: e.Code, Last: true}, e.Text})
			return
		}
	}
	if _, literal := c.target.Literal(); literal || c.isCarried() {
		found(lookup{Answer: netaddr.Answer{Last: true}})
		return
	}
	netaddr.Resolve(ctx, c.target, func(a netaddr.Answer) { found(lookup{Answer: a}) })
}

// RunTask takes an answer of the look-up.
func (c *connector) RunTask() {
	if c.over {
		return
	}
	r := <-c.found
	c.looking = !r.Last
	if r.Code != errcode.OK {
		c.outcome = outcome{code: r.Code, text: r.text}
	} else if _, literal := c.target.Literal(); literal || c.isCarried() {
		c.begin()
		return
	}
	c.add(r.Addresses)
}

// add has more addresses tried, when it is their turn.
func (c *connector) add(found []netaddr.Sockaddr) {
	last := 0 // the family of the latest attempt
	if n := len(c.trying); n > 0 {
		last = c.trying[n-1].address.Family()
	}
	fresh := c.usable(found)
	if len(fresh) > 0 && len(c.waiting) > 0 && c.waiting[0].Family() == last {
		c.waiting = netaddr.Interleave(append(fresh, c.waiting...))
	} else {
		c.waiting = netaddr.Interleave(append(c.waiting, fresh...))
	}
	switch {
	case c.shaking != nil, len(c.trying) > 0:
		c.setTimer()
	case len(c.waiting) == 0 && !c.looking && c.code == errcode.OK:
		c.text = "the address that the socket is bound to is of another family"
		c.finish(errcode.FromErrno(errcode.Client, unix.EAFNOSUPPORT))
	default:
		c.next()
	}
}

// usable returns the addresses that the socket can connect to, in the form that it needs: a
// bound one has a descriptor of one family. Of UDP the kernel takes IPv4 addresses as they are.
func (c *connector) usable(found []netaddr.Sockaddr) []netaddr.Sockaddr {
	if !c.bound {
		return found
	}
	var usable []netaddr.Sockaddr
	for _, a := range found {
		switch {
		case a.Family() == c.local.Family() && !(c.local.Is4In6() && !a.Is4In6()):
			usable = append(usable, a)
		case a.Is4In6() && c.local.Is4():
			usable = append(usable, a.Unmap())
		case a.Is4() && (c.local.IsUnspecified() || c.local.Is4In6()) && c.s.kind().isDatagram():
			usable = append(usable, a)
		case a.Is4() && (c.local.IsUnspecified() || c.local.Is4In6()):
			usable = append(usable, a.Map())
		}
	}
	return usable
}

// next begins the next attempt, until one is under way; without any left, and none to come, the
// connect has failed.
func (c *connector) next() {
	for len(c.waiting) > 0 {
		a := &attempt{c: c, fd: -1, address: c.waiting[0]}
		c.waiting = c.waiting[1:]
		e := a.start()
		if e == 0 {
			if c.over {
				return
			}
			c.trying = append(c.trying, a)
			c.started = reactor.Clock()
			c.setTimer()
			return
		}
		c.attemptFailed(a, e)
	}
	if len(c.trying) == 0 && !c.looking {
		if c.shook != nil {
			c.outcome = *c.shook // it says more than that others cannot be reached
		}
		c.finish(c.code)
	}
}

// turnEnds returns when the next address is tried although the latest attempt or handshake has
// not failed, or when the connect is out of time. One beside which there can be no other has its
// share of the time that is left.
func (c *connector) turnEnds() int64 {
	switch {
	case len(c.waiting) == 0:
		return c.deadline
	case c.bound || c.shaking != nil:
		return c.started + (c.deadline-c.started)/int64(1+len(c.waiting))
	}
	return min(c.deadline, c.started+nextAttempt)
}

func (c *connector) setTimer() { c.s.loop.reactor.SetTimer(&c.timer, c.turnEnds()) }

// Expire tries the next address, or ends the connect.
func (c *connector) Expire(*reactor.Timer) {
	now := reactor.Clock()
	switch {
	case c.over:
	case now >= c.deadline:
		c.timedOut()
	case now < c.turnEnds():
		c.setTimer()
	case c.shaking != nil:
		c.shakeFailed(errcode.TimedOut, stalledHandshake)
	case c.bound:
		for _, a := range c.trying { // one at most
			c.s.loop.reactor.Remove(a.token, a.fd)
			c.attemptFailed(a, unix.ETIMEDOUT)
		}
		c.trying = nil
		c.next()
	default:
		c.next()
	}
}

const stalledHandshake = "the peer did not finish the TLS handshake in time"

func (c *connector) timedOut() {
	if c.shaking != nil {
		c.waiting, c.looking = nil, false
		c.shakeFailed(errcode.TimedOut, stalledHandshake)
		return
	}
	if len(c.trying) > 0 {
		c.address = c.trying[0].address
	}
	c.abandon()
	c.finish(errcode.TimedOut)
}

// abandon gives up what is under way.
func (c *connector) abandon() {
	for _, a := range c.trying {
		c.s.loop.reactor.Remove(a.token, a.fd)
		c.attemptFailed(a, unix.ECANCELED)
	}
	c.trying, c.waiting = nil, nil
	if c.shaking != nil {
		c.abandonTLS()
	}
}

// stop ends the connector, whatever the outcome.
func (c *connector) stop() {
	c.over = true
	c.secure.drop()
	c.s.loop.reactor.StopTimer(&c.timer)
	if c.cancel != nil {
		c.cancel()
	}
}

// succeed makes an attempt's descriptor the socket's.
func (c *connector) succeed(a *attempt, events uint32) {
	s := c.s
	c.stop()
	for _, t := range c.trying {
		if t != a {
			s.loop.reactor.Remove(t.token, t.fd)
			sys.Close(t.fd)
		}
	}
	c.trying, c.waiting = nil, nil
	s.lockCaughtUp(a.fd, a.opts)
	s.fd = int32(a.fd)
	s.remote = a.address.Keep()
	s.dropConnectorLocked()
	s.become(stateConnected)
	if s.kind().isSecureClient() {
		s.tls.phase = phaseOpen
		s.negotiatedLocked()
	}
	s.mu.Unlock()
	s.ready = events & (pollIn | pollGone | pollUrgent)
	s.active = reactor.Clock()
	if !s.kind().isDatagram() {
		s.token = a.token
		s.loop.reactor.Replace(a.token, s)
	}
	s.emit(abi.EventConnect, errcode.OK, nil)
	s.complete(abi.OperationConnect, c.done, errcode.OK)
	s.schedule(workFlush | workRead | workEnd | workClose | workTimer)
}

// finish completes a connect that has failed: the socket is as before, and what was
// queued behind it fails too.
func (c *connector) finish(code errcode.Code) {
	s := c.s
	c.stop()
	s.mu.Lock()
	s.conn = nil
	s.noteFailureLocked("connect", c.address, c.target.Host(), s.code(opTransfer, code))
	s.failure.text = c.text
	if s.isClosing() && s.out.Size() > 0 && s.manner != aborted {
		// The close was waiting for what is queued: it did not succeed.
		s.fatal = code
	}
	if c.isCarried() && c.begun && !s.isClosing() {
		// Nobody can make another handshake on this connection.
		s.fatal = code
		s.beginCloseLocked(orderly)
	}
	s.out.Drop(code)
	s.half = halfSending
	end := s.takeEndDoneLocked()
	gone := !c.bound && !s.isClosing()
	switch {
	case c.bound:
		s.become(c.before)
	case gone:
		s.become(c.before.claimed()) // nobody's, until it is off the list
	}
	doomed := s.out.TakeDiscarded()
	s.queueWorkLocked(workClose)
	s.unlock()
	doomed.FreeAll()
	if gone {
		s.loop.addActive(1)
		s.loop.removeOpen(s)
		s.mu.Lock()
		s.become(c.before)
		s.mu.Unlock()
	}
	s.complete(abi.OperationConnect, c.done, code)
	s.deliverSends()
	s.complete(abi.OperationEnd, end, s.code(opTransfer, code))
	if gone {
		s.loop.addActive(-1)
		s.forgetSecure()
	}
}

// cancelConnect ends a connect for a close.
func (s *Socket) cancelConnect(c *connector) {
	c.abandon()
	c.finish(errcode.Canceled)
}
