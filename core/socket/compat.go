package socket

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
)

// Behaviour of OpenHarmony's own sockets that some programs rely on: docs/reference/compat.md lists
// it. This file and the places that read Socket.compat implement it. Nothing here is about
// security.

// SetCompat says how sockets constructed from now on behave, and returns how they did.
func SetCompat(on bool) bool { return library.compat.Swap(on) }

// LocalAddress parses an address to bind to or to send to.
func (s *Socket) LocalAddress(text string, port int32, family abi.Family) (netaddr.Sockaddr, errcode.Code) {
	text, port, family = s.compatAddress(text, port, family)
	sa, code := netaddr.ParseLiteral(text, port, family)
	switch code {
	case errcode.OK:
	case errcode.Parameter:
		s.refusedAddress(text, port, family, false)
	default:
		s.refusedZone(text, code)
	}
	return sa, code
}

// RemoteTarget parses an address or name to connect to.
func (s *Socket) RemoteTarget(text string, port int32, family abi.Family) (netaddr.Target, errcode.Code) {
	text, port, family = s.compatAddress(text, port, family)
	t, code := netaddr.ParseTarget(text, port, family)
	if port == 0 {
		t, code = netaddr.Target{}, errcode.Parameter
	}
	switch code {
	case errcode.OK:
	case errcode.Parameter:
		s.refusedAddress(text, port, family, true)
	default:
		s.refusedZone(text, code)
	}
	return t, code
}

// refusedZone remembers that the zone of an address is no interface.
func (s *Socket) refusedZone(text string, code errcode.Code) {
	s.mu.Lock()
	s.extraLocked().failure = &failure{operation: "address", host: strconv.Quote(text), code: code, text: "there is no interface of that zone"}
	s.mu.Unlock()
}

// refusedAddress remembers what is wrong with an address; names says whether a host name would do.
func (s *Socket) refusedAddress(text string, port int32, family abi.Family, names bool) {
	const shown = 100
	s.refuseArgument("address", strconv.Quote(text[:min(len(text), shown)]), netaddr.Explain(text, port, family, names))
}

func (s *Socket) compatAddress(text string, port int32, family abi.Family) (string, int32, abi.Family) {
	if !s.compat {
		return text, port, family
	}
	if family < abi.FamilyUnspecified || family > abi.FamilyDomain {
		family = abi.FamilyIPv4
	}
	text, _, _ = strings.Cut(text, "%")
	return text, port & 0xffff, family
}

// compatConnect gives every failed connect one code.
func (s *Socket) compatConnect(code errcode.Code) errcode.Code {
	if s.compat && !s.kind().secure && code != errcode.OK && code != errcode.Canceled {
		return errcode.FromErrno(errcode.Client, unix.EINPROGRESS)
	}
	return code
}

// compatPort says whether another port is taken when one is busy.
func (s *Socket) compatPort(e unix.Errno) bool { return s.compat && e == unix.EADDRINUSE }
