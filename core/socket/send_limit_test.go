package socket

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/sendqueue"
)

// BOUND-8, BOUND-9: many connections, on which threads send as much as they may and wait for drain,
// all get everything through a limit that is far below what they have to say.
func TestTotalLimitOfManySenders(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const senders, piece, pieces = 8, 150_000, 30
		require.Equal(t, errcode.OK, SetTotalQueueLimit(300_000))
		t.Cleanup(func() { SetTotalQueueLimit(0) })
		before := ReadStats().TotalQueueRefusals
		var all sync.WaitGroup
		var left atomic.Int32
		left.Store(2 * senders) // senders, and readers of what they send: the loop is run for both
		data := pattern(piece)
		for id := range senders {
			p, peer := pair(f)
			drained := make(chan struct{}, 1)
			p.when(abi.EventDrain, func(*abi.Event) { drained <- struct{}{} })
			all.Go(func() {
				defer left.Add(-1)
				b, n := numbers(data)
				for i := 0; i < pieces; {
					switch code := p.s.Send(abi.Thread(1<<40+id), b, n, abi.Completion{}); code {
					case errcode.OK:
						i++
					case errcode.Again:
						<-drained
					default:
						t.Errorf("send: %d", code)
						return
					}
				}
			})
			all.Go(func() {
				defer left.Add(-1)
				if n, err := io.CopyN(io.Discard, peer, piece*pieces); err != nil {
					t.Errorf("%d of %d bytes: %v", n, piece*pieces, err)
				}
			})
		}
		f.note = func() string { return fmt.Sprintf("%d send or read, %+v\n", left.Load(), sendqueue.ReadTotal()) }
		f.until("sent", func() bool { return left.Load() == 0 })
		all.Wait()
		assert.Greater(t, ReadStats().TotalQueueRefusals, before)
	})
}

// What is told of a refusal is of this one, not of an earlier failure.
func TestRefusalsSayWhichLimit(t *testing.T) {
	f := newFixture(t, onRun)
	require.Equal(t, errcode.OK, SetTotalQueueLimit(1000))
	t.Cleanup(func() { SetTotalQueueLimit(0) })
	p, _ := pair(f)
	p.set(abi.OptionSendQueueLimit, 1<<30)
	require.Equal(t, errcode.OK, p.send(pattern(20<<20)).code)
	assert.Equal(t, errcode.Again, p.send(pattern(1)).code)
	assert.Contains(t, p.s.ErrorDetail(), "1000 bytes (socket_set_total_queue_limit)")
	p.set(abi.OptionSendQueueLimit, 1000)
	assert.Equal(t, errcode.Again, p.send(pattern(1)).code)
	assert.Contains(t, p.s.ErrorDetail(), "SOCKET_OPTION_SEND_QUEUE_LIMIT")
	p.abort()
	f.until("closed", p.closed)
}
