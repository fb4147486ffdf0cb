package netaddr

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
)

// Lookup asks the system for the addresses of a host; network is "ip", "ip4"
// or "ip6". It is a variable so that tests need no name server, and must not
// be changed while a Resolve is running.
var Lookup lookupFunc = systemLookup

type lookupFunc = func(ctx context.Context, network, host string) ([]netip.Addr, error)

// maxLookups bounds the look-ups that run at the same time; further ones wait.
// Each has two descriptors or, where the system's resolver is needed, a thread
// that cannot be interrupted and that the Go runtime keeps for good.
const maxLookups = 64

// dialNameServer is a variable for tests.
var dialNameServer = (&net.Dialer{}).DialContext

var errPanicked = errors.New("the resolver panicked")

var lookups = lookupTable{running: map[lookupKey]*sharedLookup{}, slots: make(chan struct{}, maxLookups)}

type lookupKey struct{ network, host string }

// lookupTable holds the look-ups under way. Those who ask the same share one.
type lookupTable struct {
	mu      sync.Mutex
	running map[lookupKey]*sharedLookup
	slots   chan struct{}
}

// sharedLookup ends when nobody waits for it any more.
type sharedLookup struct {
	waiters int // under the table's lock
	cancel  context.CancelFunc
	done    chan struct{} // closed when addrs and err are there
	addrs   []netip.Addr
	err     error
}

// ask waits for the addresses of a host, or for the end of the context.
func (t *lookupTable) ask(ctx context.Context, look lookupFunc, network, host string) ([]netip.Addr, error) {
	key := lookupKey{network, host}
	l := t.join(look, key)
	defer t.leave(key, l)
	select {
	case <-l.done:
		return l.addrs, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join returns the look-up under way, or begins one.
func (t *lookupTable) join(look lookupFunc, key lookupKey) *sharedLookup {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.running[key]
	if l == nil {
		var ctx context.Context
		l = &sharedLookup{done: make(chan struct{})}
		ctx, l.cancel = context.WithCancel(context.Background())
		t.running[key] = l
		go t.run(ctx, look, key, l)
	}
	l.waiters++
	return l
}

func (t *lookupTable) leave(key lookupKey, l *sharedLookup) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.waiters--; l.waiters == 0 {
		t.forgetLocked(key, l)
		l.cancel()
	}
}

// forgetLocked lets the next who asks begin anew.
func (t *lookupTable) forgetLocked(key lookupKey, l *sharedLookup) {
	if t.running[key] == l {
		delete(t.running, key)
	}
}

func (t *lookupTable) run(ctx context.Context, look lookupFunc, key lookupKey, l *sharedLookup) {
	defer func() {
		// The library lives in processes that a panic here must not end.
		if recover() != nil {
			l.addrs, l.err = nil, errPanicked
		}
		t.mu.Lock()
		t.forgetLocked(key, l)
		t.mu.Unlock()
		l.cancel()
		close(l.done)
	}()
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		l.err = ctx.Err()
		return
	}
	l.addrs, l.err = look(ctx, key.network, key.host)
}

// systemLookup returns when the look-up has ended, not when the context has:
// that of the system's resolver, a blocking call, goes on, and its slot must
// not be free before. Those of Go end with the context, because it closes their
// connections to the name servers.
func systemLookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	resolver := net.Resolver{Dial: func(call context.Context, network, address string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := dialNameServer(call, network, address)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			context.AfterFunc(call, func() { stop() }) // call ends with the exchange
		}
		return c, err
	}}
	return resolver.LookupNetIP(context.Background(), network, host)
}
