package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ohsocket/core/netaddr"
)

// Membership is a change of what a socket is a member of.
type Membership bool

const (
	Join  Membership = true
	Leave Membership = false
)

// storage is struct sockaddr_storage.
type storage struct {
	address netaddr.Sockaddr
	_       [128 - unsafe.Sizeof(netaddr.Sockaddr{})]byte
}

// groupSourceRequest is struct group_source_req. Without source it is struct group_req.
type groupSourceRequest struct {
	index  uint32
	_      uint32
	group  storage
	source storage
}

// ChangeMembership joins or leaves a group on an interface, 0 for the kernel's choice. source is
// invalid if any may send.
func ChangeMembership(fd int, change Membership, group netaddr.Sockaddr, index uint32, source netaddr.Sockaddr) unix.Errno {
	level := unix.SOL_IP
	if group.Is6() {
		level = unix.SOL_IPV6
	}
	request := groupSourceRequest{index: index, group: storage{address: group}, source: storage{address: source}}
	size := unsafe.Sizeof(request)
	option := unix.MCAST_JOIN_SOURCE_GROUP
	switch {
	case source.IsValid() && change == Leave:
		option = unix.MCAST_LEAVE_SOURCE_GROUP
	case !source.IsValid():
		size = unsafe.Offsetof(request.source)
		option = unix.MCAST_JOIN_GROUP
		if change == Leave {
			option = unix.MCAST_LEAVE_GROUP
		}
	}
	return set(fd, level, option, unsafe.Pointer(&request), size)
}

// SetMulticastInterface4 sets the interface by which datagrams for IPv4 groups leave.
func SetMulticastInterface4(fd int, index int32) unix.Errno {
	request := unix.IPMreqn{Ifindex: index}
	return set(fd, unix.SOL_IP, unix.IP_MULTICAST_IF, unsafe.Pointer(&request), unsafe.Sizeof(request))
}
