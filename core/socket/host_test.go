package socket

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/sys"
	"ohsocket/core/tlsengine"
)

// patience is the time that a test waits for an event that must come. TEST_PATIENCE makes it
// shorter where tests are expected to fail (tests/mutations/run.sh).
var patience = patienceOf(os.Getenv("TEST_PATIENCE"))

func patienceOf(text string) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return 30 * time.Second
}

// testHost is the host of the tests: the user data of a listener, completion or
// function is the number of a closure.
type testHost struct {
	mu          sync.RWMutex
	events      []func(*abi.Event)
	completions []func(err int32)
	functions   []func()
	calls       chan struct{} // one waits when there was a call
}

var host = testHost{calls: make(chan struct{}, 1)}

func (h *testHost) called() {
	select {
	case h.calls <- struct{}{}:
	default:
	}
}

// awaitCall waits for a call by a thread of the library, or for what there is to be
// looked at without one.
func (h *testHost) awaitCall(atMost time.Duration) {
	select {
	case <-h.calls:
	case <-time.After(atMost):
	}
}

func (h *testHost) listener(f func(*abi.Event)) abi.Listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, f)
	return abi.Listener{Func: 1, UserData: uintptr(len(h.events))}
}

func (h *testHost) completion(f func(err int32)) abi.Completion {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.completions = append(h.completions, f)
	return abi.Completion{Func: 1, UserData: uintptr(len(h.completions))}
}

func (h *testHost) function(f func()) abi.Function {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.functions = append(h.functions, f)
	return abi.Function{Func: 1, UserData: uintptr(len(h.functions))}
}

func (h *testHost) event(id uintptr) func(*abi.Event) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.events[id-1]
}

func (h *testHost) done(id uintptr) func(int32) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.completions[id-1]
}

func (h *testHost) posted(id uintptr) func() {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.functions[id-1]
}

func (h *testHost) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events, h.completions, h.functions = nil, nil, nil
}

func TestMain(m *testing.M) {
	Host.Event = func(l abi.Listener, e *abi.Event) { host.event(l.UserData)(e); host.called() }
	Host.Completion = func(c abi.Completion, _ int64, err int32) { host.done(c.UserData)(err); host.called() }
	Host.Function = func(f abi.Function) { host.posted(f.UserData)(); host.called() }
	// The poller of package net has descriptors of its own.
	if l, err := net.Listen("tcp4", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	os.Exit(m.Run())
}

// escaped has memory on the heap that is handed to the library as a number.
var escaped atomic.Pointer[byte]

// numbers returns bytes as a C caller gives them. The bytes stay where they are for as
// long as b is used afterwards.
func numbers(b []byte) (data, size uintptr) {
	if len(b) == 0 {
		return 0, 0
	}
	escaped.Store(&b[0])
	return uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))
}

// bytesAt returns a copy of what an event points to.
func bytesAt(p uintptr, size uint64) []byte {
	return append([]byte{}, buffer.FromCaller(p, int(size))...)
}

func textAt(p uintptr) string {
	if p == 0 {
		return ""
	}
	n := 0
	for buffer.FromCaller(p+uintptr(n), 1)[0] != 0 {
		n++
	}
	return string(bytesAt(p, uint64(n)))
}

// usage counts the resources that a test must give back.
type usage struct {
	sockets, loops, queued, blocks int64
	descriptors, goroutines        int
	panics                         uint64
	contexts, sessions, pointers   int // of TLS
}

func inUse() usage {
	u := usage{sockets: library.sockets.Live(), loops: library.loops.Live(), queued: queuedBytes(), panics: library.panics.Load()}
	u.blocks = buffer.Mapped() - buffer.Kept()
	u.descriptors = len(openDescriptors())
	u.goroutines = runtime.NumGoroutine()
	u.contexts, u.sessions, u.pointers = tlsengine.Live()
	return u
}

// openDescriptors says what is open, without the descriptor that looks.
func openDescriptors() []string {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var list []string
	for _, n := range names {
		if n == fmt.Sprint(dir.Fd()) {
			continue
		}
		to, _ := os.Readlink("/proc/self/fd/" + n)
		list = append(list, n+" "+to)
	}
	return list
}

// checkLeaks looks, when all else of the test is over, whether everything was given
// back.
func checkLeaks(t testing.TB) {
	before := inUse()
	described := openDescriptors()
	t.Cleanup(func() {
		host.reset()
		requireUsage(t, before, described)
	})
}

func requireUsage(t testing.TB, before usage, described []string) {
	t.Helper()
	var now usage
	if eventually(patience/4, func() bool {
		now = inUse()
		if now.goroutines < before.goroutines {
			now.goroutines = before.goroutines // one of an earlier test has ended late
		}
		return now == before
	}) {
		return
	}
	stacks := ""
	if now.goroutines != before.goroutines {
		b := make([]byte, 1<<16)
		stacks = string(b[:runtime.Stack(b, true)])
	}
	t.Fatalf("not given back: had %+v, have %+v\n%s\n->\n%s\n%s", before, now,
		strings.Join(described, "\n"), strings.Join(openDescriptors(), "\n"), stacks)
}

// eventually looks again and again whether something is so. It is for what nobody
// reports: descriptors in /proc, goroutines and counters of the library.
func eventually(atMost time.Duration, is func() bool) bool {
	for deadline := time.Now().Add(atMost); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// setHook has every system call of the library ask f until the test ends.
func setHook(t testing.TB, f sys.Hook) {
	sys.SetHook(f)
	t.Cleanup(func() { sys.SetHook(nil) })
}

// lockThread keeps the test on one thread, as the host of a loop is.
func lockThread(t testing.TB) abi.Thread {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return Host.ThreadID()
}
