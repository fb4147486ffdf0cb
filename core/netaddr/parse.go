package netaddr

import (
	"net/netip"
	"strconv"
	"strings"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

const (
	localhost = "localhost"
	maxHost   = 253          // of a name, without a final dot
	maxText   = maxHost + 64 // nothing longer is looked at
	maxLabel  = 63           // of one part of a name
	maxPort   = int32(1<<16 - 1)
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// ParseLiteral returns the address to bind to. The text is a numeric address
// or "localhost", which is ::1 for FamilyIPv6 and 127.0.0.1 otherwise; nothing
// is ever looked up. IPv4 has exactly four decimal parts without leading
// zeros. IPv6 stands without brackets and may carry a zone, "fe80::1%eth0" or
// "fe80::1%2".
//
// The code is Parameter for any other text, for an address that is not of the
// family, for an unknown family and for a port outside 0 to 65535. It is that
// of ENODEV for a zone whose interface does not exist.
func ParseLiteral(text string, port int32, family abi.Family) (Sockaddr, errcode.Code) {
	if !valid(text, port, family) {
		return Sockaddr{}, errcode.Parameter
	}
	if isLocalhost(text) {
		if family == abi.FamilyIPv6 {
			return from(loopback6, 0, uint16(port)), errcode.OK
		}
		return from(loopback4, 0, uint16(port)), errcode.OK
	}
	s, ok, code := parseAddr(text, uint16(port), family)
	if !ok {
		return Sockaddr{}, errcode.Parameter
	}
	return s, code
}

// A Target names a peer: a numeric address or a host name, with a port. The zero value is no
// target.
type Target struct {
	addr   Sockaddr // valid if nothing is to be resolved
	host   string   // empty for a numeric address
	port   uint16
	family abi.Family
}

// ParseTarget returns the target that the text names. It accepts what
// ParseLiteral does and host names, which Resolve turns into addresses: at
// most 253 bytes, in parts of 1 to 63 letters, digits, '-' and '_', with or
// without a final dot. The last part is not a number, decimal or hexadecimal:
// resolvers take that for an IPv4 address, and "4564646" for 0.69.166.166.
// Names in other scripts become their ASCII form.
//
// The codes are those of ParseLiteral.
func ParseTarget(text string, port int32, family abi.Family) (Target, errcode.Code) {
	if !valid(text, port, family) {
		return Target{}, errcode.Parameter
	}
	t := Target{port: uint16(port), family: family}
	if s, ok, code := parseAddr(text, t.port, family); ok {
		if code != errcode.OK {
			return Target{}, code
		}
		t.addr = s
		return t, errcode.OK
	}
	text, err := ToASCII(text)
	if err != nil || !isHost(text) {
		return Target{}, errcode.Parameter
	}
	t.host = text
	if isLocalhost(text) {
		switch family {
		case abi.FamilyIPv4:
			t.addr = from(loopback4, 0, t.port)
		case abi.FamilyIPv6:
			t.addr = from(loopback6, 0, t.port)
		}
	}
	return t, errcode.OK
}

// Literal returns the address of the target if it has exactly one that is
// known without a lookup: a numeric address, or "localhost" of FamilyIPv4 or
// FamilyIPv6.
func (t Target) Literal() (Sockaddr, bool) { return t.addr, t.addr.IsValid() }

// Host returns the host name as it was given, in ASCII; the empty string if the
// target is a numeric address.
func (t Target) Host() string { return t.host }

// Port returns the port.
func (t Target) Port() int { return int(t.port) }

// Explain says in words what is wrong with a text, port and family that ParseLiteral or, if
// names are allowed, ParseTarget has refused.
func Explain(text string, port int32, family abi.Family, names bool) string {
	switch {
	case !family.IsKnown():
		return "unknown family " + strconv.Itoa(int(family))
	case port < 0 || port > maxPort:
		return "port " + strconv.Itoa(int(port)) + " is not from 0 to 65535"
	case text == "":
		return "there is none"
	case port == 0 && names:
		return "no port is given"
	}
	if _, ok, _ := parseAddr(text, uint16(port), family); ok {
		return "not of the family that is given, or with a zone that is none"
	}
	if names {
		return "neither a numeric address nor a host name"
	}
	return "not a numeric address"
}

// isLocalhost reports whether the text is a name of this machine's loopback
// addresses: localhost, or one within it (RFC 6761). It is never looked up.
func isLocalhost(text string) bool {
	name := strings.TrimSuffix(text, ".")
	first := len(name) - len(localhost)
	if first < 0 || !strings.EqualFold(name[first:], localhost) {
		return false
	}
	return first == 0 || name[first-1] == '.' && isHost(text)
}

func valid(text string, port int32, family abi.Family) bool {
	return text != "" && len(text) <= maxText && port >= 0 && port <= maxPort && family.IsKnown()
}

// parseAddr parses a numeric address. ok reports whether the text is one; the
// code tells whether family and zone are right.
func parseAddr(text string, port uint16, family abi.Family) (s Sockaddr, ok bool, code errcode.Code) {
	text, zone, zoned := strings.Cut(text, "%")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return Sockaddr{}, false, errcode.OK
	}
	s = from(a, 0, port)
	if !family.Allows(s.AddressFamily()) || zoned && (a.Is4() || a.Is4In6()) {
		return Sockaddr{}, true, errcode.Parameter
	}
	if zoned {
		scope, code := parseZone(zone)
		if code != errcode.OK {
			return Sockaddr{}, true, code
		}
		s = from(a, scope, port)
	}
	return s, true, errcode.OK
}

func isHost(text string) bool {
	text = strings.TrimSuffix(text, ".")
	if len(text) > maxHost {
		return false
	}
	for {
		label, rest, more := strings.Cut(text, ".")
		if label == "" || len(label) > maxLabel || strings.ContainsFunc(label, notInHost) {
			return false
		}
		if !more {
			return !isNumber(label)
		}
		text = rest
	}
}

func notInHost(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// isNumber reports whether a resolver may read the label as a part of an IPv4
// address.
func isNumber(label string) bool {
	if digits, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
