package netaddr

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

const patience = 20 * time.Second

func receive[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		require.Fail(t, "nothing comes")
	}
	return v
}

// answersOf runs a Resolve.
func answersOf(ctx context.Context, t Target) <-chan Answer {
	answers := make(chan Answer, 3)
	go Resolve(ctx, t, func(a Answer) { answers <- a })
	return answers
}

// ADDR-2: the family whose answer does not come is not waited for longer than 50 ms; when it
// comes in the end it is a further answer.
func TestResolveLateFamily(t *testing.T) {
	for late, want := range map[string][]string{
		"ip6": {"192.0.2.1:80", "[2001:db8::1]:80"}, "ip4": {"[2001:db8::1]:80", "192.0.2.1:80"},
	} {
		answer := make(chan struct{})
		replaceLookup(t, func(ctx context.Context, network, _ string) ([]netip.Addr, error) {
			switch network {
			case "ip":
				<-ctx.Done()
				return nil, ctx.Err()
			case late:
				<-answer
			}
			if network == "ip4" {
				return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("2001:db8::1")}, nil
		})
		began := time.Now()
		answers := answersOf(context.Background(), target(t, "host.example", abi.FamilyUnspecified))
		first := receive(t, answers)
		assert.GreaterOrEqual(t, time.Since(began), resolutionDelay)
		assert.Equal(t, want[:1], texts(first.Addresses))
		assert.False(t, first.Last)
		close(answer)
		second := receive(t, answers)
		assert.Equal(t, want[1:], texts(second.Addresses))
		assert.True(t, second.Last)
	}
}

// A family that has nothing does not end the look-up of the other.
func TestResolveFamilyWithout(t *testing.T) {
	alone := make(chan struct{})
	replaceLookup(t, func(ctx context.Context, network, _ string) ([]netip.Addr, error) {
		switch network {
		case "ip":
			<-alone
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		case "ip6":
			defer close(alone)
			return nil, &net.DNSError{IsNotFound: true}
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	answers := answersOf(context.Background(), target(t, "host.example", abi.FamilyUnspecified))
	only := receive(t, answers)
	assert.Equal(t, []string{"192.0.2.1:80"}, texts(only.Addresses))
	assert.True(t, only.Last)
}

// ADDR-3: those who ask the same share a look-up, which ends when the last of them has left.
func TestLookupShared(t *testing.T) {
	running, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	replaceLookup(t, func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		running <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	})
	host := target(t, "host.example", abi.FamilyIPv4)
	first, leave := context.WithCancel(context.Background())
	second, leaveToo := context.WithCancel(context.Background())
	a, b := answersOf(first, host), answersOf(second, host)
	receive(t, running)
	require.Eventually(t, func() bool { return waitersOf("ip4", "host.example") == 2 }, patience, time.Millisecond)
	leave()
	assert.Equal(t, errcode.Canceled, receive(t, a).Code)
	assert.Equal(t, 1, waitersOf("ip4", "host.example"))
	assert.Empty(t, ended)
	leaveToo()
	assert.Equal(t, errcode.Canceled, receive(t, b).Code)
	receive(t, ended)
	assert.Empty(t, running)
}

func waitersOf(network, host string) int {
	lookups.mu.Lock()
	defer lookups.mu.Unlock()
	if l := lookups.running[lookupKey{network, host}]; l != nil {
		return l.waiters
	}
	return 0
}

// ADDR-3: there are at most so many at the same time; one that waits for its turn ends at once when
// nobody wants it any more.
func TestLookupsBounded(t *testing.T) {
	running, end := make(chan string, maxLookups+2), make(chan struct{})
	replaceLookup(t, func(_ context.Context, _, host string) ([]netip.Addr, error) {
		running <- host
		<-end // like the system's resolver it cannot be interrupted
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all []<-chan Answer
	for i := range maxLookups {
		all = append(all, answersOf(ctx, target(t, "host"+strconv.Itoa(i)+".example", abi.FamilyIPv4)))
	}
	for range maxLookups {
		receive(t, running)
	}
	one, leave := context.WithCancel(context.Background())
	waits := answersOf(one, target(t, "one-more.example", abi.FamilyIPv4))
	leave()
	assert.Equal(t, errcode.Canceled, receive(t, waits).Code)

	cancel() // the slots stay in use
	for _, a := range all {
		assert.Equal(t, errcode.Canceled, receive(t, a).Code)
	}
	last := answersOf(context.Background(), target(t, "last.example", abi.FamilyIPv4))
	require.Eventually(t, func() bool { return waitersOf("ip4", "last.example") == 1 }, patience, time.Millisecond)
	assert.Empty(t, running)
	close(end)
	assert.Equal(t, errcode.OK, receive(t, last).Code)
	assert.Equal(t, "last.example", receive(t, running))
	assert.Empty(t, running)
}

// ADDR-3: the connections to name servers are closed when nobody waits any more.
func TestSystemLookupEnds(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer server.Close()
	dialled := make(chan net.Conn, 4)
	old := dialNameServer
	dialNameServer = func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := old(ctx, "udp4", server.LocalAddr().String())
		dialled <- c
		return c, err
	}
	t.Cleanup(func() { dialNameServer = old })

	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := systemLookup(ctx, "ip", "host.example.")
		ended <- err
	}()
	a, aaaa := receive(t, dialled), receive(t, dialled)
	require.NoError(t, server.SetReadDeadline(time.Now().Add(patience)))
	query := make([]byte, 512)
	for range 2 {
		_, _, err = server.ReadFrom(query)
		require.NoError(t, err)
	}
	began := time.Now()
	leave()
	assert.Error(t, receive(t, ended))
	assert.Less(t, time.Since(began), time.Second)
	for _, c := range []net.Conn{a, aaaa} {
		assert.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed)
	}
	assert.Empty(t, dialled)
}
