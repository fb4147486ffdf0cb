package netaddr

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"ohsocket/core/errcode"
)

// Lookup asks the system for the addresses of a host; network is "ip", "ip4"
// or "ip6". It is a variable so that tests need no name server, and must not
// be changed while a Resolve is running.
var Lookup = net.DefaultResolver.LookupNetIP

// Resolve returns the addresses of the target in the order in which they are
// to be tried: the resolver's, with the families interleaved. There is at
// least one if the code is OK. A target that is a numeric address or
// "localhost" is answered at once, without a lookup.
//
// The code is TimedOut or Canceled if the context ended first, Internal if the
// resolver panicked, and Resolve for every other failure.
func Resolve(ctx context.Context, t Target) (addrs []Sockaddr, code errcode.Code) {
	if t.addr.IsValid() {
		return []Sockaddr{t.addr}, errcode.OK
	}
	if t.host == localhost {
		return []Sockaddr{from(loopback6, 0, t.port), from(loopback4, 0, t.port)}, errcode.OK
	}
	if ctx.Err() != nil {
		return nil, failure(ctx)
	}
	// The library lives in processes that a panic here must not end.
	defer func() {
		if recover() != nil {
			addrs, code = nil, errcode.Internal
		}
	}()
	found, err := Lookup(ctx, t.network(), t.host)
	if err != nil {
		return nil, failure(ctx)
	}
	for _, a := range found {
		s, ok := t.sockaddr(a)
		if ok && !slices.Contains(addrs, s) {
			addrs = append(addrs, s)
		}
	}
	if len(addrs) == 0 {
		return nil, errcode.Resolve
	}
	return Interleave(addrs), errcode.OK
}

// Interleave returns the addresses in the order of RFC 8305, section 4: the
// family of the first address and the other one alternate until one is used
// up. Within a family the order stays.
func Interleave(addrs []Sockaddr) []Sockaddr {
	var first, second []Sockaddr
	for _, a := range addrs {
		if a.Family() == addrs[0].Family() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	mixed := make([]Sockaddr, 0, len(addrs))
	for i := range first {
		mixed = append(mixed, first[i])
		if i < len(second) {
			mixed = append(mixed, second[i])
		}
	}
	return append(mixed, second[min(len(first), len(second)):]...)
}

func (t Target) network() string {
	switch t.family {
	case FamilyIPv4:
		return "ip4"
	case FamilyIPv6:
		return "ip6"
	}
	return "ip"
}

// sockaddr returns an answer of the resolver with the port of the target. The
// resolver gives IPv4 addresses in their IPv6-mapped form at times.
func (t Target) sockaddr(a netip.Addr) (Sockaddr, bool) {
	if !a.IsValid() {
		return Sockaddr{}, false
	}
	var scope uint32
	if zone := a.Zone(); zone != "" {
		var code errcode.Code
		if scope, code = parseZone(zone); code != errcode.OK {
			return Sockaddr{}, false
		}
	}
	s := from(a.Unmap(), scope, t.port)
	return s, t.family.allows(s.AddressFamily())
}

// failure returns the code of a lookup that failed. The resolver's connections
// have the deadline of the context and may notice it before the context does.
func failure(ctx context.Context) errcode.Code {
	deadline, ok := ctx.Deadline()
	switch {
	case ctx.Err() == context.Canceled:
		return errcode.Canceled
	case ctx.Err() != nil, ok && !time.Now().Before(deadline):
		return errcode.TimedOut
	}
	return errcode.Resolve
}
