package netaddr

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

var errNoName = errors.New("the text is not a name")

var toASCII = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ToASCII returns a name as DNS and certificates have it: letters of other scripts in the form of
// IDNA ("xn--bcher-kva.example" for "bücher.example"). A name in ASCII is returned as it is.
func ToASCII(name string) (string, error) {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return name, nil
	}
	if !utf8.ValidString(name) {
		return "", errNoName
	}
	ascii, err := toASCII.ToASCII(name)
	if _, numeric := netip.ParseAddr(ascii); numeric == nil {
		return "", errNoName // digits of another script
	}
	return ascii, err
}
