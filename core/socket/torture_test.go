package socket

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/buffer"
	"ohsocket/core/sys"
)

// tortureBulk is more than the kernel's buffers take at once.
const tortureBulk = 1 << 20

// plausible has the errors with which the kernel may fail each call, even if it did
// nothing wrong, and for some that never fail one that stands for a host's sandbox.
// EAGAIN is not among them: see again_test.go.
var plausible = map[sys.Op][]unix.Errno{
	sys.OpSocket:         {unix.EMFILE, unix.ENOBUFS, unix.EACCES, unix.EAFNOSUPPORT},
	sys.OpBind:           {unix.EADDRINUSE, unix.EACCES, unix.EADDRNOTAVAIL},
	sys.OpListen:         {unix.EADDRINUSE},
	sys.OpConnect:        {unix.ECONNREFUSED, unix.ENETUNREACH, unix.EADDRNOTAVAIL, unix.EPERM},
	sys.OpAccept:         {unix.EMFILE, unix.ECONNABORTED, unix.EINTR, unix.ENOMEM, unix.EPERM},
	sys.OpRecv:           {unix.ECONNRESET, unix.EINTR, unix.ETIMEDOUT},
	sys.OpRecvMany:       {unix.ECONNREFUSED, unix.EINTR, unix.ENOMEM},
	sys.OpSend:           {unix.EPIPE, unix.ECONNRESET, unix.EINTR, unix.ENOBUFS, unix.ENOMEM},
	sys.OpSendMany:       {unix.ECONNREFUSED, unix.EINTR, unix.ENOBUFS, unix.EPERM},
	sys.OpShutdown:       {unix.ENOTCONN, unix.ENOBUFS},
	sys.OpClose:          {unix.EIO, unix.EINTR},
	sys.OpGetsockopt:     {unix.ENOBUFS},
	sys.OpSetsockopt:     {unix.ENOPROTOOPT, unix.ENOMEM},
	sys.OpGetsockname:    {unix.ENOBUFS},
	sys.OpGetpeername:    {unix.ENOTCONN},
	sys.OpFcntl:          {unix.EPERM},
	sys.OpEpollCreate:    {unix.EMFILE},
	sys.OpEpollAdd:       {unix.ENOMEM, unix.ENOSPC},
	sys.OpEpollDelete:    {unix.ENOENT},
	sys.OpEpollWait:      {unix.EINTR},
	sys.OpEventfd:        {unix.EMFILE},
	sys.OpTimerfdCreate:  {unix.EMFILE},
	sys.OpTimerfdSettime: {unix.EPERM},
	sys.OpRead:           {unix.EPERM},
	sys.OpWrite:          {unix.EPERM},
	sys.OpMap:            {unix.ENOMEM},
}

// mishap makes the nth of the plausible calls fail, with the errno of that number.
type mishap struct {
	calls  atomic.Int64
	at     int64
	choice int

	fired atomic.Bool
	op    sys.Op
	errno unix.Errno
	more  bool // there is another errno for this call
}

func (m *mishap) hook(op sys.Op, _ int) (unix.Errno, int) {
	list := plausible[op]
	if len(list) == 0 || m.calls.Add(1) != m.at {
		return 0, 0
	}
	m.op = op
	m.more = m.choice+1 < len(list)
	m.fired.Store(true)
	m.errno = list[m.choice%len(list)]
	return m.errno, 0
}

// Every call of a scenario fails once with everything it may fail with: whatever
// happens, completions and close events come exactly once and nothing is left over.
func TestTorture(t *testing.T) {
	tortured, all := map[sys.Op]bool{}, 0
	for _, s := range scenarios {
		for _, v := range []venue{onRun, onPoll} {
			t.Run(fmt.Sprint(s.name, " ", v), func(t *testing.T) {
				torture(t, s, v, tortured)
				all++
			})
		}
	}
	if all < 2*len(scenarios) {
		return // -run has picked some
	}
	for op := range plausible {
		switch op {
		case sys.OpEpollCreate, sys.OpEventfd, sys.OpTimerfdCreate: // TestTortureLoop
		default:
			assert.True(t, tortured[op], "no scenario makes call %d", op)
		}
	}
}

func torture(t *testing.T, s scenario, v venue, tortured map[sys.Op]bool) {
	runs, failures := 0, 0
	for n := int64(1); ; n++ {
		for choice := 0; ; choice++ {
			m := &mishap{at: n, choice: choice}
			// Blocks that are kept are to be mapped anew.
			buffer.UnmapFree()
			name := fmt.Sprintf("call %d errno %d", n, choice)
			ok := t.Run(name, func(t *testing.T) {
				f := newFixture(t, v)
				f.quick = true
				f.note = func() string { return fmt.Sprintf("operation %d, %v\n", m.op, m.errno) }
				setHook(t, m.hook)
				s.run(f)
				f.closeAll()
				sys.SetHook(nil)
			})
			runs++
			if !ok {
				t.Logf("%s of %s: operation %d, %v", name, s.name, m.op, m.errno)
				if failures++; failures > 5 {
					return
				}
			}
			if !m.fired.Load() {
				if choice == 0 {
					t.Logf("%d runs", runs)
					return
				}
				break // the calls are not the same every time
			}
			tortured[m.op] = true
			if !m.more {
				break
			}
		}
		require.Less(t, n, int64(500), "the scenario does not end")
	}
}

// closeAll closes what is open, as a program that cleans up does.
func (f *fixture) closeAll() {
	var waiting []*call
	f.mu.Lock()
	list := append([]*probe{}, f.probes...)
	f.mu.Unlock()
	for _, p := range list {
		if c := p.close(); c.code == 0 {
			waiting = append(waiting, c)
		}
	}
	f.until("all closed", func() bool {
		for _, c := range waiting {
			if c.ran == 0 {
				return false
			}
		}
		return true
	})
}

// Making a loop fails cleanly.
func TestTortureLoop(t *testing.T) {
	checkLeaks(t)
	for _, mode := range []abi.LoopMode{abi.LoopCallbacks, abi.LoopRecords} {
		for n := int64(1); ; n++ {
			m := &mishap{at: n}
			sys.SetHook(m.hook)
			before, described := inUse(), openDescriptors()
			l, code := NewLoop(mode)
			sys.SetHook(nil)
			if !m.fired.Load() {
				require.NotNil(t, l)
				l.Close(1)
				l.Close(1)
				break
			}
			assert.Nil(t, l)
			assert.NotZero(t, code)
			requireUsage(t, before, described)
		}
	}
	for n := int64(1); ; n++ {
		m := &mishap{at: n}
		sys.SetHook(m.hook)
		_, code := NextDefaultLoop()
		if !m.fired.Load() || code == 0 {
			sys.SetHook(nil)
			require.Zero(t, code)
			break
		}
	}
	require.Zero(t, Shutdown(0, 10000))
}

// What is read and written in small pieces is the same as in large ones.
func TestTortureShort(t *testing.T) {
	for _, s := range scenarios {
		for _, limit := range []int{1, 7} {
			t.Run(fmt.Sprint(s.name, " ", limit), func(t *testing.T) {
				var readers descriptorUsers
				undisturbed(t, s, func(op sys.Op, fd int) (unix.Errno, int) {
					switch op {
					case sys.OpSend, sys.OpSendMany:
						if strings.HasSuffix(s.name, "send much and close") {
							return 0, limit * 1000
						}
						return 0, limit
					case sys.OpRecv, sys.OpRecvMany:
						// The kernel would not stop before its buffer is empty, but at urgent
						// data: that is what the socket is told here.
						for _, s := range readers.of(fd) {
							if s.ready != 0 {
								s.ready |= unix.EPOLLPRI | unix.EPOLLERR
							}
						}
						return 0, limit
					}
					return 0, 0
				})
			})
		}
	}
}

// Signals that interrupt every call change nothing.
func TestTortureInterrupted(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			var turn [sys.OpMap + 1]atomic.Int64
			undisturbed(t, s, func(op sys.Op, _ int) (unix.Errno, int) {
				switch op {
				case sys.OpAccept, sys.OpRecv, sys.OpRecvMany, sys.OpSend, sys.OpSendMany, sys.OpEpollWait:
					if turn[op].Add(1)%2 == 1 {
						return unix.EINTR, 0
					}
				}
				return 0, 0
			})
		})
	}
}

// undisturbed compares a scenario with a hook to the same without.
func undisturbed(t *testing.T, s scenario, hook sys.Hook) {
	for _, v := range []venue{onRun, onPoll} {
		var want string
		t.Run(fmt.Sprint(v, " without"), func(t *testing.T) {
			ok, got := s.run(newFixture(t, v))
			require.True(t, ok)
			want = got
		})
		t.Run(fmt.Sprint(v, " with"), func(t *testing.T) {
			f := newFixture(t, v)
			setHook(t, hook)
			ok, got := s.run(f)
			sys.SetHook(nil)
			assert.True(t, ok, f.books())
			assert.Equal(t, want, got)
		})
	}
}
