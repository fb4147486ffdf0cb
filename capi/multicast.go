package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: int socket_join_group(socket_handle socket, const socket_multicast_group *group)
//
// socket_join_group makes a UDP socket a member of a multicast group: it receives what is sent to
// the group and its own port. A socket may be a member of several groups, and of one on several
// interfaces or with several sources. The memberships end with the open period. A multicast socket
// that is not open is bound to the port of the group first, on all interfaces, and has its
// listening event; any other UDP socket must be bound. From its first membership on a socket
// receives nothing for groups that only others on this machine have joined. An IPv6 socket joins
// IPv4 groups too, unless SOCKET_OPTION_IPV6_ONLY is on.
// Errors:
//   - SOCKET_ERROR_PARAMETER: the address, the interface or the source cannot be read.
//   - SOCKET_ERROR_INVAL: the address is not that of a group.
//   - SOCKET_ERROR_ADDRINUSE: it is a member already, or the port is taken.
//   - SOCKET_ERROR_NODEV: there is no such interface, or no route to the group.
//   - SOCKET_ERROR_AFNOSUPPORT: the socket has another family.
//   - SOCKET_ERROR_NOBUFS: the system allows no more memberships (igmp_max_memberships).
//   - SOCKET_ERROR_BADF: a UDP socket that is not bound.
//   - SOCKET_ERROR_ALREADY: it is closing, or another thread opens it.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketJoinGroup
func goSocketJoinGroup(handle int64, group uintptr) (result int32) {
	defer guard(&result)
	return withGroup(handle, "join_group", group, (*socket.Socket).JoinGroup)
}

// C: int socket_leave_group(socket_handle socket, const socket_multicast_group *group)
//
// socket_leave_group ends a membership. group names the same group, interface and
// source as the join did; the port means nothing.
// The socket stays open.
// Errors:
//   - SOCKET_ERROR_PARAMETER: the address, the interface or the source cannot be read.
//   - SOCKET_ERROR_ADDRNOTAVAIL: it is not a member.
//   - SOCKET_ERROR_BADF: the socket is not open.
//   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
//
//export goSocketLeaveGroup
func goSocketLeaveGroup(handle int64, group uintptr) (result int32) {
	defer guard(&result)
	return withGroup(handle, "leave_group", group, (*socket.Socket).LeaveGroup)
}

func withGroup(handle int64, operation string, group uintptr, do func(*socket.Socket, socket.GroupText) errcode.Code) int32 {
	return with(handle, func(s *socket.Socket) errcode.Code {
		var g abi.MulticastGroup
		if code := readOptions(s, operation, "SOCKET_MULTICAST_GROUP_INIT", group, &g); code != errcode.OK {
			return code
		}
		return do(s, socket.GroupText{
			Address: cString(g.Address.Address), Port: g.Address.Port, Family: abi.Family(g.Address.Family),
			Interface: cString(g.Interface), Source: cString(g.Source),
		})
	})
}
