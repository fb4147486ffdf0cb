package socket

import (
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// burstSize is how many sockets leave behind what is worth collecting.
	burstSize = 1024
	// burstCalm is how long after the sockets of a burst have gone that is done.
	burstCalm = time.Second
)

// trimming: trim will run.
var trimming atomic.Bool

// forget takes a socket's handle back. It reports whether that was still valid.
func (s *Socket) forget() bool {
	if !sockets.remove(s.handle) {
		return false
	}
	if burstOver() && trimming.CompareAndSwap(false, true) {
		time.AfterFunc(burstCalm, trim)
	}
	return true
}

// burstOver reports whether most sockets of a burst have gone.
func burstOver() bool {
	peak := sockets.peak.Load()
	return peak >= burstSize && sockets.live.Load() <= peak/2
}

// trim gives the memory of a burst of sockets back to the system. By itself the Go runtime keeps
// garbage until as much again has come, or for minutes if the process is quiet now.
func trim() {
	trimming.Store(false)
	if !burstOver() {
		return // they have come back
	}
	sockets.peak.Store(sockets.live.Load())
	debug.FreeOSMemory()
}
