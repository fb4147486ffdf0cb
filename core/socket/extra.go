package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
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

// foreignTo names an option that sockets of the kind have not; "" if there is none.
func (x *Extra) foreignTo(kind abi.Kind) string {
	udp := kind == abi.KindUDP
	switch {
	case udp && x.KeepAlive != 0:
		return "keep_alive"
	case udp && x.OOBInline != 0:
		return "oob_inline"
	case udp && x.NoDelay != 0:
		return "tcp_no_delay"
	case udp && x.Linger != 0:
		return "linger_on"
	case !udp && x.Broadcast != 0:
		return "broadcast"
	}
	return ""
}

// SetExtraOptions applies options to an open socket and keeps them: for the
// descriptors it will have, and on a server for its connections.
func (s *Socket) SetExtraOptions(x Extra) errcode.Code {
	if member := x.foreignTo(s.kind); member != "" {
		return s.Refuse("set_extra_options", member+" is not for a socket of this kind")
	}
	s.mu.Lock()
	fd := -1
	switch {
	case s.closing, s.state == stateIdle, s.state == stateOpening:
		s.mu.Unlock()
		return s.code(unix.EBADF)
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
		e = x.apply(fd, s.kind)
		s.catchUp(fd, &o)
		s.decrefLocked()
		s.unlock()
	}
	if e == 0 && s.kind.IsServer() {
		e = s.extraToConnections(x)
	}
	return s.code(e)
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
		if e := x.apply(fd, c.kind); e != 0 && first == 0 {
			first = e
		}
		c.catchUp(fd, given)
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
// inherited by the connections it accepts, so they are set there too. Linger is the
// library's own affair: see deadlines.
func (x *Extra) apply(fd int, kind abi.Kind) unix.Errno {
	type setting struct {
		given                bool
		level, option, value int
	}
	stream := kind.IsStream()
	for _, o := range []setting{
		{stream && x.KeepAlive != 0, unix.SOL_SOCKET, unix.SO_KEEPALIVE, x.KeepAlive.value()},
		{stream && x.OOBInline != 0, unix.SOL_SOCKET, unix.SO_OOBINLINE, x.OOBInline.value()},
		{stream && x.NoDelay != 0, unix.IPPROTO_TCP, unix.TCP_NODELAY, x.NoDelay.value()},
		{x.SetReceiveBufferSize, unix.SOL_SOCKET, unix.SO_RCVBUF, int(x.ReceiveBufferSize)},
		{x.SetSendBufferSize, unix.SOL_SOCKET, unix.SO_SNDBUF, int(x.SendBufferSize)},
		{x.ReuseAddress != 0, unix.SOL_SOCKET, unix.SO_REUSEADDR, x.ReuseAddress.value()},
		{!stream && x.Broadcast != 0, unix.SOL_SOCKET, unix.SO_BROADCAST, x.Broadcast.value()},
	} {
		if !o.given {
			continue
		}
		if e := sys.SetInt(fd, o.level, o.option, o.value); e != 0 {
			return e
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
