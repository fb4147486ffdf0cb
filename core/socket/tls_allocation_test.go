package socket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// tlsEnds are a client and its server's connection, both of the library and on one loop, so that
// nothing else is measured.
func tlsEnds(f *fixture, client *probe) *Socket {
	server := secured(f.deaf(abi.KindTLSServer))
	require.Equal(f, errcode.OK, server.serve())
	server.listen(1<<abi.EventConnect | 1<<abi.EventClose)
	secured(client)
	c := client.connect(target(f, "127.0.0.1", server.port()), 0)
	f.until("connected", func() bool { return c.ok() && len(server.children) == 1 })
	f.settle()
	return server.children[0].s
}

// A client sends from outside callbacks, the connection answers in its own.
func TestAllocationsOfTLS(t *testing.T) {
	var connection *Socket
	var thread abi.Thread
	var completion abi.Completion
	completed, heard := 0, 0
	f, answer, done := allocationFixture(t, onRun, func(e *abi.Event) {
		if connection.Send(thread, e.Data, uintptr(e.Size), completion) != errcode.OK {
			panic("send")
		}
	}, func(int32) { completed++ })
	listen := host.listener(func(*abi.Event) { heard++ })
	completion, thread = done, f.thread
	client := f.deaf(abi.KindTLS)
	connection = tlsEnds(f, client)
	connection.Off(abi.EventMessage, abi.Listener{})
	connection.On(abi.EventMessage, answer)
	client.s.On(abi.EventMessage, listen)
	data, size := numbers(make([]byte, roundSize))
	requireNoAllocations(t, func() {
		before := heard
		if client.s.Send(0, data, size, completion) != errcode.OK {
			t.Fatal("send")
		}
		for heard == before {
			f.loop.Run(f.thread, -1)
		}
	})
	require.NotZero(t, completed)
}

func TestAllocationsOfTLSRecords(t *testing.T) {
	f, _, completion := allocationFixture(t, onPoll, nil, func(int32) {})
	client := f.socket(abi.KindTLS)
	connection := tlsEnds(f, client)
	out := f.out
	data, size := numbers(make([]byte, roundSize))
	requireNoAllocations(t, func() {
		if client.s.Send(0, data, size, completion) != errcode.OK {
			t.Fatal("send")
		}
		for heard := false; !heard; {
			n, _ := f.loop.Poll(f.thread, out, -1)
			for i := range out[:n] {
				if out[i].Type != abi.EventMessage {
					continue
				}
				if out[i].Socket == client.s.Handle() {
					heard = true
					continue
				}
				connection.Send(f.thread, out[i].Data, uintptr(out[i].Size), completion)
			}
			f.loop.Flush()
		}
	})
}
