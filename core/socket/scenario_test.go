package socket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// A scenario runs the steps of a program, and comes to an end whatever fails.
// It returns whether all went well and what arrived, which is the same every time.
type scenario struct {
	name string
	run  func(f *fixture) (ok bool, got string)
}

// over reports whether nothing can be expected of a socket any more.
func (p *probe) over() bool { return p.closed() || p.opened == 0 }

// failed reports whether a call was refused, or has completed with an error.
func (c *call) failed() bool { return c.code != errcode.OK || c.ran > 0 && c.err != 0 }

// over reports whether a call was refused or has completed.
func (c *call) over() bool { return c.code != errcode.OK || c.ran > 0 }

// waits reports whether a call will still complete.
func (c *call) waits() bool { return !c.over() }

// echoing is a raw server that sends everything back.
func echoing(f *fixture) int {
	l, port := rawListener(f)
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				// Without splice(2), whose pipes are kept.
				io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
			}()
		}
	}()
	return port
}

// connects waits for the end of a connect and reports whether it succeeded.
func (f *fixture) connects(c *call) bool {
	f.until("connected", func() bool { return c.over() })
	return !c.failed()
}

func connectAndEcho(f *fixture, p *probe, c *call) (bool, string) {
	if !f.connects(c) {
		return false, ""
	}
	want := pattern(100)
	s := p.send(want)
	f.until("echoed", func() bool { return len(p.data) >= len(want) || p.over() || s.failed() })
	done := p.close()
	f.until("closed", func() bool { return done.over() })
	return s.ok() && !done.failed(), string(p.data)
}

var scenarios = []scenario{
	{"connect by literal", func(f *fixture) (bool, string) {
		p := f.socket(abi.KindTCP)
		return connectAndEcho(f, p, p.connect(target(f, "127.0.0.1", echoing(f)), 0))
	}},
	{"connect by name", func(f *fixture) (bool, string) {
		p := f.socket(abi.KindTCP)
		return connectAndEcho(f, p, p.connect(target(f, "localhost", echoing(f)), 0))
	}},
	{"bind and connect", func(f *fixture) (bool, string) {
		p := f.socket(abi.KindTCP)
		if p.bind("127.0.0.1", 0) != errcode.OK {
			return false, ""
		}
		return connectAndEcho(f, p, p.connect(target(f, "127.0.0.1", echoing(f)), 0))
	}},
	{"accept and echo", func(f *fixture) (bool, string) {
		server := f.socket(abi.KindTCPServer)
		if server.serve() != errcode.OK || server.port() == 0 {
			return false, ""
		}
		server.when(0, func(e *abi.Event) {
			if s := Lookup(e.Socket); s != nil {
				if s.Send(f.thread, e.Data, uintptr(e.Size), abi.Completion{}) != errcode.OK {
					s.Abort()
				}
			}
		})
		got := make(chan string, 1)
		port := server.port()
		if port == 0 {
			return false, ""
		}
		go func() {
			c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			if err != nil {
				got <- ""
				return
			}
			defer c.Close()
			c.Write(pattern(100))
			b := make([]byte, 100)
			n, _ := io.ReadFull(c, b)
			got <- string(b[:n])
		}()
		text, heard := "", false
		f.until("echoed", func() bool {
			select {
			case text = <-got:
				heard = true
			default:
			}
			return heard || server.over()
		})
		if !heard {
			server.s.Abort()
			f.until("closed", server.over)
			f.until("echoed", func() bool { text = <-got; return true })
		}
		return len(text) == 100, text
	}},
	{"listen, close and listen again", func(f *fixture) (bool, string) {
		server := f.socket(abi.KindTCPServer)
		for i := range 2 {
			if server.serve() != errcode.OK {
				return false, ""
			}
			f.until("listening", func() bool { return len(server.log) == 2*i+1 || server.over() })
			done := server.close()
			f.until("closed", func() bool { return done.over() })
			if done.failed() || server.s.failedOnce() {
				return false, ""
			}
		}
		return true, fmt.Sprint(server.log)
	}},
	{"send much and close", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := f.socket(abi.KindTCP)
		c := p.connect(target(f, "127.0.0.1", port), 0)
		if !f.connects(c) {
			return false, ""
		}
		got := make(chan []byte, 1)
		go func() {
			peer, err := l.AcceptTCP()
			if err != nil {
				got <- nil
				return
			}
			defer peer.Close()
			b, _ := io.ReadAll(peer)
			got <- b
		}()
		want := pattern(tortureBulk)
		s, done := p.send(want), p.close()
		f.until("closed", func() bool { return done.over() })
		f.until("sent", func() bool { return s.over() })
		if s.ok() && !done.failed() {
			return bytes.Equal(want, <-got), ""
		}
		l.Close()
		return false, ""
	}},
	{"receive and peer closes", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := f.socket(abi.KindTCP)
		c := p.connect(target(f, "127.0.0.1", port), 0)
		if !f.connects(c) {
			return false, ""
		}
		go func() {
			if peer, err := l.AcceptTCP(); err == nil {
				peer.Write(pattern(3000))
				peer.Close()
			}
		}()
		f.until("closed", p.over)
		return !p.s.failedOnce(), string(p.data)
	}},
	{"datagrams both ways", func(f *fixture) (bool, string) {
		a, b := f.socket(abi.KindUDP), f.socket(abi.KindUDP)
		if a.bind("127.0.0.1", 0) != errcode.OK || b.bind("127.0.0.1", 0) != errcode.OK {
			return false, ""
		}
		pa, pb := a.port(), b.port()
		if pa == 0 || pb == 0 {
			return false, ""
		}
		s := []*call{a.sendTo(literal(f, "127.0.0.1", pb), []byte("ping")), b.sendTo(literal(f, "127.0.0.1", pa), []byte("pong"))}
		f.until("arrived", func() bool {
			return len(a.packets)+len(b.packets) == 2 || a.over() || b.over() || s[0].failed() || s[1].failed()
		})
		f.until("sent", func() bool { return s[0].over() && s[1].over() || a.over() || b.over() })
		return s[0].ok() && s[1].ok(), string(bytes.Join(append(a.packets, b.packets...), nil))
	}},
	{"datagrams sent together", func(f *fixture) (bool, string) {
		a, b := f.socket(abi.KindUDP), f.socket(abi.KindUDP)
		if b.bind("127.0.0.1", 0) != errcode.OK || b.port() == 0 {
			return false, ""
		}
		to := literal(f, "127.0.0.1", b.port())
		var sent []*call
		a.when(abi.EventListening, func(*abi.Event) {
			var calls []*call
			for i := range 5 {
				calls = append(calls, a.sendTo(to, []byte{'0' + byte(i)}))
			}
			f.mu.Lock()
			sent = calls
			f.mu.Unlock()
		})
		if a.bind("127.0.0.1", 0) != errcode.OK {
			return false, ""
		}
		f.until("arrived", func() bool {
			failed := slices.ContainsFunc(sent, (*call).failed)
			return len(b.packets) == 5 || a.over() || b.over() || failed
		})
		f.until("sent", func() bool { return len(sent) == 5 && !slices.ContainsFunc(sent, (*call).waits) || a.over() })
		return len(sent) == 5 && !slices.ContainsFunc(sent, (*call).failed), string(bytes.Join(b.packets, nil))
	}},
	{"datagrams connected", func(f *fixture) (bool, string) {
		peer, port := rawUDP(f)
		p := f.socket(abi.KindUDP)
		c := p.connect(target(f, "127.0.0.1", port), 0)
		if !f.connects(c) {
			return false, ""
		}
		s := p.send([]byte("ping"))
		f.until("sent", func() bool { return s.over() })
		if s.failed() {
			return false, ""
		}
		buffer := make([]byte, 10)
		n, from, err := peer.ReadFromUDP(buffer)
		if err != nil {
			return false, ""
		}
		peer.WriteToUDP(buffer[:n], from)
		f.until("answered", func() bool { return len(p.packets) == 1 || p.over() })
		return len(p.packets) == 1, string(bytes.Join(p.packets, nil))
	}},
	{"adopt", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		_ = l
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(f, err)
		require.NoError(f, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
		p := f.socket(abi.KindTCP)
		if p.adopt(fd) != errcode.OK {
			unix.Close(fd) // still ours
			return false, ""
		}
		peer := rawAccept(f, l)
		write(f, peer, []byte("hello"))
		f.until("heard", func() bool { return len(p.data) == 5 || p.over() })
		return len(p.data) == 5, string(p.data)
	}},
	{"end", func(f *fixture) (bool, string) {
		p := f.socket(abi.KindTCP)
		c := p.connect(target(f, "127.0.0.1", echoing(f)), 0)
		if !f.connects(c) {
			return false, ""
		}
		s, e := p.send([]byte("last")), p.end()
		f.until("closed", p.over)
		return s.ok() && e.ok(), string(p.data)
	}},
	{"close with unread input", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := f.deaf(abi.KindTCP)
		c := p.connect(target(f, "127.0.0.1", port), 0)
		if !f.connects(c) {
			return false, ""
		}
		peer := rawAccept(f, l)
		write(f, peer, pattern(1000))
		go func() {
			io.ReadAll(peer)
			peer.Close()
		}()
		s, done := p.send([]byte("bye")), p.close()
		f.until("closed", func() bool { return done.over() })
		return s.ok() && !done.failed(), ""
	}},
}

func (s *Socket) failedOnce() bool { return s.ErrorDetail() != "" }

func TestScenarios(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				ok, _ := s.run(f)
				assert.True(t, ok)
			})
		})
	}
}
