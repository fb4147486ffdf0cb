package abi

// EventType says what happened. In C: SOCKET_EVENT_*. A mask of events, as
// socket_subscribe takes it, has bit 1 << type set for each.
type EventType int32

const (
	// EventConnect: the connection is established; on a server, a client has
	// arrived and the event's connection is its handle.
	EventConnect EventType = 1
	// EventMessage: bytes of a stream, or one whole datagram, have arrived.
	EventMessage EventType = 2
	// EventEnd: the peer sends no more (once, after the last message).
	EventEnd EventType = 3
	// EventDrain: after a refused send the queue has fallen under half its limit.
	EventDrain EventType = 4
	// EventError: the connection has failed; close follows. On UDP sockets and servers it is a
	// notice, and the socket goes on. On a TLS server, remote is the client whose handshake has
	// failed.
	EventError EventType = 5
	// EventClose: the open period is over; the last event of it.
	EventClose EventType = 6
	// EventListening: a UDP socket is bound, or a server is listening.
	EventListening EventType = 7
	// EventCompletion: an operation is complete. Records only; callbacks get a
	// socket_completion instead.
	EventCompletion EventType = 8
	// EventPost: posted work without a function. Records only.
	EventPost EventType = 9
	// EventTimer: a timer without a function has expired. Records only.
	EventTimer EventType = 10
)

// Operation says which kind of call a completion belongs to. In C:
// SOCKET_OPERATION_*.
type Operation int32

const (
	// OperationConnect: socket_connect.
	OperationConnect Operation = 1
	// OperationSend: socket_send, socket_sendv or socket_send_to.
	OperationSend Operation = 2
	// OperationEnd: socket_end.
	OperationEnd Operation = 3
	// OperationClose: socket_close.
	OperationClose Operation = 4
)

// LoopMode says how the events of a host-driven loop are consumed. In C:
// SOCKET_LOOP_*.
type LoopMode int32

const (
	// LoopCallbacks: socket_loop_run calls listeners and completions.
	LoopCallbacks LoopMode = 1
	// LoopRecords: socket_loop_poll fills an array of socket_event.
	LoopRecords LoopMode = 2
)

// Address is one end of a connection as C sees it: socket_address. Its layout
// never changes.
type Address struct {
	// Numeric address (IPv6 with %zone where it has one) or, where the function
	// allows it, a host name. NUL-terminated.
	Address uintptr `c:"const char *"`
	// 0 to 65535, in host byte order.
	Port int32
	// SOCKET_FAMILY_*.
	Family int32
}

// Buffer is a piece of what socket_sendv sends. Its layout is that of struct
// iovec and never changes.
type Buffer struct {
	// The bytes; may be NULL when size is 0.
	Data uintptr `c:"const void *"`
	// Their number.
	Size uint64 `c:"size_t"`
}

// Event describes what happened, to a listener or as a record: socket_event. It is
// filled by the library and is read-only. It points to memory of the library. That is
// valid until the listener returns or, for a record, until the next socket_loop_poll or
// socket_loop_close of that loop. Its layout (96 bytes) never changes; a later version
// may give meaning to the reserved fields.
type Event struct {
	// SOCKET_EVENT_*.
	Type EventType
	// Completion records: SOCKET_OPERATION_*; otherwise 0.
	Operation Operation
	// The socket it happened to; 0 for posted work and timers.
	Socket int64 `c:"socket_handle"`
	// Records: the user_data of socket_subscribe or of the operation.
	UserData uintptr `c:"void *"`
	// 0 or a negative error code: error events and completion records; a close
	// event has the error that ended the period.
	Error int32
	_     int32
	// Message: the bytes. Never NULL for a message, even an empty datagram.
	Data uintptr `c:"const void *"`
	// Message: their number; timer records: the timer's id.
	Size uint64 `c:"size_t"`
	// Connect events of a server: the accepted client, otherwise 0.
	Connection int64 `c:"socket_handle"`
	// Message and server connect events: the sender; error events of a TLS server:
	// the client; otherwise address is NULL.
	Remote Address
	_      [3]uint64
}
