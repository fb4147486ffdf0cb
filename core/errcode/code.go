// Package errcode defines the error codes of the library: those of
// OpenHarmony's socket API and a few of its own. All of them stand in one
// table, from which names, texts and categories are taken.
package errcode

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Code is the outcome of an operation: OK, or a positive number that names
// the error. It implements error; OK must not be handed out as one, since an
// interface that holds it is not nil.
type Code int32

// A Base is the first number of a range of codes that carry an errno: the
// code is the base plus the errno.
type Base int32

const (
	// Client is the range of TCP, UDP, multicast and local sockets.
	Client Base = 2301000
	// Server is the range of TCP servers, of their connections, and of
	// everything that speaks TLS, clients included.
	Server Base = 2303100
)

// Codes that carry no errno.
const (
	OK         Code = 0
	Permission Code = 201
	Parameter  Code = 401
	Internal   Code = 2300002
	Forked     Code = 2300003
	Resolve    Code = 2300004
	Other      Code = 2300999 // closing what was never opened

	Socks5Connect     Code = 2301206
	Socks5Credentials Code = 2301207
	Socks5Remote      Code = 2301208
	Socks5Method      Code = 2301209
	Socks5Send        Code = 2301210
	Socks5Receive     Code = 2301211
	Socks5Serialize   Code = 2301212
	Socks5Deserialize Code = 2301213

	TLSSession      Code = 2303501
	TLSRead         Code = 2303502
	TLSWrite        Code = 2303503
	TLSCertificate  Code = 2303504
	TLSSystemCall   Code = 2303505 // also a failed handshake and an end without close_notify
	TLSClose        Code = 2303506
	TLSNotBound     Code = 2303600
	TLSBadFD        Code = 2303601
	TLSNotConnected Code = 2303602
)

// Codes of the Client range that sockets report of their own accord; Rebase
// makes those of the Server range.
const (
	BadFD               = Code(Client) + Code(unix.EBADF)
	Again               = Code(Client) + Code(unix.EAGAIN)
	InvalidArgument     = Code(Client) + Code(unix.EINVAL)
	Pipe                = Code(Client) + Code(unix.EPIPE)
	Domain              = Code(Client) + Code(unix.EDOM)
	Deadlock            = Code(Client) + Code(unix.EDEADLK)
	DestinationRequired = Code(Client) + Code(unix.EDESTADDRREQ)
	MessageSize         = Code(Client) + Code(unix.EMSGSIZE)
	NotSupported        = Code(Client) + Code(unix.ENOTSUP)
	Reset               = Code(Client) + Code(unix.ECONNRESET)
	IsConnected         = Code(Client) + Code(unix.EISCONN)
	NotConnected        = Code(Client) + Code(unix.ENOTCONN)
	Shutdown            = Code(Client) + Code(unix.ESHUTDOWN)
	TimedOut            = Code(Client) + Code(unix.ETIMEDOUT)
	AlreadyInProgress   = Code(Client) + Code(unix.EALREADY)
	Canceled            = Code(Client) + Code(unix.ECANCELED)
)

// FromErrno returns the code of e in the range of b. It is OK for 0, and
// Internal for a number that is not in the table.
func FromErrno(b Base, e unix.Errno) Code {
	if e == 0 {
		return OK
	}
	if e >= unix.Errno(len(errnos)) || errnos[e].name == "" {
		return Internal
	}
	return Code(b) + Code(e)
}

// Errno returns the errno that c carries, 0 if it carries none.
func (c Code) Errno() unix.Errno {
	for _, b := range [...]Base{Client, Server} {
		n := c - Code(b)
		if n > 0 && int(n) < len(errnos) && errnos[n].name != "" {
			return unix.Errno(n)
		}
	}
	return 0
}

// Rebase moves a code that carries an errno to the range of b and leaves
// every other code as it is.
func (c Code) Rebase(b Base) Code {
	if e := c.Errno(); e != 0 {
		return Code(b) + Code(e)
	}
	return c
}

// Name returns the name of the constant in C, "SOCKET_ERROR_UNKNOWN" if there
// is none.
func (c Code) Name() string { return c.entry().Name }

// Text returns a description of the error for people.
func (c Code) Text() string { return c.entry().Text }

// Category returns the category of the code, CategoryInternal for a code that
// does not exist.
func (c Code) Category() Category { return c.entry().Category }

// Error returns the text followed by the number in parentheses.
func (c Code) Error() string { return fmt.Sprintf("%s (%d)", c.Text(), int32(c)) }
