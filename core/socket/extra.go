package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// Extra are the options of setExtraOptions; a flag that is 0 and a number without
// its Set are not given.
type Extra struct {
	KeepAlive, OOBInline, NoDelay, ReuseAddress, Broadcast, Linger Flag

	SetReceiveBufferSize, SetSendBufferSize, SetSocketTimeout bool

	LingerMs          int32
	ReceiveBufferSize int32
	SendBufferSize    int32
	SocketTimeoutMs   int32
}

// extraMask names extra options.
type extraMask uint8

const (
	extraKeepAlive extraMask = 1 << iota
	extraOOBInline
	extraNoDelay
	extraLinger
	extraBroadcast

	streamExtras   = extraKeepAlive | extraOOBInline | extraNoDelay | extraLinger
	datagramExtras = extraBroadcast
)

// kindExtras are the extra options that are not for sockets of all kinds. Linger is the library's
// own affair, see deadlines: it has no option of the kernel.
var kindExtras = [...]struct {
	bit           extraMask
	name          string
	of            func(*Extra) Flag
	level, option int
}{
	{extraKeepAlive, "keep_alive", func(x *Extra) Flag { return x.KeepAlive }, unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	{extraOOBInline, "oob_inline", func(x *Extra) Flag { return x.OOBInline }, unix.SOL_SOCKET, unix.SO_OOBINLINE},
	{extraNoDelay, "tcp_no_delay", func(x *Extra) Flag { return x.NoDelay }, unix.IPPROTO_TCP, unix.TCP_NODELAY},
	{extraLinger, "linger_on", func(x *Extra) Flag { return x.Linger }, 0, 0},
	{extraBroadcast, "broadcast", func(x *Extra) Flag { return x.Broadcast }, unix.SOL_SOCKET, unix.SO_BROADCAST},
}

// foreignTo names an option that sockets of the kind have not; "" if there is none.
func (x *Extra) foreignTo(kind *traits) string {
	for i := range kindExtras {
		if o := &kindExtras[i]; kind.extras&o.bit == 0 && o.of(x) != 0 {
			return o.name
		}
	}
	return ""
}

// SetExtraOptions applies options to an open socket and keeps them: for the
// descriptors it will have, and on a server for its connections.
func (s *Socket) SetExtraOptions(x Extra) errcode.Code {
	if member := x.foreignTo(s.kind()); member != "" {
		return s.Refuse("set_extra_options", member+" is not for a socket of this kind")
	}
	s.mu.Lock()
	fd := -1
	switch {
	case s.isClosing(), !s.state.isOpen():
		s.mu.Unlock()
		return s.errnoCode(opSetup, unix.EBADF)
	case s.state == stateConnecting && s.fd < 0:
		// The attempts are on the loop's thread and take them from opts.
	default:
		fd = s.increfLocked()
	}
	o := *s.opts
	o.extra.merge(x)
	if x.ReuseAddress != 0 {
		o.reuseAddress = x.ReuseAddress
	}
	s.opts = &o
	if x.SetSocketTimeout || x.Linger != 0 {
		s.queueWorkLocked(workTimer)
	}
	s.unlock()
	var e unix.Errno
	if fd >= 0 {
		e = x.apply(fd, s.kind())
		s.lockCaughtUp(fd, &o)
		s.decrefLocked()
		s.unlock()
	}
	if e == 0 && s.kind().isServer() {
		e = s.extraToConnections(x)
	}
	return s.errnoCode(opSetup, e)
}

// extraToConnections applies a server's options to the connections it has.
func (s *Socket) extraToConnections(x Extra) unix.Errno {
	var first unix.Errno
	var from, to *options // most connections have the same
	library.sockets.Each(func(c *Socket) {
		if c.server != s {
			return
		}
		c.mu.Lock()
		if c.opts != from {
			o := *c.opts
			o.extra.merge(x)
			from, to = c.opts, &o
		}
		c.opts = to
		given := to
		fd := c.increfLocked()
		if x.SetSocketTimeout {
			c.queueWorkLocked(workTimer)
		}
		c.unlock()
		if fd < 0 {
			return
		}
		if e := x.apply(fd, c.kind()); e != 0 && first == 0 {
			first = e
		}
		c.lockCaughtUp(fd, given)
		c.decrefLocked()
		c.unlock()
	})
	return first
}

func (x *Extra) merge(y Extra) {
	for _, f := range []struct{ to, from *Flag }{
		{&x.KeepAlive, &y.KeepAlive}, {&x.OOBInline, &y.OOBInline}, {&x.NoDelay, &y.NoDelay},
		{&x.ReuseAddress, &y.ReuseAddress}, {&x.Broadcast, &y.Broadcast},
	} {
		if *f.from != 0 {
			*f.to = *f.from
		}
	}
	if y.Linger != 0 {
		x.Linger, x.LingerMs = y.Linger, y.LingerMs
	}
	if y.SetReceiveBufferSize {
		x.SetReceiveBufferSize, x.ReceiveBufferSize = true, y.ReceiveBufferSize
	}
	if y.SetSendBufferSize {
		x.SetSendBufferSize, x.SendBufferSize = true, y.SendBufferSize
	}
	if y.SetSocketTimeout {
		x.SetSocketTimeout, x.SocketTimeoutMs = true, y.SocketTimeoutMs
	}
}

// apply sets what is given on a descriptor. A listening socket's options are
// inherited by the connections it accepts, so they are set there too.
func (x *Extra) apply(fd int, kind *traits) unix.Errno {
	for i := range kindExtras {
		o := &kindExtras[i]
		if f := o.of(x); kind.extras&o.bit != 0 && f != 0 && o.option != 0 {
			if e := sys.SetInt(fd, o.level, o.option, f.value()); e != 0 {
				return e
			}
		}
	}
	for _, o := range [...]struct {
		given         bool
		option, value int
	}{
		{x.SetReceiveBufferSize, unix.SO_RCVBUF, int(x.ReceiveBufferSize)},
		{x.SetSendBufferSize, unix.SO_SNDBUF, int(x.SendBufferSize)},
		{x.ReuseAddress != 0, unix.SO_REUSEADDR, x.ReuseAddress.value()},
	} {
		if o.given {
			if e := sys.SetInt(fd, unix.SOL_SOCKET, o.option, o.value); e != 0 {
				return e
			}
		}
	}
	if x.SetSocketTimeout {
		// Descriptors are non-blocking; a host that looks finds what it set.
		if e := sys.SetTimeout(fd, unix.SO_RCVTIMEO, x.SocketTimeoutMs); e != 0 {
			return e
		}
		return sys.SetTimeout(fd, unix.SO_SNDTIMEO, x.SocketTimeoutMs)
	}
	return 0
}
