package socket

import (
	"time"

	"ohsocket/core/goruntime"
	"ohsocket/core/handle"
	"ohsocket/core/tlsengine"
)

const (
	// handshakeBurst is the number of TLS clients that leave behind what is worth collecting: 45
	// KiB of C's heap each, where a socket leaves 250 bytes of Go's.
	handshakeBurst = 128
	// burstCalm is the time from the end of a burst of sockets until trim.
	burstCalm = time.Second
	// trimTries collections at most, each trimPause after the other, are made for the free pages of
	// processors.
	trimTries = 8
	trimPause = 200 * time.Millisecond
)

// forget takes a socket's handle back. It reports whether that was still valid.
func (s *Socket) forget() bool {
	if !library.sockets.Remove(s.handle) {
		return false
	}
	trimSoon()
	return true
}

// trimSoon has trim run if a burst is over.
func trimSoon() {
	if burstOver() && library.trimming.CompareAndSwap(false, true) {
		library.trimLive.Store(living())
		time.AfterFunc(burstCalm, trim)
	}
}

func living() int64 { return library.sockets.Live() + library.establishing.Live() }

func burstOver() bool { return library.sockets.BurstOver() || library.establishing.BurstOver() }

// trim gives the memory of a burst of sockets back to the system. The allocator of C, from which
// OpenSSL has its memory, keeps what is free below the last block in use. It is done again a second
// later, and until little is left to give back.
func trim() {
	if live := living(); live < library.trimLive.Swap(live) {
		time.AfterFunc(burstCalm, trim) // they are still going
		return
	}
	largest := max(library.sockets.Rebase(), library.establishing.Rebase())
	if largest == 0 {
		library.trimming.Store(false)
		return // they have come back
	}
	tlsengine.Trim()
	if largest < handle.BurstSize {
		library.trimming.Store(false) // so few have left little in Go's heap
		trimSoon()
		return
	}
	library.sockets.Shrink()
	goruntime.GiveBack()
	time.AfterFunc(burstCalm, func() { giveBack(trimTries) })
}

func giveBack(tries int) {
	if goruntime.GiveBackMore() && tries > 1 {
		time.AfterFunc(trimPause, func() { giveBack(tries - 1) })
		return
	}
	library.trimming.Store(false)
	trimSoon() // there may have been another burst
}
