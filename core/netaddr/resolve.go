package netaddr

import (
	"context"
	"net/netip"
	"time"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// resolutionDelay is the time that a look-up of both families is waited for before
// each family is asked for alone, so that one whose answer does not come does
// not hold the other back: the Resolution Delay of RFC 8305, section 3. Both are
// asked for at once first, because only then the resolver sorts by RFC 6724.
const resolutionDelay = 50 * time.Millisecond

// An Answer is a part of what Resolve finds.
type Answer struct {
	Addresses []Sockaddr // that no answer before had, in the order in which they are to be tried
	Code      errcode.Code
	Last      bool // no answer comes after this one
}

// Resolve reports the addresses of the target, with the families interleaved, in
// one answer or several. At least one of these has addresses, or else the code
// of the last is not OK. A target that is a numeric address or "localhost" is
// answered at once, without a lookup.
//
// The code is TimedOut or Canceled if the context ended first, Internal if the
// resolver panicked, and Resolve for every other failure.
func Resolve(ctx context.Context, t Target, report func(Answer)) {
	switch {
	case t.addr.IsValid():
		report(Answer{[]Sockaddr{t.addr}, errcode.OK, true})
	case isLocalhost(t.host):
		report(Answer{[]Sockaddr{from(loopback4, 0, t.port), from(loopback6, 0, t.port)}, errcode.OK, true})
	case ctx.Err() != nil:
		report(Answer{nil, failure(ctx, ctx.Err()), true})
	default:
		t.lookUp(ctx, report)
	}
}

// answered holds the result of one look-up of a resolution.
type answered struct {
	network string
	addrs   []netip.Addr
	err     error
}

func (t Target) lookUp(ctx context.Context, report func(Answer)) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answered, 3)
	look := Lookup
	ask := func(network string) {
		go func() {
			addrs, err := lookups.ask(asking, look, network, t.host)
			answers <- answered{network, addrs, err}
		}()
	}
	ask(t.network())
	var delay <-chan time.Time
	if t.network() == "ip" {
		timer := time.NewTimer(resolutionDelay)
		defer timer.Stop()
		delay = timer.C
	}
	var known []Sockaddr
	for alone := 0; ; {
		select {
		case <-delay:
			ask("ip4")
			ask("ip6")
		case found := <-answers:
			fresh := t.fresh(found.addrs, known)
			known = append(known, fresh...)
			if found.network != t.network() {
				alone++
			}
			last := found.network == t.network() || alone == 2
			code := errcode.OK
			if last && len(known) == 0 {
				code = failure(ctx, found.err)
			}
			if last || len(fresh) > 0 {
				report(Answer{Interleave(fresh), code, last})
			}
			if last {
				return
			}
		}
	}
}

// fresh returns those of the addresses that are of the target's family and not
// known yet.
func (t Target) fresh(found []netip.Addr, known []Sockaddr) []Sockaddr {
	// A set, because a name server may give thousands.
	seen := make(map[Sockaddr]struct{}, len(known)+len(found))
	for _, s := range known {
		seen[s] = struct{}{}
	}
	var fresh []Sockaddr
	for _, a := range found {
		s, ok := t.sockaddr(a)
		if _, again := seen[s]; ok && !again {
			seen[s] = struct{}{}
			fresh = append(fresh, s)
		}
	}
	return fresh
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
	case abi.FamilyIPv4:
		return "ip4"
	case abi.FamilyIPv6:
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
	return s, t.family.Allows(s.AddressFamily())
}

// failure returns the code of a lookup that failed. The resolver's connections
// have the deadline of the context and may notice it before the context does.
func failure(ctx context.Context, err error) errcode.Code {
	deadline, ok := ctx.Deadline()
	switch {
	case err == errPanicked:
		return errcode.Internal
	case ctx.Err() == context.Canceled:
		return errcode.Canceled
	case ctx.Err() != nil, ok && !time.Now().Before(deadline):
		return errcode.TimedOut
	}
	return errcode.Resolve
}
