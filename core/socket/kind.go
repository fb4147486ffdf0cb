package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// A role says what sockets of a kind do.
type role uint8

const (
	roleClient   role = iota + 1 // connects, over a stream
	roleServer                   // listens
	roleAccepted                 // a server's client; made by the library only
	roleDatagram                 // sends and receives datagrams
)

// traits holds what all sockets of a kind have in common. A new kind is a row of kinds. Nothing
// else asks for the kind of a socket: it asks for a trait.
type traits struct {
	role      role
	transport *transport
	flow      flow
	secure    bool     // it speaks TLS
	accepts   abi.Kind // servers: the kind of their clients
	upgrades  abi.Kind // clients: the kind that ConstructOver makes of them, 0: none
	codes     *codes
	extras    extraMask // the extra options that are for it
	groups    bool      // datagrams: joining a group opens it, several may share a port
}

// kinds has a row for each kind.
var kinds = [...]traits{
	abi.KindTCP: {
		role: roleClient, transport: &inetStream, flow: streamFlow{}, codes: &clientCodes, extras: streamExtras,
		upgrades: abi.KindTLS,
	},
	abi.KindTCPServer: {
		role: roleServer, transport: &inetStream, flow: acceptFlow{}, codes: &serverCodes, extras: streamExtras,
		accepts: abi.KindTCPConnection,
	},
	abi.KindTCPConnection: {
		role: roleAccepted, transport: &inetStream, flow: streamFlow{}, codes: &acceptedCodes, extras: streamExtras,
	},
	abi.KindUDP: {
		role: roleDatagram, transport: &inetDatagram, flow: datagramFlow{}, codes: &clientCodes, extras: datagramExtras,
	},
	abi.KindTLS: {
		role: roleClient, transport: &inetStream, flow: recordFlow{}, codes: &secureCodes, extras: streamExtras,
		secure: true,
	},
	abi.KindTLSServer: {
		role: roleServer, transport: &inetStream, flow: acceptFlow{}, codes: &secureCodes, extras: streamExtras,
		secure: true, accepts: abi.KindTLSConnection,
	},
	abi.KindTLSConnection: {
		role: roleAccepted, transport: &inetStream, flow: recordFlow{}, codes: &secureCodes, extras: streamExtras,
		secure: true,
	},
	abi.KindMulticast: {
		role: roleDatagram, transport: &inetDatagram, flow: datagramFlow{}, codes: &clientCodes, extras: datagramExtras,
		groups: true,
	},
}

// traitsOf returns the traits of a kind, nil if there is no such kind.
func traitsOf(k abi.Kind) *traits {
	if int(k) >= len(kinds) || kinds[k].role == 0 {
		return nil
	}
	return &kinds[k]
}

func (k *traits) isClient() bool   { return k.role == roleClient }
func (k *traits) isServer() bool   { return k.role == roleServer }
func (k *traits) isAccepted() bool { return k.role == roleAccepted }
func (k *traits) isDatagram() bool { return k.role == roleDatagram }

// isStream reports whether sockets of the kind have connections: not those of datagrams, nor
// servers.
func (k *traits) isStream() bool { return k.role == roleClient || k.role == roleAccepted }

// isSecureClient reports whether sockets of the kind make the handshake when they connect.
func (k *traits) isSecureClient() bool { return k.secure && k.role == roleClient }

// isSecureServer reports whether clients make the handshake before the listeners see them.
func (k *traits) isSecureServer() bool { return k.secure && k.role == roleServer }

// isConfigured reports whether sockets of the kind can be told secure options.
func (k *traits) isConfigured() bool { return k.secure && k.role != roleAccepted }

// connects reports whether sockets of the kind can be bound and connected.
func (k *traits) connects() bool { return k.role == roleClient || k.role == roleDatagram }

// sharesAddress reports whether SO_REUSEADDR is on unless the program says otherwise.
func (k *traits) sharesAddress() bool { return k.role == roleServer || k.groups }

// keepsRare reports whether sockets of the kind have what is rare from the start.
func (k *traits) keepsRare() bool { return k.secure || k.role == roleServer || k.role == roleDatagram }

// A transport carries the bytes.
type transport struct {
	socketType int  // of socket(2)
	tcp        bool // there are options of TCP: keep-alive
}

var (
	inetStream   = transport{socketType: unix.SOCK_STREAM, tcp: true}
	inetDatagram = transport{socketType: unix.SOCK_DGRAM}
)

// A flow moves bytes, clients or datagrams between a socket and the kernel.
type flow interface {
	// read takes in what there is. It runs on the loop's thread.
	read(s *Socket)
	// write writes the queue. The caller has the write lock.
	write(s *Socket, fd int)
}

type (
	streamFlow   struct{} // a connection
	recordFlow   struct{} // a connection with TLS over it
	datagramFlow struct{}
	acceptFlow   struct{}
)

func (streamFlow) read(s *Socket)          { s.readStream() }
func (streamFlow) write(s *Socket, fd int) { s.writeStream(fd) }

func (recordFlow) read(s *Socket) {
	if s.tls != nil {
		s.readTLS()
	}
}
func (recordFlow) write(s *Socket, fd int) { s.writeTLS(fd) }

func (datagramFlow) read(s *Socket)          { s.readPackets() }
func (datagramFlow) write(s *Socket, fd int) { s.writePackets(fd) }

func (acceptFlow) read(s *Socket) {
	if !s.kind().secure || s.announceClients() {
		s.accept()
	}
}
func (acceptFlow) write(*Socket, int) {} // it has no queue

// An operation groups the calls that answer one cause with the same number.
type operation uint8

const (
	// a call that opens the socket or sets its options; an error of accepting
	opSetup    operation = iota
	opGet                // a getter, or a call that needs an open socket
	opTransfer           // a send, a completion, an event of a connection
	opClose              // close or abort
)

// codes are the numbers that causes have in the API, for each operation.
type codes [opClose + 1]struct {
	base         errcode.Base // of those that carry an errno
	notOpen      errcode.Code // instead of BadFD, unless it is 0
	notConnected errcode.Code // instead of NotConnected, unless it is 0
}

var clientCodes = codes{
	opSetup:    {base: errcode.Client},
	opGet:      {base: errcode.Client},
	opTransfer: {base: errcode.Client},
	opClose:    {base: errcode.Client, notOpen: errcode.Other},
}

var serverCodes = codes{
	opSetup:    {base: errcode.Server},
	opGet:      {base: errcode.Client},
	opTransfer: {base: errcode.Server, notOpen: errcode.BadFD},
	opClose:    {base: errcode.Server, notOpen: errcode.Other},
}

var acceptedCodes = codes{
	opSetup:    {base: errcode.Client},
	opGet:      {base: errcode.Client},
	opTransfer: {base: errcode.Server, notOpen: errcode.BadFD},
	opClose:    {base: errcode.Server, notOpen: errcode.Other},
}

var secureCodes = codes{
	opSetup:    {base: errcode.Server, notOpen: errcode.TLSNotBound},
	opGet:      {base: errcode.Server, notOpen: errcode.TLSNotBound},
	opTransfer: {base: errcode.Server, notOpen: errcode.BadFD, notConnected: errcode.TLSSession},
	opClose:    {base: errcode.Server, notOpen: errcode.TLSNotBound},
}

// of returns the code of a cause, which is of the range Client if it carries an errno. In a
// transfer BadFD means that the handle is not valid any more: it is the same for all kinds.
func (c *codes) of(op operation, cause errcode.Code) errcode.Code {
	row := &c[op]
	switch {
	case cause == errcode.OK:
		return errcode.OK
	case cause == errcode.BadFD && row.notOpen != 0:
		return row.notOpen
	case cause == errcode.NotConnected && row.notConnected != 0:
		return row.notConnected
	}
	return cause.Rebase(row.base)
}

// code is codes.of for the socket's kind.
func (s *Socket) code(op operation, cause errcode.Code) errcode.Code {
	return s.kind().codes.of(op, cause)
}

// errnoCode is code for an errno of the kernel, or one that stands for the cause.
func (s *Socket) errnoCode(op operation, e unix.Errno) errcode.Code {
	return s.code(op, errcode.FromErrno(errcode.Client, e))
}
