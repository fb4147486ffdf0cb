package socket

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// Whoever is answered by the text of an event gets the answer, and what is kept of the last
// sender changes no other address.
func TestReceiverIsWhoseTextItIs(t *testing.T) {
	f := newFixture(t, onRun)
	p := f.socket(abi.KindUDP)
	require.Equal(t, errcode.OK, p.bind("::", 0)) // of both families
	var senders []*probe
	for _, text := range []string{"127.0.0.1", "::1", "127.0.0.2", "127.0.0.1"} {
		s := f.socket(abi.KindUDP)
		require.Equal(t, errcode.OK, s.bind(text, 0))
		senders = append(senders, s)
		c := s.connect(target(t, map[bool]string{true: "::1", false: "127.0.0.1"}[text == "::1"], p.port()), 0)
		f.until("connected", c.ok)
	}
	p.when(abi.EventMessage, func(e *abi.Event) {
		text, port, family := textAt(e.Remote.Address), e.Remote.Port, abi.Family(e.Remote.Family)
		to, code := p.s.Receiver(f.thread, []byte(text), port, family)
		require.Equal(t, errcode.OK, code)
		p.sendTo(to, []byte(fmt.Sprint(port)))
		for _, other := range []string{"127.0.0.3", "::2", text + "x", "", "localhost"} {
			for _, port := range []int32{port, -1, 65536} {
				want, wanted := p.s.LocalAddress(other, port, family)
				got, code := p.s.Receiver(f.thread, []byte(other), port, family)
				assert.Equal(t, wanted, code)
				assert.Equal(t, want, got)
			}
		}
		_, code = p.s.Receiver(f.thread, []byte(text), 65536, family)
		assert.Equal(t, errcode.Parameter, code)
		_, code = p.s.Receiver(f.thread, []byte(text), port, abi.FamilyIPv4)
		assert.Equal(t, errcode.Parameter, code, "of another family")
	})
	for round := range 3 {
		for _, s := range senders {
			s.send([]byte("x"))
			f.until("answered", func() bool { return len(s.packets) == round+1 })
			assert.Equal(t, fmt.Sprint(s.port()), string(s.packets[round]))
		}
	}
}
