package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sys"
)

// HALF-4: a FIN that cannot be sent ends the connection; otherwise both sides would
// wait for the other's end.
func TestEndCannotBeSent(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		p.set(abi.OptionCloseTimeout, 100)
		setHook(f, func(op sys.Op, _ int) (unix.Errno, int) {
			if op == sys.OpShutdown {
				return unix.ENOBUFS, 0
			}
			return 0, 0
		})
		sent, ended := p.send([]byte("last")), p.end()
		f.until("closed", p.closed)
		wrong := errcode.FromErrno(errcode.Client, unix.ENOBUFS)
		assert.True(t, sent.ok())
		assert.Equal(t, -int32(wrong), ended.err)
		assert.Equal(t, []string{"connect", "error 2301105", "close 2301105"}, p.log)
		assert.Equal(t, "last", string(readN(t, peer, 4)))
	})
}

// DATA-8: the same while reading is paused and bytes are unread: it does not wait for the reader.
func TestEndCannotBeSentWithUnreadBytes(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		p, peer := pair(f)
		setHook(f, func(op sys.Op, _ int) (unix.Errno, int) {
			if op == sys.OpShutdown {
				return unix.ENOBUFS, 0
			}
			return 0, 0
		})
		p.s.Pause()
		peer.Write([]byte("late"))
		fd, _ := p.s.FD()
		assert.True(t, poll(f, fd, patience))
		ended := p.end()
		f.until("ended", ended.over)
		f.until("closed", p.closed)
		assert.Equal(t, -int32(errcode.FromErrno(errcode.Client, unix.ENOBUFS)), ended.err)
		assert.Equal(t, []string{"connect", "error 2301105", "close 2301105"}, p.log)
	})
}
