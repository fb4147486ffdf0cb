package socket

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// Flag is a boolean that may be unset.
type Flag int8

// FlagOf makes a set flag.
func FlagOf(on bool) Flag {
	if on {
		return 1
	}
	return -1
}

func (f Flag) value() int {
	if f > 0 {
		return 1
	}
	return 0
}

// options are the settings of a socket. They are never changed, only replaced, so
// that a server and its connections share them.
type options struct {
	queueLimit   int64
	idleTimeout  int64 // ms
	closeTimeout int64 // ms
	halfOpen     bool

	handshakeTimeout int64 // ms
	handshakeLimit   int64 // -1: defaultHandshakeLimit

	keepAliveIdle, keepAliveInterval, keepAliveCount int
	reusePort, reuseAddress, ipv6Only                Flag

	extra Extra
}

var defaultOptions = options{queueLimit: 16 << 20, closeTimeout: 2000, handshakeTimeout: 30000, handshakeLimit: -1}

// optionRange says what an option accepts.
var optionRange = [...]struct{ min, max int64 }{
	OptionSendQueueLimit:    {1, 1 << 30},
	OptionIdleTimeout:       {0, maxTimeout},
	OptionCloseTimeout:      {1, maxTimeout},
	OptionAllowHalfOpen:     {0, 1},
	OptionKeepAliveIdle:     {0, 32767},
	OptionKeepAliveInterval: {0, 32767},
	OptionKeepAliveCount:    {0, 127},
	OptionReusePort:         {0, 1},
	OptionReuseAddress:      {0, 1},
	OptionIPv6Only:          {0, 1},
	OptionHandshakeTimeout:  {1, maxTimeout},
	OptionHandshakeLimit:    {0, 1 << 30},
}

// optionNames are those of the header.
var optionNames = [...]string{
	OptionSendQueueLimit:    "SEND_QUEUE_LIMIT",
	OptionIdleTimeout:       "IDLE_TIMEOUT",
	OptionCloseTimeout:      "CLOSE_TIMEOUT",
	OptionAllowHalfOpen:     "ALLOW_HALF_OPEN",
	OptionKeepAliveIdle:     "KEEP_ALIVE_IDLE",
	OptionKeepAliveInterval: "KEEP_ALIVE_INTERVAL",
	OptionKeepAliveCount:    "KEEP_ALIVE_COUNT",
	OptionReusePort:         "REUSE_PORT",
	OptionReuseAddress:      "REUSE_ADDRESS",
	OptionIPv6Only:          "IPV6_ONLY",
	OptionHandshakeTimeout:  "HANDSHAKE_TIMEOUT",
	OptionHandshakeLimit:    "HANDSHAKE_LIMIT",
}

// maxTimeout is a day in milliseconds.
const maxTimeout = 86400000

// SetOption sets an option of the library.
func (s *Socket) SetOption(option Option, value int64) errcode.Code {
	if option < 1 || int(option) >= len(optionRange) {
		return s.Refuse("set_option", fmt.Sprintf("there is no option %d", option))
	}
	if r := optionRange[option]; value < r.min || value > r.max {
		return s.Refuse("set_option", fmt.Sprintf("value %d of SOCKET_OPTION_%s is not from %d to %d", value, optionNames[option], r.min, r.max))
	}
	s.mu.Lock()
	o := *s.opts
	switch option {
	case OptionSendQueueLimit:
		o.queueLimit = value
		if q := &s.out; q.refused && drained(s.charge(), value) {
			q.refused = false
			s.queueWorkLocked(workDrain) // nothing may be written that would tell
		}
	case OptionIdleTimeout:
		o.idleTimeout = value
	case OptionCloseTimeout:
		o.closeTimeout = value
	case OptionAllowHalfOpen:
		o.halfOpen = value == 1
	case OptionKeepAliveIdle:
		o.keepAliveIdle = int(value)
	case OptionKeepAliveInterval:
		o.keepAliveInterval = int(value)
	case OptionKeepAliveCount:
		o.keepAliveCount = int(value)
	case OptionReusePort:
		o.reusePort = FlagOf(value == 1)
	case OptionReuseAddress:
		o.reuseAddress = FlagOf(value == 1)
	case OptionIPv6Only:
		o.ipv6Only = FlagOf(value == 1)
	case OptionHandshakeTimeout:
		o.handshakeTimeout = value
	case OptionHandshakeLimit:
		o.handshakeLimit = value
		if s.kind == KindTLSServer {
			s.queueWorkLocked(workRead) // it may be higher now
		}
	}
	s.opts = &o
	if option == OptionIdleTimeout || option == OptionCloseTimeout {
		s.queueWorkLocked(workTimer)
	}
	fd := -1
	if option >= OptionKeepAliveIdle && option <= OptionKeepAliveCount && s.kind.isStream() {
		fd = s.increfLocked()
	}
	s.unlock()
	if fd < 0 {
		return errcode.OK
	}
	e := o.setKeepAlive(fd)
	s.catchUp(fd, &o)
	s.decrefLocked()
	s.unlock()
	return s.code(e)
}

// catchUp locks the socket at a moment when a descriptor, which has the options o, has those that
// the socket has. So a descriptor that is not the socket's yet misses none, and of two threads
// that set options at once the later one wins in the kernel, too.
func (s *Socket) catchUp(fd int, o *options) {
	s.mu.Lock()
	for s.opts != o {
		o = s.opts
		s.mu.Unlock()
		o.setAll(fd, s.kind)
		s.mu.Lock()
	}
}

// Option reads an option of the library.
func (s *Socket) Option(option Option) (int64, errcode.Code) {
	s.mu.Lock()
	o := s.opts
	s.mu.Unlock()
	switch option {
	case OptionSendQueueLimit:
		return o.queueLimit, errcode.OK
	case OptionIdleTimeout:
		return o.idleTimeout, errcode.OK
	case OptionCloseTimeout:
		return o.closeTimeout, errcode.OK
	case OptionAllowHalfOpen:
		return truth(o.halfOpen), errcode.OK
	case OptionKeepAliveIdle:
		return int64(o.keepAliveIdle), errcode.OK
	case OptionKeepAliveInterval:
		return int64(o.keepAliveInterval), errcode.OK
	case OptionKeepAliveCount:
		return int64(o.keepAliveCount), errcode.OK
	case OptionReusePort:
		return int64(o.reusePort.value()), errcode.OK
	case OptionReuseAddress:
		if o.reuseAddress == 0 {
			return truth(s.kind.isServer()), errcode.OK
		}
		return int64(o.reuseAddress.value()), errcode.OK
	case OptionIPv6Only:
		return int64(o.ipv6Only.value()), errcode.OK
	case OptionHandshakeTimeout:
		return o.handshakeTimeout, errcode.OK
	case OptionHandshakeLimit:
		return o.mostHandshakes(), errcode.OK
	}
	return 0, s.Refuse("get_option", fmt.Sprintf("there is no option %d", option))
}

// mostHandshakes returns the limit of unseen clients, 0 if there is none. By default half of the
// descriptors that the process may have are left for what is open, and strangers get the memory
// of 16384 handshakes at most.
func (o *options) mostHandshakes() int64 {
	const most = 16384
	if o.handshakeLimit >= 0 {
		return o.handshakeLimit
	}
	return max(1, min(sys.FileLimit()/2, most))
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// setBefore applies what counts before bind(2).
func (o *options) setBefore(fd int, kind Kind, family int) unix.Errno {
	reuse := o.reuseAddress
	if reuse == 0 && kind.isServer() {
		reuse = FlagOf(true)
	}
	for _, f := range []struct {
		flag          Flag
		level, option int
		applies       bool
	}{
		{reuse, unix.SOL_SOCKET, unix.SO_REUSEADDR, true},
		{o.reusePort, unix.SOL_SOCKET, unix.SO_REUSEPORT, true},
		{o.ipv6Only, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, family == unix.AF_INET6},
	} {
		if f.flag == 0 || !f.applies {
			continue
		}
		if e := sys.SetInt(fd, f.level, f.option, f.flag.value()); e != 0 {
			return e
		}
	}
	return 0
}

// setAll applies what a fresh descriptor has to have: all that was ever set.
func (o *options) setAll(fd int, kind Kind) unix.Errno {
	if kind.isStream() {
		if e := o.setKeepAlive(fd); e != 0 {
			return e
		}
	}
	return o.extra.apply(fd, kind)
}

func (o *options) setKeepAlive(fd int) unix.Errno {
	for _, k := range []struct{ option, value int }{
		{unix.TCP_KEEPIDLE, o.keepAliveIdle},
		{unix.TCP_KEEPINTVL, o.keepAliveInterval},
		{unix.TCP_KEEPCNT, o.keepAliveCount},
	} {
		if k.value == 0 {
			continue
		}
		if e := sys.SetInt(fd, unix.IPPROTO_TCP, k.option, k.value); e != 0 {
			return e
		}
	}
	return 0
}
