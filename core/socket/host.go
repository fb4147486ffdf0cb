package socket

import (
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
)

// Host is set once, before the first socket is made; tests put their own functions
// here.
var Host = abi.Caller{ThreadID: func() abi.Thread { return abi.Thread(unix.Gettid()) }}
