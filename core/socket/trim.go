package socket

import (
	"sync/atomic"
	"time"

	"ohsocket/core/goruntime"
	"ohsocket/core/handle"
	"ohsocket/core/tlsengine"
)

const (
	// burstCalm is how long after the sockets of a burst have gone that is done.
	burstCalm = time.Second
	// trimTries collections at most, each trimPause after the other, are made for the free pages of processors.
	trimTries = 8
	trimPause = 200 * time.Millisecond
)

// unseen are the clients of TLS servers that have no handle, since their handshakes run: the most that strangers can
// have a server hold.
var unseen handle.Counter

// trimming: trim will run.
var trimming atomic.Bool

// trimLive is how many there were at the last look.
var trimLive atomic.Int64

// forget takes a socket's handle back. It reports whether that was still valid.
func (s *Socket) forget() bool {
	if !sockets.Remove(s.handle) {
		return false
	}
	trimSoon()
	return true
}

// trimSoon has trim run if a burst is over.
func trimSoon() {
	if burstOver() && trimming.CompareAndSwap(false, true) {
		trimLive.Store(living())
		time.AfterFunc(burstCalm, trim)
	}
}

func living() int64 { return sockets.Live() + unseen.Live() }

func burstOver() bool { return sockets.BurstOver() || unseen.BurstOver() }

// trim gives the memory of a burst of sockets back to the system. The allocator of C, from which
// OpenSSL has its memory, keeps what is free below the last block in use. It is done again a second
// later, and until little is left to give back.
func trim() {
	if live := living(); live < trimLive.Swap(live) {
		time.AfterFunc(burstCalm, trim) // they are still going
		return
	}
	seen := sockets.Rebase()
	if !unseen.Rebase() && !seen {
		trimming.Store(false)
		return // they have come back
	}
	sockets.Shrink()
	goruntime.GiveBack()
	tlsengine.Trim()
	time.AfterFunc(burstCalm, func() { giveBack(trimTries) })
}

func giveBack(tries int) {
	if goruntime.GiveBackMore() && tries > 1 {
		time.AfterFunc(trimPause, func() { giveBack(tries - 1) })
		return
	}
	trimming.Store(false)
	trimSoon() // there may have been another burst
}
