package socket

import (
	"strconv"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// A Group is a multicast group on an interface.
type Group struct {
	address netaddr.Sockaddr
	index   uint32           // of the interface; 0: the kernel's choice
	source  netaddr.Sockaddr // who may send; invalid: anybody
}

// A GroupText is a Group as the program has written it.
type GroupText struct {
	Address string
	Port    int32
	Family  abi.Family
	// The name or index of an interface, and the numeric address of a source; "": none is given.
	Interface, Source string
}

// JoinGroup makes the socket a member of a group. A socket for groups that is not open is bound to
// the group's port on all interfaces first.
func (s *Socket) JoinGroup(text GroupText) errcode.Code {
	g, code := s.group(text, unix.EINVAL)
	if code != errcode.OK {
		return code
	}
	s.mu.Lock()
	opens := s.kind().groups && (s.isClosing() || !s.state.isOpen())
	s.mu.Unlock()
	if !opens {
		return s.changeMembership("join_group", sys.Join, g)
	}
	o, code := s.beginOpen("join_group")
	if code != errcode.OK {
		return code
	}
	fd, e := s.bound(o, g.address.Wildcard())
	if e == 0 {
		e = g.change(fd, sys.Join)
	}
	return s.endOpen(fd, o, stateBound, e, "join_group", g.address)
}

// LeaveGroup ends a membership; the socket stays open.
func (s *Socket) LeaveGroup(text GroupText) errcode.Code {
	g, code := s.group(text, unix.EADDRNOTAVAIL)
	if code != errcode.OK {
		return code
	}
	return s.changeMembership("leave_group", sys.Leave, g)
}

// group parses a group. In compat a text that is no address has the code of an address that is none
// of a group.
func (s *Socket) group(text GroupText, compat unix.Errno) (Group, errcode.Code) {
	var g Group
	if !s.kind().isDatagram() {
		return g, errcode.NotSupported
	}
	address, code := s.LocalAddress(text.Address, text.Port, text.Family)
	switch {
	case code == errcode.Parameter && s.compat:
		return g, s.errnoCode(opSetup, compat)
	case code != errcode.OK:
		return g, code
	}
	g.address, g.index = address.Unmap(), address.ScopeID()
	if text.Interface != "" {
		index, code := netaddr.ParseInterface(text.Interface)
		switch {
		case code != errcode.OK:
			s.refuseArgument("interface", strconv.Quote(text.Interface), "there is no such interface")
			return g, code
		case g.index != 0 && g.index != index:
			return g, s.refuseArgument("interface", strconv.Quote(text.Interface), "the address has the zone of another one")
		}
		g.index = index
	}
	if text.Source != "" {
		source, code := netaddr.ParseLiteral(text.Source, 0, g.address.AddressFamily())
		if code != errcode.OK {
			return g, s.refuseArgument("source", strconv.Quote(text.Source), "not a numeric address of the group's family")
		}
		g.source = source
	}
	return g, errcode.OK
}

// changeMembership joins or leaves a group on an open socket.
func (s *Socket) changeMembership(operation string, change sys.Membership, g Group) errcode.Code {
	s.mu.Lock()
	if s.isClosing() || !s.state.isOpen() || s.fd < 0 {
		s.mu.Unlock()
		return s.errnoCode(opSetup, unix.EBADF)
	}
	fd := s.increfLocked()
	s.mu.Unlock()
	e := g.change(fd, change)
	s.mu.Lock()
	if e != 0 {
		s.noteFailureLocked(operation, g.address, "", s.errnoCode(opSetup, e))
	}
	s.decrefLocked()
	s.unlock()
	return s.errnoCode(opSetup, e)
}

// change joins or leaves the group on a descriptor.
func (g *Group) change(fd int, change sys.Membership) unix.Errno {
	family, e := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if e != 0 {
		return e
	}
	if family != g.address.Family() {
		// An IPv6 socket that takes IPv4 receives what is for IPv4 groups, too.
		if family != unix.AF_INET6 {
			return unix.EAFNOSUPPORT
		}
		if only, e := sys.GetInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY); e != 0 || only == 1 {
			return unix.EAFNOSUPPORT
		}
	}
	if change == sys.Join {
		if e := receiveJoinedOnly(fd, family); e != 0 {
			return e
		}
	}
	return sys.ChangeMembership(fd, change, g.address, g.index, g.source)
}

// receiveJoinedOnly has the kernel keep from a socket what is for groups that others have joined on
// this machine: by default a wildcard socket receives all that come to its port.
func receiveJoinedOnly(fd, family int) unix.Errno {
	e := sys.SetInt(fd, unix.SOL_IP, unix.IP_MULTICAST_ALL, 0)
	if e == 0 && family == unix.AF_INET6 {
		e = sys.SetInt(fd, unix.SOL_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		if e == unix.ENOPROTOOPT {
			return 0 // Linux before 4.20
		}
	}
	return e
}

// setMulticast sets what was ever set for sending to groups. An IPv6 socket may send to IPv4
// groups.
func (o *options) setMulticast(fd int) unix.Errno {
	if o.multicastTTL < 0 && o.multicastLoopback == 0 && o.multicastInterface < 0 {
		return 0
	}
	family, e := sys.GetInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if e != 0 {
		return e
	}
	for _, m := range []struct {
		given            bool
		value            int
		option4, option6 int
	}{
		{o.multicastTTL >= 0, int(o.multicastTTL), unix.IP_MULTICAST_TTL, unix.IPV6_MULTICAST_HOPS},
		{o.multicastLoopback != 0, o.multicastLoopback.value(), unix.IP_MULTICAST_LOOP, unix.IPV6_MULTICAST_LOOP},
		{o.multicastInterface >= 0, int(o.multicastInterface), unix.IP_MULTICAST_IF, unix.IPV6_MULTICAST_IF},
	} {
		if !m.given {
			continue
		}
		if family == unix.AF_INET6 {
			if e := sys.SetInt(fd, unix.SOL_IPV6, m.option6, m.value); e != 0 {
				return e
			}
		}
		if m.option4 == unix.IP_MULTICAST_IF {
			e = sys.SetMulticastInterface4(fd, int32(m.value))
			if e == unix.EADDRNOTAVAIL {
				e = unix.ENODEV // as IPv6 has it
			}
		} else {
			e = sys.SetInt(fd, unix.SOL_IP, m.option4, m.value)
		}
		if e != 0 {
			return e
		}
	}
	return 0
}
