package lock

// A Rank says what a mutex may be locked inside of: a holder of one may lock those of later ranks
// only.
type Rank interface{ rank() (int, string) }

type (
	// Defaults is the rank of the list of default loops.
	Defaults struct{}
	// Handoff is that of what keeps a host-driven loop where it is.
	Handoff struct{}
	// Loop is that of a loop's list of sockets and its timers.
	Loop struct{}
	// Socket is that of a socket's state and queue. Two are held together when a connection changes
	// hands only: the second is locked by LockSecond.
	Socket struct{}
	// Leaf is that of mutexes inside of which nothing is locked.
	Leaf struct{}
)

func (Defaults) rank() (int, string) { return 1, "default loops" }
func (Handoff) rank() (int, string)  { return 2, "handoff" }
func (Loop) rank() (int, string)     { return 3, "loop" }
func (Socket) rank() (int, string)   { return 4, "socket" }
func (Leaf) rank() (int, string)     { return 5, "leaf" }
