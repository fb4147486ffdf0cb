package socket

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/lock"
	"ohsocket/core/netaddr"
	"ohsocket/core/reactor"
	"ohsocket/core/sendqueue"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// A Socket is the object behind a handle. A process may have very many idle ones: fields that an
// idle connection over TCP does not need are in rare. TestSocketSize checks the size of both.
type Socket struct {
	mu        lock.Mutex[lock.Socket]
	loop      *Loop
	listeners atomic.Pointer[listenerSet]
	handle    int64
	server    *Socket // of a connection
	clientID  int64
	kindID    abi.Kind
	compat    bool

	// The following is under mu, or is changed under mu by the loop's thread only.
	state     state
	scheduled bool // it is in the loop's line of tasks
	parked    bool // an accepted connection whose server's listener has not returned
	released  bool
	paused    bool

	starved bool // on the loop's list; the loop's thread's own

	pendingWork work
	refs        int32 // threads that use fd outside the lock
	fd          int32
	ending      atomic.Uint32 // an ending
	period

	// The loop's thread's own.
	token  reactor.Token // 0: the descriptor is not watched
	ready  uint32        // EPOLL bits of which the kernel has not said EAGAIN since
	active int64         // when bytes last came, of reactor.Clock
	timer  *reactor.Timer

	opts   *options
	out    sendqueue.Queue
	remote netaddr.Compact
	*rare

	// next and previous are the loop's list of open sockets, under the loop's lock.
	next, previous *Socket
}

// rare holds the fields that most sockets never need, or for a moment only. TLS and UDP sockets and
// servers have one from the start. For the others it is made and dropped under mu.
type rare struct {
	conn      *connector
	endDone   abi.Completion
	closeDone []abi.Completion
	failure   *failure
	unacked   int // bytes that the kernel had for the peer, when probePeer looked
	// of a TCP socket: by which its descriptor has gone, until the loop knows; of a TLS socket: by
	// which it has come
	move *move

	accepts *acceptor // servers

	// UDP.
	notice      errcode.Code // an error of an earlier datagram
	undelivered *buffer.List // datagrams received but not delivered; the loop's thread's own

	// TLS.
	establishment *establishment // while its stages run; the loop's thread's own
	// from the handshake to the end of the period; the loop's thread's own
	tls    *tlsLayer
	secure TLSConfig
	info   *tlsengine.Info // of a finished handshake
	suites string          // compat: all that were enabled in it
}

// extraLocked returns s.rare, which it makes if there is none.
func (s *Socket) extraLocked() *rare {
	if s.rare == nil {
		s.rare = &rare{}
	}
	return s.rare
}

// connectorLocked returns the connect that is going on, nil if there is none.
func (s *Socket) connectorLocked() *connector {
	if s.rare == nil {
		return nil
	}
	return s.conn
}

// dropConnectorLocked forgets the connect, and what was made for it if that has no other use.
func (s *Socket) dropConnectorLocked() {
	s.conn = nil
	if !s.kind().keepsRare() && s.endDone.Func == 0 && s.closeDone == nil && s.failure == nil && s.move == nil {
		s.rare = nil
	}
}

// settleLocked forgets what belongs to an open period.
func (r *rare) settleLocked() {
	if r != nil {
		r.notice = errcode.OK
		r.unacked = 0
		r.info, r.suites = nil, ""
	}
}

// takeEndDoneLocked returns the completion of socket_end, which then is the caller's to run.
func (s *Socket) takeEndDoneLocked() abi.Completion {
	if s.rare == nil {
		return abi.Completion{}
	}
	done := s.endDone
	s.endDone = abi.Completion{}
	return done
}

// Lookup returns the socket of a handle, nil if it is not valid.
func Lookup(handle int64) *Socket { return library.sockets.Find(handle) }

// Construct makes a socket on a loop; a loop that is ending is not valid.
func Construct(l *Loop, kind abi.Kind) (*Socket, errcode.Code) {
	if k := traitsOf(kind); k == nil || k.isAccepted() {
		return nil, errcode.Parameter
	}
	s := newSocket(l, kind, &defaultOptions)
	s.compat = library.compat.Load()
	if s.kind().isServer() {
		s.accepts = &acceptor{server: s}
	}
	// In one step, so that releaseAll misses none.
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped.Load() {
		return nil, errcode.BadFD
	}
	if !library.sockets.Publish(s, &s.handle) {
		return nil, tooManyOpen
	}
	return s, errcode.OK
}

var tooManyOpen = errcode.FromErrno(errcode.Client, unix.EMFILE)

func newSocket(l *Loop, kind abi.Kind, opts *options) *Socket {
	s := &Socket{loop: l, kindID: kind, fd: -1, opts: opts}
	if s.kind().keepsRare() {
		s.rare = &rare{}
	}
	if s.kind().isDatagram() {
		s.out.CountDatagrams()
	}
	return s
}

// Handle returns the socket's handle.
func (s *Socket) Handle() int64 { return s.handle }

// Loop returns the socket's loop.
func (s *Socket) Loop() *Loop { return s.loop }

// Kind returns what the socket is.
func (s *Socket) Kind() abi.Kind { return s.kindID }

// kind returns the traits of the socket's kind.
func (s *Socket) kind() *traits { return &kinds[s.kindID] }

// IsServer reports whether the socket listens.
func (s *Socket) IsServer() bool { return s.kind().isServer() }

// TakesSecure reports whether the socket can be told secure options.
func (s *Socket) TakesSecure() bool { return s.kind().isConfigured() }

// unlock ends a critical section and has the loop do what was left.
func (s *Socket) unlock() {
	kick := s.pendingWork != 0 && !s.scheduled && !s.parked
	if kick {
		s.scheduled = true
	}
	s.mu.Unlock()
	if kick {
		s.loop.reactor.Schedule(s)
	}
}

// queueWorkLocked adds to what the loop has to do at the next unlock.
func (s *Socket) queueWorkLocked(w work) { s.pendingWork |= w }

// schedule leaves work without a critical section of one's own.
func (s *Socket) schedule(w work) {
	s.mu.Lock()
	s.queueWorkLocked(w)
	s.unlock()
}

// increfLocked returns the descriptor, which stays open until decref; -1 if there is none.
func (s *Socket) increfLocked() int {
	if s.fd >= 0 {
		s.refs++
	}
	return int(s.fd)
}

func (s *Socket) decref() {
	s.mu.Lock()
	s.decrefLocked()
	s.unlock()
}

func (s *Socket) decrefLocked() {
	s.refs--
	if s.refs == 0 && s.isClosing() {
		s.queueWorkLocked(workClose)
	}
}

// FD returns the descriptor.
func (s *Socket) FD() (int, errcode.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 || s.state.isClaimed() {
		return -1, s.errnoCode(opGet, unix.EBADF)
	}
	return int(s.fd), errcode.OK
}

// LocalAddr returns the address the socket is bound to.
func (s *Socket) LocalAddr() (netaddr.Sockaddr, errcode.Code) {
	s.mu.Lock()
	fd := -1
	if !s.state.isClaimed() {
		fd = s.increfLocked()
	}
	s.mu.Unlock()
	if fd < 0 {
		return netaddr.Sockaddr{}, s.errnoCode(opGet, unix.EBADF)
	}
	sa, e := sys.LocalAddr(fd)
	s.decref()
	return sa, s.errnoCode(opGet, e)
}

// RemoteAddr returns the peer's address.
func (s *Socket) RemoteAddr() (netaddr.Sockaddr, errcode.Code) {
	if s.kind().isServer() {
		return netaddr.Sockaddr{}, errcode.NotSupported
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == stateConnected:
		return s.remote.Sockaddr(), errcode.OK
	case !s.state.isOpen():
		return netaddr.Sockaddr{}, s.errnoCode(opGet, unix.EBADF)
	}
	return netaddr.Sockaddr{}, s.errnoCode(opGet, unix.ENOTCONN)
}

// State returns what getState says.
func (s *Socket) State() (bound, connected, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound = s.fd >= 0 && !s.state.isClaimed()
	connected = s.state == stateConnected && s.fd >= 0
	if s.kind().isServer() {
		connected = s.accepts.live.Load() > 0
	}
	return bound, connected, s.state == stateClosed || s.state == stateReopening
}

// QueueLength returns the bytes the kernel has not taken.
func (s *Socket) QueueLength() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Size()
}

// ClientID returns the number of a connection at its server.
func (s *Socket) ClientID() (int64, errcode.Code) {
	if !s.kind().isAccepted() {
		return 0, errcode.NotSupported
	}
	return s.clientID, errcode.OK
}

// Pause stops reading.
func (s *Socket) Pause() errcode.Code {
	s.mu.Lock()
	s.paused = true
	s.mu.Unlock()
	return errcode.OK
}

// Resume ends Pause.
func (s *Socket) Resume() errcode.Code {
	s.mu.Lock()
	if s.paused {
		s.paused = false
		s.queueWorkLocked(workRead)
	}
	s.unlock()
	return errcode.OK
}

// Release gives the handle back and closes what is open.
func (s *Socket) Release() errcode.Code {
	if !s.forget() {
		return errcode.BadFD
	}
	s.mu.Lock()
	s.released = true
	s.listeners.Store(nil)
	if s.state.isOpen() {
		s.beginCloseLocked(orderly)
	}
	s.unlock()
	s.freePort()
	s.forgetSecure()
	return errcode.OK
}

// failure holds the circumstances of the last error. ErrorDetail makes a text of them.
type failure struct {
	operation string
	address   netaddr.Sockaddr
	host      string
	code      errcode.Code
	text      string // "" : the code's
}

// noteFailureLocked remembers an error for ErrorDetail.
func (s *Socket) noteFailureLocked(operation string, sa netaddr.Sockaddr, host string, code errcode.Code) {
	s.extraLocked().failure = &failure{operation, sa, host, code, ""}
}

// noteTLSFailureLocked is failed with the engine's words.
func (s *Socket) noteTLSFailureLocked(operation string, e *tlsengine.Error) {
	s.extraLocked().failure = &failure{operation: operation, code: e.Code, text: e.Text}
}

// refuseArgument remembers for ErrorDetail which argument a call was refused for.
func (s *Socket) refuseArgument(argument, value, why string) errcode.Code {
	s.mu.Lock()
	s.extraLocked().failure = &failure{operation: argument, host: value, code: errcode.Parameter, text: why}
	s.mu.Unlock()
	return errcode.Parameter
}

// Refuse remembers for ErrorDetail why an operation was refused for its arguments.
func (s *Socket) Refuse(operation, why string) errcode.Code {
	s.mu.Lock()
	s.extraLocked().failure = &failure{operation: operation, code: errcode.Parameter, text: why}
	s.mu.Unlock()
	return errcode.Parameter
}

// ErrorDetail says what the last failure was about.
func (s *Socket) ErrorDetail() string {
	s.mu.Lock()
	var f *failure
	if s.rare != nil {
		f = s.failure
	}
	s.mu.Unlock()
	if f == nil {
		return ""
	}
	text := f.operation
	if f.host != "" {
		text += " " + f.host
	}
	if f.address.IsValid() {
		text += " " + f.address.String()
	}
	return text + ": " + f.reason()
}

// reason says why, in better words than the kernel's where it says one thing for several.
func (f *failure) reason() string {
	switch e := f.code.Errno(); {
	case f.text != "":
		return f.text
	case e == unix.EINVAL && f.address.LacksZone():
		return "the address needs a zone, as in fe80::1%eth0"
	case e == unix.EADDRINUSE && f.address.IsValid() && f.address.Port() == 0:
		return "no local port is free"
	case e == unix.EADDRNOTAVAIL && f.operation == "connect":
		return "no local port or address is left to connect from"
	}
	return f.code.Text()
}
