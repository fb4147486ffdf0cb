package sys

import (
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/netaddr"
)

// largeTransfer is the size from which a transfer tells the Go scheduler.
const largeTransfer = 64 << 10

// Socket makes a non-blocking, close-on-exec socket.
func Socket(family, kind int) (int, unix.Errno) {
	if e := ask(OpSocket, -1); e != 0 {
		return -1, e
	}
	fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), uintptr(kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC), 0)
	return result(fd, e)
}

// Bind is bind(2).
func Bind(fd int, sa *netaddr.Sockaddr) unix.Errno {
	if e := ask(OpBind, fd); e != 0 {
		return e
	}
	_, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(sa.Pointer()), uintptr(sa.Len()))
	runtime.KeepAlive(sa)
	return e
}

// Listen is listen(2).
func Listen(fd, backlog int) unix.Errno {
	if e := ask(OpListen, fd); e != 0 {
		return e
	}
	_, _, e := unix.RawSyscall(unix.SYS_LISTEN, uintptr(fd), uintptr(backlog), 0)
	return e
}

// Connect is connect(2).
func Connect(fd int, sa *netaddr.Sockaddr) unix.Errno {
	if e := ask(OpConnect, fd); e != 0 {
		return e
	}
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(sa.Pointer()), uintptr(sa.Len()))
	runtime.KeepAlive(sa)
	return e
}

// Disconnect dissolves a connection: TCP sends a reset, at once and even if another
// process holds the descriptor too.
func Disconnect(fd int) unix.Errno {
	if e := ask(OpConnect, fd); e != 0 {
		return e
	}
	sa := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
	return e
}

// Accept takes a connection from the backlog.
func Accept(fd int) (int, netaddr.Sockaddr, unix.Errno) {
	if e := ask(OpAccept, fd); e != 0 {
		return -1, netaddr.Sockaddr{}, e
	}
	var raw unix.RawSockaddrInet6
	size := uint32(unsafe.Sizeof(raw))
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, netaddr.Sockaddr{}, e
	}
	return int(n), netaddr.FromRaw(unsafe.Pointer(&raw), size), 0
}

// Recv is recv(2).
func Recv(fd int, b []byte, flags int) (int, unix.Errno) {
	e, size := askSize(OpRecv, fd, len(b))
	if e != 0 {
		return -1, e
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(size), uintptr(flags), 0, 0)
	return result(n, e)
}

// Send is send(2) without SIGPIPE.
func Send(fd int, b []byte) (int, unix.Errno) {
	e, size := askSize(OpSend, fd, len(b))
	if e != 0 {
		return -1, e
	}
	var n uintptr
	p := unsafe.Pointer(unsafe.SliceData(b))
	if size < largeTransfer {
		n, _, e = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(p), uintptr(size), unix.MSG_NOSIGNAL, 0, 0)
	} else {
		n, _, e = unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(p), uintptr(size), unix.MSG_NOSIGNAL, 0, 0)
	}
	return result(n, e)
}

// Piece describes bytes to the kernel.
func Piece(b []byte) unix.Iovec { return unix.Iovec{Base: unsafe.SliceData(b), Len: uint64(len(b))} }

// SendVector sends several pieces of a stream, total bytes in all.
func SendVector(fd int, pieces []unix.Iovec, total int) (int, unix.Errno) {
	if len(pieces) == 1 {
		return Send(fd, unsafe.Slice(pieces[0].Base, pieces[0].Len))
	}
	e, limited := askSize(OpSend, fd, total)
	if e != 0 {
		return -1, e
	}
	if limited < total {
		first := pieces[0]
		first.Len = min(first.Len, uint64(limited))
		pieces = []unix.Iovec{first}
	}
	m := unix.Msghdr{Iov: unsafe.SliceData(pieces), Iovlen: uint64(len(pieces))}
	var n uintptr
	if total < largeTransfer {
		n, _, e = unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), unix.MSG_NOSIGNAL)
	} else {
		n, _, e = unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), unix.MSG_NOSIGNAL)
	}
	runtime.KeepAlive(pieces)
	return result(n, e)
}

// SendPacket sends one datagram gathered from several pieces, to the peer if to is nil.
func SendPacket(fd int, pieces []unix.Iovec, to *netaddr.Sockaddr) (int, unix.Errno) {
	if e := ask(OpSend, fd); e != 0 {
		return -1, e
	}
	m := unix.Msghdr{Iov: unsafe.SliceData(pieces), Iovlen: uint64(len(pieces))}
	if to != nil {
		m.Name, m.Namelen = (*byte)(to.Pointer()), to.Len()
	}
	n, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), unix.MSG_NOSIGNAL)
	runtime.KeepAlive(pieces)
	runtime.KeepAlive(to)
	return result(n, e)
}

// Packet is struct mmsghdr.
type Packet struct {
	Header unix.Msghdr
	Size   uint32
	_      uint32
}

// Receive prepares a packet for a datagram: where its bytes are put, and the address of its sender.
// All three lie outside of the Go heap.
func (p *Packet) Receive(name *unix.RawSockaddrInet6, piece *unix.Iovec) {
	p.Header.Name, p.Header.Iov, p.Header.Iovlen = (*byte)(unsafe.Pointer(name)), piece, 1
	p.Renew()
}

// Renew prepares it again.
func (p *Packet) Renew() { p.Header.Namelen = unix.SizeofSockaddrInet6 }

// Sender is whose datagram was received.
func (p *Packet) Sender() netaddr.Sockaddr {
	return netaddr.FromRaw(unsafe.Pointer(p.Header.Name), p.Header.Namelen)
}

// GSO is the control message that has the kernel cut what a packet has into datagrams of one
// size, the last of which may be shorter.
type GSO struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte
}

// GSOControl makes one.
func GSOControl(size int) GSO {
	return GSO{unix.Cmsghdr{Len: uint64(unix.CmsgLen(2)), Level: unix.SOL_UDP, Type: unix.UDP_SEGMENT}, uint16(size), [6]byte{}}
}

// Control returns the address and size of g, as the header of a packet holds them.
func (g *GSO) Control() (*byte, uint64) {
	return (*byte)(unsafe.Pointer(g)), uint64(unsafe.Sizeof(*g))
}

// RecvMany receives up to len(packets) datagrams.
func RecvMany(fd int, packets []Packet) (int, unix.Errno) {
	e, count := askSize(OpRecvMany, fd, len(packets))
	if e != 0 {
		return -1, e
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(packets))), uintptr(count), 0, 0, 0)
	return result(n, e)
}

// SendMany sends up to len(packets) datagrams. An error is the first one's.
func SendMany(fd int, packets []Packet) (int, unix.Errno) {
	e, count := askSize(OpSendMany, fd, len(packets))
	if e != 0 {
		return -1, e
	}
	n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(packets))), uintptr(count), unix.MSG_NOSIGNAL, 0, 0)
	return result(n, e)
}

// Shutdown is shutdown(2).
func Shutdown(fd, how int) unix.Errno {
	if e := ask(OpShutdown, fd); e != 0 {
		return e
	}
	_, _, e := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0)
	return e
}

// Close is close(2). The descriptor is closed whatever it returns.
func Close(fd int) unix.Errno {
	e := ask(OpClose, fd)
	_, _, e2 := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	if e != 0 {
		return e
	}
	return e2
}

// GetInt reads an integer socket option.
func GetInt(fd, level, option int) (int, unix.Errno) {
	if e := ask(OpGetsockopt, fd); e != 0 {
		return 0, e
	}
	var v int32
	size := uint32(4)
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&size)), 0)
	return int(v), e
}

// Unacknowledged returns how many of the bytes that were sent the peer's kernel has not taken yet.
func Unacknowledged(fd int) (int, unix.Errno) {
	if e := ask(OpGetsockopt, fd); e != 0 {
		return 0, e
	}
	var n int32
	_, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	return int(n), e
}

// SetInt sets an integer socket option.
func SetInt(fd, level, option, value int) unix.Errno {
	v := int32(value)
	return set(fd, level, option, unsafe.Pointer(&v), 4)
}

// SetTimeout sets SO_RCVTIMEO or SO_SNDTIMEO.
func SetTimeout(fd, option int, ms int32) unix.Errno {
	t := unix.Timeval{Sec: int64(ms / 1000), Usec: int64(ms%1000) * 1000}
	return set(fd, unix.SOL_SOCKET, option, unsafe.Pointer(&t), unsafe.Sizeof(t))
}

// SetReset makes close(2) send a reset.
func SetReset(fd int) unix.Errno {
	l := unix.Linger{Onoff: 1, Linger: 0}
	return set(fd, unix.SOL_SOCKET, unix.SO_LINGER, unsafe.Pointer(&l), unsafe.Sizeof(l))
}

func set(fd, level, option int, p unsafe.Pointer, size uintptr) unix.Errno {
	if e := ask(OpSetsockopt, fd); e != 0 {
		return e
	}
	_, _, e := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(p), size, 0)
	return e
}

// LocalAddr is getsockname(2).
func LocalAddr(fd int) (netaddr.Sockaddr, unix.Errno) {
	if e := ask(OpGetsockname, fd); e != 0 {
		return netaddr.Sockaddr{}, e
	}
	return name(unix.SYS_GETSOCKNAME, fd)
}

// RemoteAddr is getpeername(2).
func RemoteAddr(fd int) (netaddr.Sockaddr, unix.Errno) {
	if e := ask(OpGetpeername, fd); e != 0 {
		return netaddr.Sockaddr{}, e
	}
	return name(unix.SYS_GETPEERNAME, fd)
}

func name(trap uintptr, fd int) (netaddr.Sockaddr, unix.Errno) {
	var raw unix.RawSockaddrInet6
	size := uint32(unsafe.Sizeof(raw))
	_, _, e := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return netaddr.Sockaddr{}, e
	}
	return netaddr.FromRaw(unsafe.Pointer(&raw), size), 0
}

// SetNonblockCloexec makes an adopted descriptor non-blocking and close-on-exec.
func SetNonblockCloexec(fd int) unix.Errno {
	if e := ask(OpFcntl, fd); e != 0 {
		return e
	}
	flags, _, e := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFL, 0)
	if e != 0 {
		return e
	}
	if _, _, e = unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFL, flags|unix.O_NONBLOCK); e != 0 {
		return e
	}
	_, _, e = unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return e
}

func result(n uintptr, e unix.Errno) (int, unix.Errno) {
	if e != 0 {
		return -1, e
	}
	return int(n), 0
}

// FileLimit returns how many descriptors the process may have.
func FileLimit() int64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(r.Cur)
}
