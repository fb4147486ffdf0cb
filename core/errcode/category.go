package errcode

// A Category groups codes by what a program can do about them. The numbers
// are part of the ABI.
type Category int32

const (
	// success
	CategoryNone Category = iota
	// the call cannot work as made: bad argument, wrong state, not supported
	CategoryUsage
	// the operation failed in a way that no other category describes
	CategoryIO
	// the connection has ended, or the operation was cancelled by a close
	CategoryClosed
	// the time allowed has passed
	CategoryTimeout
	// nothing is wrong; the same call may succeed when it is repeated
	CategoryAgain
	// the process or the system is out of descriptors, memory or space
	CategoryResource
	// the address is in use or is not one of this machine's
	CategoryAddress
	// the peer refused or there is no way to it
	CategoryUnreachable
	// the system or a proxy denies it
	CategoryPermission
	// the host name has no address
	CategoryResolve
	// the TLS session failed: handshake, certificate, record layer
	CategoryTLS
	// a defect of the library or a code that it does not know
	CategoryInternal
)

var categories = [...]string{
	CategoryNone:        "none",
	CategoryUsage:       "usage",
	CategoryIO:          "io",
	CategoryClosed:      "closed",
	CategoryTimeout:     "timeout",
	CategoryAgain:       "again",
	CategoryResource:    "resource",
	CategoryAddress:     "address",
	CategoryUnreachable: "unreachable",
	CategoryPermission:  "permission",
	CategoryResolve:     "resolve",
	CategoryTLS:         "tls",
	CategoryInternal:    "internal",
}

// String returns the lower-case name of the category, "unknown" for a number
// that is none.
func (c Category) String() string {
	if c < 0 || int(c) >= len(categories) {
		return "unknown"
	}
	return categories[c]
}
