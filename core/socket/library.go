package socket

import (
	"os"
	"sync/atomic"

	"ohsocket/core/handle"
)

// library holds the mutable state that exists once in a process and belongs to no loop and no
// socket. (Host is set before there is any; the pools of blocks are in package buffer, the limit
// of all send queues is in package sendqueue.) Each member
// has a lock of its own, or is atomic.
var library struct {
	sockets handle.Table[Socket]
	loops   handle.Table[Loop]
	// establishing are the clients of TLS servers that have no handle while their handshakes run:
	// the most that strangers can have a server hold.
	establishing handle.Counter
	defaults     *defaultLoops

	compat   atomic.Bool // of sockets that are made from now on
	accepted atomic.Uint64
	panics   atomic.Uint64
	retired  totals

	trimming atomic.Bool  // trim will run
	trimLive atomic.Int64 // how many sockets there were at its last look
}

func init() {
	library.loops.Tag = handle.Tagged
	library.establishing.Burst = handshakeBurst
	library.defaults = newDefaults()
	library.compat.Store(os.Getenv("OHSOCKET_COMPAT") == "1")
}
