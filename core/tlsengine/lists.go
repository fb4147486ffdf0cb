package tlsengine

// #include "engine.h"
import "C"

import (
	"fmt"
	"strings"

	"ohsocket/core/errcode"
)

// lists holds the options that are lists, and the versions, in the form that OpenSSL takes.
type lists struct {
	ciphers    string // TLS 1.2 and below, "" default
	suites     string // TLS 1.3, "" default
	signatures string
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
	if len(c.CipherSuite) > listLongest || len(c.SignatureAlgorithms) > listLongest {
		return nil, listError("cipher_suite, signature_algorithms: more than %d bytes", listLongest)
	}
	if c.CipherSuite == "" && c.SignatureAlgorithms == "" {
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
	if err := l.readSignatures(known, c.SignatureAlgorithms); err != nil {
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

func (l *lists) readSignatures(known *C.SSL_CTX, list string) error {
	for _, element := range strings.Split(list, ":") {
		if list == "" {
			break
		}
		name, err := cString("signature_algorithms", element)
		if err != nil {
			return err
		}
		good := name != nil && C.engine_is_signature_algorithm(known, name) != 0
		freeString(name)
		if !good {
			return listError("signature_algorithms: %q is not a signature algorithm", element)
		}
	}
	l.signatures = list
	return nil
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
