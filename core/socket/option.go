package socket

import (
	"fmt"
	"math"

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

func (f Flag) isOn() bool { return f > 0 }

func (f Flag) value() int {
	if f.isOn() {
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
	halfOpen     Flag

	handshakeTimeout int64 // ms
	handshakeLimit   int64 // -1: defaultHandshakeLimit

	keepAliveIdle, keepAliveInterval, keepAliveCount int64 // s, s, probes
	reusePort, reuseAddress, ipv6Only                Flag

	multicastTTL       int64 // -1: the kernel's
	multicastInterface int64 // index; -1: the kernel's
	multicastLoopback  Flag

	extra Extra
}

var defaultOptions = options{queueLimit: 16 << 20, closeTimeout: 2000, handshakeTimeout: 30000, handshakeLimit: -1,
	multicastTTL: -1, multicastInterface: -1}

// An optionRow says how an option of the library is checked, set and read.
type optionRow struct {
	name     string // in the header, behind SOCKET_OPTION_
	min, max int64
	access   accessor
	// changed leaves to the loop what a new value may make possible;
	changed func(*Socket)
	// The descriptor has it, too.
	probes bool // it is one of keep-alive
	groups bool // it is one of sending to multicast groups
}

// An accessor returns the place where options keep a value.
type accessor struct {
	set func(*options, int64)
	get func(*Socket, *options) int64
}

func number(of func(*options) *int64) accessor {
	return accessor{
		set: func(o *options, value int64) { *of(o) = value },
		get: func(_ *Socket, o *options) int64 { return *of(o) },
	}
}

func flag(of func(*options) *Flag) accessor {
	return accessor{
		set: func(o *options, value int64) { *of(o) = FlagOf(value == 1) },
		get: func(_ *Socket, o *options) int64 { return int64(of(o).value()) },
	}
}

func (a accessor) withGet(get func(*Socket, *options) int64) accessor {
	a.get = get
	return a
}

// optionRows has a row for each option.
var optionRows = [...]optionRow{
	abi.OptionSendQueueLimit: {
		name: "SEND_QUEUE_LIMIT", min: 1, max: 1 << 30,
		access:  number(func(o *options) *int64 { return &o.queueLimit }),
		changed: (*Socket).drainLocked, // nothing may be written that would tell
	},
	abi.OptionIdleTimeout: {
		name: "IDLE_TIMEOUT", max: maxTimeout,
		access:  number(func(o *options) *int64 { return &o.idleTimeout }),
		changed: (*Socket).deadlineChangedLocked,
	},
	abi.OptionCloseTimeout: {
		name: "CLOSE_TIMEOUT", min: 1, max: maxTimeout,
		access:  number(func(o *options) *int64 { return &o.closeTimeout }),
		changed: (*Socket).deadlineChangedLocked,
	},
	abi.OptionAllowHalfOpen: {
		name: "ALLOW_HALF_OPEN", max: 1,
		access: flag(func(o *options) *Flag { return &o.halfOpen }),
	},
	abi.OptionKeepAliveIdle: {
		name: "KEEP_ALIVE_IDLE", max: math.MaxInt16, probes: true,
		access: number(func(o *options) *int64 { return &o.keepAliveIdle }),
	},
	abi.OptionKeepAliveInterval: {
		name: "KEEP_ALIVE_INTERVAL", max: math.MaxInt16, probes: true,
		access: number(func(o *options) *int64 { return &o.keepAliveInterval }),
	},
	abi.OptionKeepAliveCount: {
		name: "KEEP_ALIVE_COUNT", max: math.MaxInt8, probes: true,
		access: number(func(o *options) *int64 { return &o.keepAliveCount }),
	},
	abi.OptionReusePort: {
		name: "REUSE_PORT", max: 1,
		access: flag(func(o *options) *Flag { return &o.reusePort }),
	},
	abi.OptionReuseAddress: {
		name: "REUSE_ADDRESS", max: 1,
		access: flag(func(o *options) *Flag { return &o.reuseAddress }).withGet(func(s *Socket, o *options) int64 {
			return int64(o.reuses(s.kind()).value())
		}),
	},
	abi.OptionIPv6Only: {
		name: "IPV6_ONLY", max: 1,
		access: flag(func(o *options) *Flag { return &o.ipv6Only }),
	},
	abi.OptionHandshakeTimeout: {
		name: "HANDSHAKE_TIMEOUT", min: 1, max: maxTimeout,
		access: number(func(o *options) *int64 { return &o.handshakeTimeout }),
	},
	abi.OptionHandshakeLimit: {
		name: "HANDSHAKE_LIMIT", max: 1 << 30,
		access: number(func(o *options) *int64 { return &o.handshakeLimit }).withGet(func(_ *Socket, o *options) int64 {
			return o.mostHandshakes()
		}),
		changed: (*Socket).acceptMoreLocked,
	},
	abi.OptionMulticastTTL: {
		name: "MULTICAST_TTL", max: math.MaxUint8, groups: true,
		access: number(func(o *options) *int64 { return &o.multicastTTL }).withGet(func(_ *Socket, o *options) int64 {
			if o.multicastTTL < 0 {
				return 1
			}
			return o.multicastTTL
		}),
	},
	abi.OptionMulticastLoopback: {
		name: "MULTICAST_LOOPBACK", max: 1, groups: true,
		access: flag(func(o *options) *Flag { return &o.multicastLoopback }).withGet(func(_ *Socket, o *options) int64 {
			return int64(FlagOf(o.multicastLoopback >= 0).value())
		}),
	},
	abi.OptionMulticastInterface: {
		name: "MULTICAST_INTERFACE", max: math.MaxInt32, groups: true,
		access: number(func(o *options) *int64 { return &o.multicastInterface }).withGet(func(_ *Socket, o *options) int64 {
			return max(0, o.multicastInterface)
		}),
	},
}

// drainLocked reports drain if the queue is short enough for the limit.
func (s *Socket) drainLocked() {
	if s.out.TakeDrain(s.opts.queueLimit) {
		s.queueWorkLocked(workDrain)
	}
}

func (s *Socket) deadlineChangedLocked() { s.queueWorkLocked(workTimer) }

// acceptMoreLocked lets a server look whether it may accept more clients.
func (s *Socket) acceptMoreLocked() {
	if s.kind().isSecureServer() {
		s.queueWorkLocked(workRead)
	}
}

// maxTimeout is a day in milliseconds.
const maxTimeout = 86400000

// optionRowOf returns the row of an option, nil if there is no such option.
func optionRowOf(option abi.Option) *optionRow {
	if option < 1 || int(option) >= len(optionRows) {
		return nil
	}
	return &optionRows[option]
}

// onDescriptor returns what sets the option on a descriptor of a socket of the kind, nil if it has
// no such option.
func (r *optionRow) onDescriptor(kind *traits) func(*options, int) unix.Errno {
	switch {
	case r.probes && kind.transport.tcp:
		return (*options).setKeepAlive
	case r.groups && kind.isDatagram():
		return (*options).setMulticast
	}
	return nil
}

// SetOption sets an option of the library.
func (s *Socket) SetOption(option abi.Option, value int64) errcode.Code {
	row := optionRowOf(option)
	if row == nil {
		return s.Refuse("set_option", fmt.Sprintf("there is no option %d", option))
	}
	if value < row.min || value > row.max {
		return s.Refuse("set_option", fmt.Sprintf("value %d of SOCKET_OPTION_%s is not from %d to %d", value, row.name, row.min, row.max))
	}
	s.mu.Lock()
	o := *s.opts
	row.access.set(&o, value)
	s.opts = &o
	if row.changed != nil {
		row.changed(s)
	}
	fd := -1
	set := row.onDescriptor(s.kind())
	if set != nil {
		fd = s.increfLocked()
	}
	s.unlock()
	if fd < 0 {
		return errcode.OK
	}
	e := set(&o, fd)
	s.lockCaughtUp(fd, &o)
	s.decrefLocked()
	s.unlock()
	return s.errnoCode(opSetup, e)
}

// lockCaughtUp locks the socket at a moment when a descriptor, which has the options o, has those
// that the socket has. So a descriptor that is not the socket's yet misses none, and of two threads
// that set options at once the later one wins in the kernel, too.
func (s *Socket) lockCaughtUp(fd int, o *options) {
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
	row := optionRowOf(option)
	if row == nil {
		return 0, s.Refuse("get_option", fmt.Sprintf("there is no option %d", option))
	}
	s.mu.Lock()
	o := s.opts
	s.mu.Unlock()
	return row.access.get(s, o), errcode.OK
}

// reuses returns SO_REUSEADDR: servers and multicast sockets have it unless they were told
// otherwise.
func (o *options) reuses(kind *traits) Flag {
	if o.reuseAddress == 0 && kind.sharesAddress() {
		return FlagOf(true)
	}
	return o.reuseAddress
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

// setBefore applies what counts before bind(2).
func (o *options) setBefore(fd int, kind *traits, family int) unix.Errno {
	for _, f := range []struct {
		flag          Flag
		level, option int
		applies       bool
	}{
		{o.reuses(kind), unix.SOL_SOCKET, unix.SO_REUSEADDR, true},
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
	if kind.groups {
		return receiveJoinedOnly(fd, family)
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
	if kind.isDatagram() {
		if e := o.setMulticast(fd); e != 0 {
			return e
		}
	}
	return o.extra.apply(fd, kind)
}

func (o *options) setKeepAlive(fd int) unix.Errno {
	for _, k := range [...]struct {
		option int
		value  int64
	}{
		{unix.TCP_KEEPIDLE, o.keepAliveIdle},
		{unix.TCP_KEEPINTVL, o.keepAliveInterval},
		{unix.TCP_KEEPCNT, o.keepAliveCount},
	} {
		if k.value == 0 {
			continue
		}
		if e := sys.SetInt(fd, unix.IPPROTO_TCP, k.option, int(k.value)); e != 0 {
			return e
		}
	}
	return 0
}
