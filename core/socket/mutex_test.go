package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/buffer"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// THREAD-1: a thread that needs the mutex of a socket does not wait for another one that maps
// memory. (The strict build panics wherever a block is made or freed under it.)
func TestMemoryIsMappedWithoutTheMutex(t *testing.T) {
	f := newFixture(t, onRun)
	datagrams, from := udp(f)
	other, to := udp(f)
	stream, peer := pair(f)
	f.settle()
	fds := map[int]bool{datagrams.fd(): true, stream.fd(): true}
	mapped := 0
	setHook(f, func(op sys.Op, fd int) (unix.Errno, int) {
		if op == sys.OpMap {
			mapped++
			for _, s := range []*Socket{datagrams.s, stream.s} {
				if assert.True(t, s.mu.Mutex.TryLock(), "the mutex is held") {
					s.mu.Mutex.Unlock()
				}
			}
		}
		if op == sys.OpSend && fds[fd] {
			delete(fds, fd)
			return unix.EAGAIN, 0
		}
		return 0, 0
	})
	var calls []*call
	for i, send := range []func() *call{
		func() *call { return datagrams.sendTo(to, pattern(40_000)) },
		func() *call { return datagrams.sendTo(to, pattern(maxPacket)) },
		func() *call { return stream.send(pattern(100_000)) },
	} {
		buffer.UnmapFree()
		calls = append(calls, send())
		require.Greater(t, mapped, i, "it was not queued in memory of its own")
	}
	// With any event what the kernel has refused once is tried again.
	write(f, peer, []byte("x"))
	other.sendTo(from, []byte("x"))
	f.until("done", func() bool { return calls[0].ok() && calls[1].ran == 1 && calls[2].ok() })
	assert.Equal(t, -int32(errcode.MessageSize), calls[1].err)
}
