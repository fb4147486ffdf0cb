package tlsengine

// #include "engine.h"
import "C"

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"ohsocket/core/errcode"
)

// lists holds the options that are lists, and the versions, in the form that OpenSSL takes.
type lists struct {
	ciphers    string // TLS 1.2 and below, "" default
	suites     string // TLS 1.3, "" default
	signatures string
	groups     string
	pins       []byte // one behind the other
	lowest     Protocols
	highest    Protocols
}

// listLongest is the length that a list may have; every element costs time.
const listLongest = 16 << 10

func listError(format string, arguments ...any) *Error {
	return &Error{Code: errcode.TLSSystemCall, Text: fmt.Sprintf(format, arguments...), Alert: -1}
}

// readLists checks the lists of c name by name: OpenSSL itself passes over what it does not know.
func readLists(c *Config) (*lists, error) {
	l := &lists{lowest: TLS12, highest: TLS13}
	switch c.Protocols {
	case TLS12:
		l.highest = TLS12
	case TLS13:
		l.lowest = TLS13
	case 0, TLS12 | TLS13:
	default:
		return nil, listError("protocols: %#x is not a set of TLS 1.2 and TLS 1.3", uint32(c.Protocols))
	}
	if max(len(c.CipherSuite), len(c.SignatureAlgorithms), len(c.Groups)) > listLongest {
		return nil, listError("cipher_suite, signature_algorithms, groups: more than %d bytes", listLongest)
	}
	if c.Server && !c.VerifyClient && len(c.Pins) > 0 {
		return nil, listError("pins: the server asks its clients for no certificate")
	}
	if err := l.readPins(c.Pins); err != nil {
		return nil, err
	}
	if c.CipherSuite == "" && c.SignatureAlgorithms == "" && c.Groups == "" {
		return l, nil
	}
	var f C.engine_failure
	known := C.engine_lists_new(&f)
	if known == nil {
		return nil, configError(&f, "cipher_suite")
	}
	defer C.SSL_CTX_free(known)
	if err := l.readCiphers(known, c.CipherSuite, c.Protocols); err != nil {
		return nil, err
	}
	var err error
	l.signatures, err = readNames("signature_algorithms", "signature algorithm", c.SignatureAlgorithms, func(name *C.char) bool {
		return C.engine_takes(known, C.ENGINE_SIGNATURES, name) != 0
	})
	if err != nil {
		return nil, err
	}
	l.groups, err = readNames("groups", "group of this OpenSSL", c.Groups, func(name *C.char) bool {
		return isGroupName(C.GoString(name)) && C.engine_takes(known, C.ENGINE_GROUPS, name) != 0
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *lists) readCiphers(known *C.SSL_CTX, list string, protocols Protocols) error {
	r := suiteReader{known: known}
	for _, element := range strings.FieldsFunc(list, isSeparator) {
		if err := r.read(element); err != nil {
			return err
		}
	}
	if list != "" && r.named+r.keywords+r.named13 == 0 {
		return listError("cipher_suite: %q leaves no cipher suite", list)
	}
	suites := r.suites13()
	if r.named13 > 0 || r.touched {
		l.suites = strings.Join(suites, ":")
	}
	if r.named+r.keywords > 0 {
		// Never one that does not authenticate or encrypt, whatever the list says of security
		// levels.
		l.ciphers = strings.Join(append(r.ciphers, "!aNULL", "!eNULL"), ":")
	}
	if len(suites) == 0 && r.named+r.keywords == 0 {
		return listError("cipher_suite: %q leaves no cipher suite", list)
	}
	// A version that protocols names stays possible, with its default suites, as OpenSSL itself has
	// it.
	both := protocols == TLS12|TLS13
	if r.named+r.keywords > 0 && (len(suites) == 0 || r.keywords+r.named13 == 0 && !both) {
		l.highest = TLS12
	}
	if r.named13 > 0 && r.named+r.keywords == 0 && !both {
		l.lowest = TLS13
	}
	if l.lowest > l.highest {
		return listError("cipher_suite: %q has no suite of the version that protocols asks for", list)
	}
	return nil
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// isGroupName reports whether the text may name one group. OpenSSL 3.5 has a language of its own
// for the list, with "*", "?", "/" and "DEFAULT", that older ones do not have.
func isGroupName(text string) bool {
	return groupName.MatchString(text) && !strings.EqualFold(text, "DEFAULT")
}

// readNames checks the names of a list that has colons between them, and returns the list.
func readNames(option, kind, list string, known func(*C.char) bool) (string, error) {
	for _, element := range strings.Split(list, ":") {
		if list == "" {
			break
		}
		name, err := cString(option, element)
		if err != nil {
			return "", err
		}
		good := name != nil && known(name)
		freeString(name)
		if !good {
			return "", listError("%s: %q is not a %s", option, element, kind)
		}
	}
	return list, nil
}

// readPins reads the SHA-256 of public keys, as Config has them.
func (l *lists) readPins(pins []string) error {
	for i, pin := range pins {
		digest, good := readPin(pin)
		if !good {
			return listError("%s: %q is not the SHA-256 of a key: 32 bytes in base64, with or without \"sha256/\" before it, or in hexadecimal",
				which("pins", i, len(pins)), pin)
		}
		l.pins = append(l.pins, digest...)
	}
	return nil
}

// readPin reads the SHA-256 of a key (of its SubjectPublicKeyInfo) in base64, with curl's
// "sha256//" or "sha256/" before it or without, or in hexadecimal, with colons between the bytes or
// without.
func readPin(pin string) ([]byte, bool) {
	text := pin
	// The base64 itself may begin with "/".
	for _, prefix := range []string{"sha256//", "sha256/"} {
		if rest, found := strings.CutPrefix(pin, prefix); found && len(rest) == base64.StdEncoding.EncodedLen(C.ENGINE_PIN_SIZE) {
			text = rest
		}
	}
	digest, err := base64.StdEncoding.DecodeString(text)
	if len(digest) != C.ENGINE_PIN_SIZE || err != nil {
		digest, err = hex.DecodeString(strings.ReplaceAll(pin, ":", ""))
	}
	return digest, err == nil && len(digest) == C.ENGINE_PIN_SIZE
}

// isSeparator reports whether r separates the elements of a list of cipher suites.
func isSeparator(r rune) bool { return r == ':' || r == ',' || r == ';' || r == ' ' }

func version(p Protocols) C.int {
	if p == TLS12 {
		return C.TLS1_2_VERSION
	}
	return C.TLS1_3_VERSION
}

// alpnList returns the names as they are sent: each after its length.
func alpnList(names []string) ([]byte, error) {
	var list []byte
	for _, name := range names {
		if len(name) == 0 || len(name) > 255 {
			return nil, listError("alpn_protocols: a name of %d bytes, 1 to 255 are possible", len(name))
		}
		list = append(append(list, byte(len(name))), name...)
	}
	if len(list) > 65533 {
		return nil, listError("alpn_protocols: %d bytes, 65533 are possible", len(list))
	}
	return list, nil
}
