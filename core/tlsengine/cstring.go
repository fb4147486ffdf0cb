package tlsengine

// #include <stdlib.h>
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"ohsocket/core/errcode"
)

// cString copies s, the value of an option, to C memory: to be freed with freeString. It is nil for
// "".
func cString(option, s string) (*C.char, error) {
	if s == "" {
		return nil, nil
	}
	if strings.IndexByte(s, 0) >= 0 {
		return nil, &Error{Code: errcode.TLSSystemCall, Text: fmt.Sprintf("%s: contains a NUL", option), Alert: -1}
	}
	return C.CString(s), nil
}

func freeString(s *C.char) { C.free(unsafe.Pointer(s)) }
