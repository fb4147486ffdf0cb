package socket

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
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
	abi.OptionSendQueueLimit:    {1, 1 << 30},
	abi.OptionIdleTimeout:       {0, maxTimeout},
	abi.OptionCloseTimeout:      {1, maxTimeout},
	abi.OptionAllowHalfOpen:     {0, 1},
	abi.OptionKeepAliveIdle:     {0, 32767},
	abi.OptionKeepAliveInterval: {0, 32767},
	abi.OptionKeepAliveCount:    {0, 127},
	abi.OptionReusePort:         {0, 1},
	abi.OptionReuseAddress:      {0, 1},
	abi.OptionIPv6Only:          {0, 1},
	abi.OptionHandshakeTimeout:  {1, maxTimeout},
	abi.OptionHandshakeLimit:    {0, 1 << 30},
}

// optionNames are those of the header.
var optionNames = [...]string{
	abi.OptionSendQueueLimit:    "SEND_QUEUE_LIMIT",
	abi.OptionIdleTimeout:       "IDLE_TIMEOUT",
	abi.OptionCloseTimeout:      "CLOSE_TIMEOUT",
	abi.OptionAllowHalfOpen:     "ALLOW_HALF_OPEN",
	abi.OptionKeepAliveIdle:     "KEEP_ALIVE_IDLE",
	abi.OptionKeepAliveInterval: "KEEP_ALIVE_INTERVAL",
	abi.OptionKeepAliveCount:    "KEEP_ALIVE_COUNT",
	abi.OptionReusePort:         "REUSE_PORT",
	abi.OptionReuseAddress:      "REUSE_ADDRESS",
	abi.OptionIPv6Only:          "IPV6_ONLY",
	abi.OptionHandshakeTimeout:  "HANDSHAKE_TIMEOUT",
	abi.OptionHandshakeLimit:    "HANDSHAKE_LIMIT",
}

// maxTimeout is a day in milliseconds.
const maxTimeout = 86400000

// SetOption sets an option of the library.
func (s *Socket) SetOption(option abi.Option, value int64) errcode.Code {
	if option < 1 || int(option) >= len(optionRange) {
		return s.Refuse("set_option", fmt.Sprintf("there is no option %d", option))
	}
	if r := optionRange[option]; value < r.min || value > r.max {
		return s.Refuse("set_option", fmt.Sprintf("value %d of SOCKET_OPTION_%s is not from %d to %d", value, optionNames[option], r.min, r.max))
	}
	s.mu.Lock()
	o := *s.opts
	switch option {
	case abi.OptionSendQueueLimit:
		o.queueLimit = value
		if s.out.TakeDrain(value) {
			s.queueWorkLocked(workDrain) // nothing may be written that would tell
		}
	case abi.OptionIdleTimeout:
		o.idleTimeout = value
	case abi.OptionCloseTimeout:
		o.closeTimeout = value
	case abi.OptionAllowHalfOpen:
		o.halfOpen = value == 1
	case abi.OptionKeepAliveIdle:
		o.keepAliveIdle = int(value)
	case abi.OptionKeepAliveInterval:
		o.keepAliveInterval = int(value)
	case abi.OptionKeepAliveCount:
		o.keepAliveCount = int(value)
	case abi.OptionReusePort:
		o.reusePort = FlagOf(value == 1)
	case abi.OptionReuseAddress:
		o.reuseAddress = FlagOf(value == 1)
	case abi.OptionIPv6Only:
		o.ipv6Only = FlagOf(value == 1)
	case abi.OptionHandshakeTimeout:
		o.handshakeTimeout = value
	case abi.OptionHandshakeLimit:
		o.handshakeLimit = value
		if s.kind().isSecureServer() {
			s.queueWorkLocked(workRead) // it may be higher now
		}
	}
	s.opts = &o
	if option == abi.OptionIdleTimeout || option == abi.OptionCloseTimeout {
		s.queueWorkLocked(workTimer)
	}
	fd := -1
	if option >= abi.OptionKeepAliveIdle && option <= abi.OptionKeepAliveCount && s.kind().transport.tcp {
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
	return s.errnoCode(opSetup, e)
}

// catchUp locks the socket at a moment when a descriptor, which has the options o, has those that
// the socket has. So a descriptor that is not the socket's yet misses none, and of two threads
// that set options at once the later one wins in the kernel, too.
func (s *Socket) catchUp(fd int, o *options) {
	s.mu.Lock()
	for s.opts != o {
		o = s.opts
		s.mu.Unlock()
		o.setAll(fd, s.kind())
		s.mu.Lock()
	}
}

// Option reads an option of the library.
func (s *Socket) Option(option abi.Option) (int64, errcode.Code) {
	s.mu.Lock()
	o := s.opts
	s.mu.Unlock()
	switch option {
	case abi.OptionSendQueueLimit:
		return o.queueLimit, errcode.OK
	case abi.OptionIdleTimeout:
		return o.idleTimeout, errcode.OK
	case abi.OptionCloseTimeout:
		return o.closeTimeout, errcode.OK
	case abi.OptionAllowHalfOpen:
		return truth(o.halfOpen), errcode.OK
	case abi.OptionKeepAliveIdle:
		return int64(o.keepAliveIdle), errcode.OK
	case abi.OptionKeepAliveInterval:
		return int64(o.keepAliveInterval), errcode.OK
	case abi.OptionKeepAliveCount:
		return int64(o.keepAliveCount), errcode.OK
	case abi.OptionReusePort:
		return int64(o.reusePort.value()), errcode.OK
	case abi.OptionReuseAddress:
		if o.reuseAddress == 0 {
			return truth(s.kind().isServer()), errcode.OK
		}
		return int64(o.reuseAddress.value()), errcode.OK
	case abi.OptionIPv6Only:
		return int64(o.ipv6Only.value()), errcode.OK
	case abi.OptionHandshakeTimeout:
		return o.handshakeTimeout, errcode.OK
	case abi.OptionHandshakeLimit:
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
func (o *options) setBefore(fd int, kind *traits, family int) unix.Errno {
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
func (o *options) setAll(fd int, kind *traits) unix.Errno {
	if kind.transport.tcp {
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
