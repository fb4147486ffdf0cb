package netaddr

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// replaceLookup waits first until nobody is left who waits for an earlier look-up: a Resolve has
// reported its last answer before it leaves, and the next one for the same host would share it.
func replaceLookup(t *testing.T, f lookup) {
	require.Eventually(t, noLookupShared, patience, time.Millisecond)
	old := Lookup
	Lookup = f
	t.Cleanup(func() { Lookup = old })
}

func noLookupShared() bool {
	lookups.mu.Lock()
	defer lookups.mu.Unlock()
	return len(lookups.running) == 0
}

// answer makes Lookup give these addresses, whatever the network.
func answer(t *testing.T, texts ...string) {
	replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) {
		var addrs []netip.Addr
		for _, text := range texts {
			addrs = append(addrs, netip.MustParseAddr(text))
		}
		return addrs, nil
	})
}

func target(t *testing.T, text string, family abi.Family) Target {
	t.Helper()
	target, code := ParseTarget(text, 80, family)
	require.Equal(t, errcode.OK, code)
	return target
}

// resolve returns what all answers together have.
func resolve(ctx context.Context, t Target) (addrs []Sockaddr, code errcode.Code) {
	Resolve(ctx, t, func(a Answer) { addrs, code = append(addrs, a.Addresses...), a.Code })
	return addrs, code
}

func texts(addrs []Sockaddr) []string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return list
}

func TestResolveWithoutLookup(t *testing.T) {
	replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) {
		t.Error("a lookup")
		return nil, errors.New("no")
	})
	for _, test := range []struct {
		text   string
		family abi.Family
		want   []string
	}{
		{"192.0.2.1", abi.FamilyUnspecified, []string{"192.0.2.1:80"}},
		{"fe80::1%lo", abi.FamilyIPv6, []string{"[fe80::1%lo]:80"}},
		{"localhost", abi.FamilyUnspecified, []string{"127.0.0.1:80", "[::1]:80"}},
		{"LocalHost.", abi.FamilyUnspecified, []string{"127.0.0.1:80", "[::1]:80"}},
		{"localhost", abi.FamilyDomain, []string{"127.0.0.1:80", "[::1]:80"}},
		{"localhost", abi.FamilyIPv4, []string{"127.0.0.1:80"}},
		{"localhost", abi.FamilyIPv6, []string{"[::1]:80"}},
	} {
		addrs, code := resolve(context.Background(), target(t, test.text, test.family))
		assert.Equal(t, errcode.OK, code)
		assert.Equal(t, test.want, texts(addrs))
	}
}

func TestResolveNetwork(t *testing.T) {
	for family, want := range map[abi.Family]string{
		abi.FamilyUnspecified: "ip", abi.FamilyIPv4: "ip4", abi.FamilyIPv6: "ip6", abi.FamilyDomain: "ip",
	} {
		replaceLookup(t, func(_ context.Context, network, host string) ([]netip.Addr, error) {
			assert.Equal(t, want, network)
			assert.Equal(t, "host.example", host)
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
		})
		addrs, code := resolve(context.Background(), target(t, "host.example", family))
		assert.Equal(t, errcode.OK, code)
		for _, a := range addrs {
			assert.True(t, family.Allows(a.AddressFamily()))
		}
	}
}

func TestResolveOrder(t *testing.T) {
	answer(t, "2001:db8::1", "2001:db8::2", "2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2", "fe80::1%lo", "fe80::1%nosuch0")
	host := "host.example"
	addrs, code := resolve(context.Background(), target(t, host, abi.FamilyDomain))
	assert.Equal(t, errcode.OK, code)
	assert.Equal(t, []string{
		"[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80", "[fe80::1%lo]:80",
	}, texts(addrs))

	addrs, code = resolve(context.Background(), target(t, host, abi.FamilyIPv4))
	assert.Equal(t, errcode.OK, code)
	assert.Equal(t, []string{"192.0.2.1:80", "192.0.2.2:80"}, texts(addrs))

	answer(t, "192.0.2.1")
	_, code = resolve(context.Background(), target(t, host, abi.FamilyIPv6))
	assert.Equal(t, errcode.Resolve, code)
}

func TestResolveFailure(t *testing.T) {
	host := target(t, "host.example", abi.FamilyUnspecified)
	fail := func(err error) {
		replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) { return nil, err })
	}
	fail(&net.DNSError{Err: "no such host", Name: "host.example", IsNotFound: true})
	addrs, code := resolve(context.Background(), host)
	assert.Equal(t, errcode.Resolve, code)
	assert.Empty(t, addrs)

	fail(nil)
	_, code = resolve(context.Background(), host)
	assert.Equal(t, errcode.Resolve, code)

	replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{{}}, nil
	})
	_, code = resolve(context.Background(), host)
	assert.Equal(t, errcode.Resolve, code)

	replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) { panic("resolver") })
	addrs, code = resolve(context.Background(), host)
	assert.Equal(t, errcode.Internal, code)
	assert.Empty(t, addrs)
}

func TestResolveContext(t *testing.T) {
	host := target(t, "host.example", abi.FamilyUnspecified)
	started := make(chan struct{}, 1)
	replaceLookup(t, func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		started <- struct{}{}
		<-ctx.Done()
		return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	})

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, code := resolve(ctx, host)
	assert.Equal(t, errcode.TimedOut, code)

	// Once the context has ended nothing is looked up.
	<-started
	_, code = resolve(ctx, host)
	assert.Equal(t, errcode.TimedOut, code)
	assert.Empty(t, started)

	ctx, cancel = context.WithCancel(context.Background())
	go func() {
		<-started
		cancel()
	}()
	_, code = resolve(ctx, host)
	assert.Equal(t, errcode.Canceled, code)
}

// lateContext has a deadline that has passed but has not noticed it yet.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestResolveDeadlineBeforeContext(t *testing.T) {
	replaceLookup(t, func(context.Context, string, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	})
	_, code := resolve(lateContext{context.Background()}, target(t, "host.example", abi.FamilyUnspecified))
	assert.Equal(t, errcode.TimedOut, code)
}

func TestInterleave(t *testing.T) {
	list := func(texts ...string) []Sockaddr {
		addrs := []Sockaddr{}
		for _, text := range texts {
			addrs = append(addrs, literal(t, text, 1))
		}
		return addrs
	}
	for _, test := range []struct{ in, want []Sockaddr }{
		{nil, list()},
		{list("1.1.1.1"), list("1.1.1.1")},
		{list("::1", "::2", "::3"), list("::1", "::2", "::3")},
		{list("::1", "::2", "1.1.1.1", "1.1.1.2"), list("::1", "1.1.1.1", "::2", "1.1.1.2")},
		{list("1.1.1.1", "::1", "::2", "::3"), list("1.1.1.1", "::1", "::2", "::3")},
		{list("::1", "1.1.1.1", "::2", "::3", "::4"), list("::1", "1.1.1.1", "::2", "::3", "::4")},
	} {
		before := append([]Sockaddr(nil), test.in...)
		assert.Equal(t, test.want, Interleave(test.in))
		assert.Equal(t, before, append([]Sockaddr(nil), test.in...))
	}
}
