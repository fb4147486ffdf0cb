package socket

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/sys"
)

// Runs of one size, the ends of which are shorter, empty, or too long to travel together.
var togetherSizes = []int{
	100, 100, 100, 50, 100, 100, 0, 100, 200, 200, 100, 300,
	maxSegment, maxSegment, maxSegment + 1, maxSegment + 1, 9000, 9000, 1, 1, 1, 0, 0, 1,
}

// sendTogether has a socket answer one datagram with many in one callback, to two receivers by
// turns of one, two and more, and looks at what arrives. It returns how many system calls of
// the kind that sends several were made.
func sendTogether(t *testing.T, fails unix.Errno) (batches int) {
	f := newFixture(t, onRun)
	a, from := udp(f)
	var receivers [2]*probe
	var to [2]netaddr.Sockaddr
	for i := range receivers {
		receivers[i], to[i] = udp(f)
		require.Equal(t, errcode.OK, receivers[i].s.SetExtraOptions(Extra{SetReceiveBufferSize: true, ReceiveBufferSize: 262144}))
	}
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSendMany {
			batches++
			return fails, 0
		}
		return 0, 0
	})
	var want [2][][]byte
	var calls []*call
	a.when(abi.EventMessage, func(*abi.Event) {
		for turn := range 4 {
			for i, size := range togetherSizes {
				which := 0
				if turn > 0 {
					which = i / turn % 2
				}
				b := pattern(size)
				if size > 0 {
					b[0] = byte(len(want[which])) // the order
				}
				want[which] = append(want[which], b)
				calls = append(calls, a.sendTo(to[which], b))
			}
		}
	})
	receivers[0].sendTo(from, []byte("go"))
	f.until("arrived", func() bool {
		return len(want[0]) > 0 && len(receivers[0].packets) == len(want[0]) && len(receivers[1].packets) == len(want[1])
	})
	for i, r := range receivers {
		for k, p := range r.packets {
			require.True(t, bytes.Equal(want[i][k], p), "datagram %d of receiver %d has %d bytes instead of %d", k, i, len(p), len(want[i][k]))
		}
	}
	f.until("complete", func() bool { return calls[len(calls)-1].ran == 1 })
	for _, c := range calls {
		assert.True(t, c.ok())
	}
	return batches
}

// DATA-10: they are cut apart again.
func TestDatagramsTogether(t *testing.T) { sendTogether(t, 0) }

// A way on which they cannot travel together, and a kernel without room for a moment.
func TestDatagramsTogetherRefused(t *testing.T) {
	for _, e := range []unix.Errno{unix.EIO, unix.EINVAL, unix.EINTR} {
		t.Run(e.Error(), func(t *testing.T) { assert.NotZero(t, sendTogether(t, e)) })
	}
}

// The error of an earlier datagram is a notice, and nobody's failure: ORDER-6.
func TestDatagramsTogetherNotice(t *testing.T) {
	f := newFixture(t, onRun)
	a := f.socket(abi.KindUDP)
	b, to := udp(f)
	c := a.connect(target(t, "127.0.0.1", to.Port()), 0)
	f.until("connected", c.ok)
	first := true
	setHook(t, func(op sys.Op, _ int) (unix.Errno, int) {
		if op == sys.OpSendMany && first {
			first = false
			return unix.ECONNREFUSED, 0
		}
		return 0, 0
	})
	var calls []*call
	require.Equal(t, errcode.OK, f.loop.Post(host.function(func() {
		for i := range 2 * packetBatch {
			calls = append(calls, a.send([]byte{byte(i)}))
		}
	})))
	f.until("arrived", func() bool { return len(b.packets) == 2*packetBatch })
	for i, c := range calls {
		assert.True(t, c.ok())
		assert.Equal(t, []byte{byte(i)}, b.packets[i])
	}
	f.settle()
	assert.Equal(t, []string{"connect", "error 2301111"}, a.log)
}
