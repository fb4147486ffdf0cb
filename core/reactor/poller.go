package reactor

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/sys"
)

// An event holds EPOLL* bits and the number that the descriptor was added with, in the kernel's
// own form.
type event = unix.EpollEvent

// A poller tells which descriptors have become ready, each change once (edge-triggered). A
// descriptor is added once, and removed before it is closed.
type poller interface {
	// add begins to watch a descriptor for EPOLL* bits.
	add(fd int, events uint32, data uint64) unix.Errno
	remove(fd int)
	// wait returns the number of events, after up to timeout milliseconds (negative: without limit)
	// if there are none.
	wait(events []event, timeout int) (int, unix.Errno)
	// fd is a descriptor that is readable while wait would return events.
	fd() int
	close()
}

// epoll is the poller of Linux.
type epoll int

func newEpoll() (epoll, unix.Errno) {
	fd, e := sys.EpollCreate()
	return epoll(fd), e
}

func (p epoll) add(fd int, events uint32, data uint64) unix.Errno {
	return sys.EpollAdd(int(p), fd, events, data)
}

func (p epoll) remove(fd int) { sys.EpollDelete(int(p), fd) }

func (p epoll) wait(events []event, timeout int) (int, unix.Errno) {
	return sys.EpollWait(int(p), events, timeout)
}

func (p epoll) fd() int { return int(p) }

func (p epoll) close() { sys.Close(int(p)) }
