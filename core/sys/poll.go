package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// EpollCreate makes an epoll descriptor.
func EpollCreate() (int, unix.Errno) {
	if e := ask(OpEpollCreate, -1); e != 0 {
		return -1, e
	}
	fd, _, e := unix.RawSyscall(unix.SYS_EPOLL_CREATE1, unix.EPOLL_CLOEXEC, 0, 0)
	return result(fd, e)
}

// EpollAdd puts a descriptor into the set.
func EpollAdd(epfd, fd int, events uint32, data uint64) unix.Errno {
	if e := ask(OpEpollAdd, fd); e != 0 {
		return e
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(data), Pad: int32(data >> 32)}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// EpollDelete takes a descriptor out of the set.
func EpollDelete(epfd, fd int) unix.Errno {
	e := ask(OpEpollDelete, fd)
	var ev unix.EpollEvent
	_, _, e2 := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_DEL, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	if e != 0 {
		return e
	}
	return e2
}

// EpollWait waits for events. With timeout 0 it is a raw call; otherwise the Go
// scheduler is told, since a raw call that waits would stop the garbage collector.
func EpollWait(epfd int, events []unix.EpollEvent, timeoutMs int) (int, unix.Errno) {
	if e := ask(OpEpollWait, epfd); e != 0 {
		return -1, e
	}
	p := uintptr(unsafe.Pointer(unsafe.SliceData(events)))
	if timeoutMs == 0 {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), p, uintptr(len(events)), 0, 0, 0)
		return result(n, e)
	}
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), p, uintptr(len(events)), uintptr(timeoutMs), 0, 0)
	return result(n, e)
}

// Eventfd makes an eventfd.
func Eventfd() (int, unix.Errno) {
	if e := ask(OpEventfd, -1); e != 0 {
		return -1, e
	}
	fd, _, e := unix.RawSyscall(unix.SYS_EVENTFD2, 0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK, 0)
	return result(fd, e)
}

// Signal makes an eventfd readable.
func Signal(fd int) unix.Errno {
	if e := ask(OpWrite, fd); e != 0 {
		return e
	}
	one := uint64(1)
	_, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
	return e
}

// Drain makes an eventfd or timerfd unreadable.
func Drain(fd int) unix.Errno {
	if e := ask(OpRead, fd); e != 0 {
		return e
	}
	var v uint64
	_, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&v)), 8)
	return e
}

// Timerfd makes a timerfd of the monotonic clock.
func Timerfd() (int, unix.Errno) {
	if e := ask(OpTimerfdCreate, -1); e != 0 {
		return -1, e
	}
	fd, _, e := unix.RawSyscall(unix.SYS_TIMERFD_CREATE, unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK, 0)
	return result(fd, e)
}

// SetTimerfd makes a timerfd readable after ns nanoseconds; 0 disarms it.
func SetTimerfd(fd int, ns int64) unix.Errno {
	if e := ask(OpTimerfdSettime, fd); e != 0 {
		return e
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(ns)}
	_, _, e := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	return e
}
