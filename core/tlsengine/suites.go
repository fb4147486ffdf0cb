package tlsengine

// #include "engine.h"
import "C"

import (
	"regexp"
	"slices"
	"strings"
)

// suite13 is a suite of TLS 1.3 with those of OpenSSL's keywords that describe its cipher. OpenSSL
// has no operators for these suites; here they are as those of TLS 1.2.
type suite13 struct {
	name     string
	keywords []string
}

// default13 suites are offered when none is named.
const default13 = 3

var suites13 = []suite13{
	{"TLS_AES_256_GCM_SHA384", []string{"AES", "AES256", "AESGCM"}},
	{"TLS_CHACHA20_POLY1305_SHA256", []string{"CHACHA20"}},
	{"TLS_AES_128_GCM_SHA256", []string{"AES", "AES128", "AESGCM"}},
	{"TLS_AES_128_CCM_SHA256", []string{"AES", "AES128", "AESCCM"}},
	{"TLS_AES_128_CCM_8_SHA256", []string{"AES", "AES128", "AESCCM", "AESCCM8"}},
}

// fits reports whether a name, a keyword, or several joined by '+' describe the suite.
func (s *suite13) fits(element string) bool {
	for _, part := range strings.Split(element, "+") {
		if part != s.name && !slices.Contains(s.keywords, part) {
			return false
		}
	}
	return true
}

// pastKeywords are those of OpenSSL's keywords for which the library may have no suite: lists
// exclude them to be on the safe side.
var pastKeywords = strings.Fields(`
	aDH aDSS aECDH aECDSA aGOST aGOST01 aGOST12 aNULL aPSK aRSA aSRP kANY kDH kDHd kDHE kDHEPSK kDHr kECDH kECDHe kECDHE
	kECDHEPSK kECDHr kEDH kEECDH kFZA kGOST kGOST18 kPSK kRSA kRSAPSK kSRP eNULL NULL ADH AECDH DH DHE DSS ECDH ECDHE ECDSA EDH
	EECDH PSK RSA SRP 3DES AES AES128 AES256 AESCCM AESCCM8 AESGCM ARIA ARIA128 ARIA256 ARIAGCM CAMELLIA CAMELLIA128
	CAMELLIA256 CBC CHACHA20 DES GOST12 GOST89 GOST89MAC GOST94 IDEA RC2 RC4 SEED MD5 SHA SHA1 SHA256 SHA384 ALL
	COMPLEMENTOFALL COMPLEMENTOFDEFAULT DEFAULT EXP EXPORT EXPORT40 EXPORT56 FIPS HIGH LOW MEDIUM SSLv2 SSLv3 TLSv1
	TLSv1.0 TLSv1.2`)

// pastSuite is a name of a suite that OpenSSL once had: there is nothing to exclude any more.
var pastSuite = regexp.MustCompile(`^((EXP|EXP1024)-)?([A-Z]+-)*(RC4|RC4-64|RC2-CBC|DES-CBC|DES-CBC3|IDEA-CBC|SEED|NULL)-(MD5|SHA|SHA256|SHA384)$`)

// suiteReader reads a list of cipher suites element by element.
type suiteReader struct {
	known    *C.SSL_CTX
	ciphers  []string // the elements that are about TLS 1.2
	chosen   []string // suites of TLS 1.3
	excluded []string // for good
	named    int      // suites of TLS 1.2 that were added by name
	named13  int      // of TLS 1.3
	keywords int      // what else added suites of TLS 1.2
	touched  bool     // an operator has changed the suites of TLS 1.3
}

func (r *suiteReader) read(element string) error {
	if strings.HasPrefix(element, "@") {
		return r.command(element)
	}
	operator, operand := "", element
	if strings.ContainsRune("!-+", rune(element[0])) {
		operator, operand = element[:1], element[1:]
	}
	name, tls13, err := r.find(operand)
	if err != nil {
		return err
	}
	switch {
	case operator != "":
		return r.operate(operator, operand, name, tls13)
	case tls13:
		r.named13++
		r.add13(name)
	case name != "":
		r.named++
		r.ciphers = append(r.ciphers, name)
	case r.isKeyword(operand):
		r.keywords++
		r.ciphers = append(r.ciphers, operand)
	default:
		return listError("cipher_suite: %q is not a cipher suite", element)
	}
	return nil
}

func (r *suiteReader) command(element string) error {
	level, found := strings.CutPrefix(element, "@SECLEVEL=")
	if element != "@STRENGTH" && !(found && len(level) == 1 && "0" <= level && level <= "5") {
		return listError("cipher_suite: %q is neither @STRENGTH nor @SECLEVEL=0 to 5", element)
	}
	r.ciphers = append(r.ciphers, element)
	return nil
}

// operate takes suites away for good ('!'), takes them away ('-'), or moves them to the end ('+').
func (r *suiteReader) operate(operator, operand, name string, tls13 bool) error {
	if name == "" && !r.isOperand(operand) {
		return listError("cipher_suite: %q: %q is not a cipher suite", operator+operand, operand)
	}
	if name == "" {
		name = operand
	}
	if !tls13 {
		r.ciphers = append(r.ciphers, operator+name)
	}
	r.defaults13()
	var taken []string
	for i := range suites13 {
		if s := &suites13[i]; s.fits(name) {
			if operator == "!" {
				r.excluded = append(r.excluded, s.name)
			}
			if slices.Contains(r.chosen, s.name) {
				taken = append(taken, s.name)
			}
		}
	}
	if len(taken) == 0 {
		return nil
	}
	r.touched = true
	r.chosen = slices.DeleteFunc(r.chosen, func(name string) bool { return slices.Contains(taken, name) })
	if operator == "+" {
		r.chosen = append(r.chosen, taken...)
	}
	return nil
}

// defaults13 makes the default suites of TLS 1.3 explicit, for an operator to change them.
func (r *suiteReader) defaults13() {
	if r.named13 > 0 || r.touched || len(r.chosen) > 0 {
		return
	}
	for _, s := range suites13[:default13] {
		r.chosen = append(r.chosen, s.name)
	}
}

// add13 adds a suite of TLS 1.3 unless it is excluded or there. The first that is named takes the
// place of the default ones.
func (r *suiteReader) add13(name string) {
	if r.named13 == 1 {
		r.chosen = nil
	}
	if !slices.Contains(r.excluded, name) && !slices.Contains(r.chosen, name) {
		r.chosen = append(r.chosen, name)
	}
}

// suites13 returns the suites of TLS 1.3 at the end of the list.
func (r *suiteReader) suites13() []string {
	r.defaults13()
	return r.chosen
}

// find returns OpenSSL's name of the suite with one of its two names, empty if there is none.
func (r *suiteReader) find(operand string) (name string, tls13 bool, err error) {
	text, err := cString("cipher_suite", operand)
	if err != nil || text == nil {
		return "", false, err
	}
	defer freeString(text)
	var is13 C.int
	if suite := C.engine_find_suite(r.known, text, &is13); suite != nil {
		return C.GoString(suite), is13 != 0, nil
	}
	return "", false, nil
}

// isKeyword reports whether OpenSSL makes suites of an element.
func (r *suiteReader) isKeyword(element string) bool {
	text, err := cString("cipher_suite", element)
	if err != nil || text == nil {
		return false
	}
	defer freeString(text)
	return C.engine_takes(r.known, C.ENGINE_CIPHERS, text) != 0
}

// isOperand reports whether an operator may have it: keywords joined by '+', also those without a
// suite.
func (r *suiteReader) isOperand(operand string) bool {
	if pastSuite.MatchString(operand) {
		return true
	}
	for _, part := range strings.Split(operand, "+") {
		if part == "" || !slices.Contains(pastKeywords, part) && !r.isKeyword(part) {
			return false
		}
	}
	return true
}
