package errcode

// A Category groups codes by what a program can do about them. The numbers
// are part of the ABI.
type Category int32

const (
	CategoryNone        Category = iota // success
	CategoryUsage                       // the call cannot work as made: bad argument, wrong state, not supported
	CategoryIO                          // the operation failed in a way that no other category describes
	CategoryClosed                      // the connection has ended, or the operation was cancelled by a close
	CategoryTimeout                     // the time allowed has passed
	CategoryAgain                       // nothing is wrong; the same call may succeed when it is repeated
	CategoryResource                    // the process or the system is out of descriptors, memory or space
	CategoryAddress                     // the address is in use or is not one of this machine's
	CategoryUnreachable                 // the peer refused or there is no way to it
	CategoryPermission                  // the system or a proxy denies it
	CategoryResolve                     // the host name has no address
	CategoryTLS                         // the TLS session failed: handshake, certificate, record layer
	CategoryInternal                    // a defect of the library or a code that it does not know
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
