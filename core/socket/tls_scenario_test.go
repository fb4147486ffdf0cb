package socket

import (
	"bytes"
	"io"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/tlsengine"
)

func init() { scenarios = append(scenarios, tlsScenarios...) }

// echoingTLS is a raw TLS server that sends everything back.
func echoingTLS(f *fixture) int {
	l, port := rawListener(f)
	go func() {
		for {
			raw, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				raw.SetDeadline(time.Now().Add(patience))
				c := rawTLSServer(raw)
				defer c.Close()
				io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
			}()
		}
	}()
	return port
}

// takeRaw accepts one client on a goroutine and gives it to talk.
func takeRaw(l *net.TCPListener, talk func(net.Conn)) {
	go func() {
		raw, err := l.AcceptTCP()
		if err != nil {
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(patience))
		talk(raw)
	}()
}

var tlsScenarios = []scenario{
	{"TLS connect by literal", func(f *fixture) (bool, string) {
		p := secured(f.socket(abi.KindTLS))
		return connectAndEcho(f, p, p.connect(target(f, "127.0.0.1", echoingTLS(f)), 0))
	}},
	{"TLS bind and connect by name", func(f *fixture) (bool, string) {
		p := secured(f.socket(abi.KindTLS))
		if p.bind("127.0.0.1", 0) != errcode.OK {
			return false, ""
		}
		return connectAndEcho(f, p, p.connect(target(f, "localhost", echoingTLS(f)), 0))
	}},
	{"TLS accept and echo", func(f *fixture) (bool, string) {
		server := secured(f.socket(abi.KindTLSServer))
		if server.serve() != errcode.OK {
			return false, ""
		}
		server.when(0, func(e *abi.Event) {
			if s := Lookup(e.Socket); s != nil {
				if s.Send(f.thread, e.Data, uintptr(e.Size), abi.Completion{}) != errcode.OK {
					s.Abort()
				}
			}
		})
		port := server.port()
		if port == 0 {
			return false, ""
		}
		got := make(chan string, 1)
		go func() {
			raw, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			if err != nil {
				got <- ""
				return
			}
			raw.SetDeadline(time.Now().Add(patience))
			c := rawTLSClient(raw)
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
	{"TLS send much and close", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := secured(f.socket(abi.KindTLS))
		got := make(chan []byte, 1)
		takeRaw(l, func(raw net.Conn) {
			c := rawTLSServer(raw)
			defer c.Close()
			b, err := io.ReadAll(c)
			if err != nil {
				b = nil
			}
			got <- b
		})
		c := p.connect(target(f, "127.0.0.1", port), 0)
		want := pattern(tortureBulk)
		s, done := p.send(want), p.close()
		if c.code != errcode.OK || s.code != errcode.OK {
			l.Close()
			return false, ""
		}
		f.until("closed", func() bool { return c.over() && s.over() && done.over() })
		if c.ok() && s.ok() && !done.failed() {
			return bytes.Equal(want, <-got), ""
		}
		l.Close()
		return false, ""
	}},
	{"TLS receive much and peer closes", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := secured(f.socket(abi.KindTLS))
		takeRaw(l, func(raw net.Conn) {
			c := rawTLSServer(raw)
			c.Write(pattern(20_000))
			c.Close()
		})
		c := p.connect(target(f, "127.0.0.1", port), 0)
		f.until("closed", func() bool { return c.failed() || p.over() && c.over() })
		return c.ok() && !p.s.failedOnce(), string(p.data)
	}},
	{"TLS pause, end, resume", func(f *fixture) (bool, string) {
		l, port := rawListener(f)
		p := secured(f.socket(abi.KindTLS))
		takeRaw(l, func(raw net.Conn) {
			c := rawTLSServer(raw)
			c.Write(pattern(20_000))
			c.CloseWrite()
			io.Copy(io.Discard, c)
		})
		p.s.Pause()
		c := p.connect(target(f, "127.0.0.1", port), 0)
		f.until("connected", func() bool { return c.over() })
		if c.failed() {
			return false, ""
		}
		e := p.end()
		f.settle()
		p.s.Resume()
		f.until("closed", p.over)
		return e.ok() && !p.s.failedOnce(), string(p.data)
	}},
	{"TLS over a connection", func(f *fixture) (bool, string) {
		port := echoingTLS(f)
		tcp := f.socket(abi.KindTCP)
		c := tcp.connect(target(f, "127.0.0.1", port), 0)
		f.until("connected", func() bool { return c.over() })
		if c.failed() {
			return false, ""
		}
		s, code := ConstructOver(tcp.s)
		if code != errcode.OK {
			return false, ""
		}
		f.mu.Lock()
		tcp.opened-- // without a close event
		f.mu.Unlock()
		p := f.probe(s, "over")
		p.listen(allEvents)
		p.opened++
		p.set(abi.OptionCloseTimeout, 100)
		secured(p)
		return connectAndEcho(f, p, p.connect(target(f, "127.0.0.1", port), 0))
	}},
	{"TLS adopt", func(f *fixture) (bool, string) {
		port := echoingTLS(f)
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(err)
		must(unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}))
		p := secured(f.socket(abi.KindTLS))
		if p.adopt(fd) != errcode.OK {
			unix.Close(fd) // still ours
			return false, ""
		}
		return connectAndEcho(f, p, p.connect(target(f, "127.0.0.1", port), 0))
	}},
	{"TLS refused certificate", func(f *fixture) (bool, string) {
		p := f.socket(abi.KindTLS)
		x, code := p.s.NewSecure(&tlsengine.Config{CA: [][]byte{otherAuthority()}}, "", "test")
		if code != errcode.OK || p.s.SetSecure(x) != errcode.OK {
			return false, ""
		}
		c := p.connect(target(f, "127.0.0.1", echoingTLS(f)), 0)
		f.until("refused", func() bool { return c.over() })
		return c.err == -int32(errcode.TLSCertificate), ""
	}},
}

// shakes reports whether a client has its handshake on this descriptor; it is for the loop's
// thread.
func (s *Socket) shakes(fd int) bool {
	c := s.connectorLocked()
	return c != nil && c.shaking != nil && c.shaking.fd == fd
}

// eachUnseen calls f with the clients of a server that are in their handshakes.
func (s *Socket) eachUnseen(f func(*Socket)) {
	if !s.kind().isServer() {
		return
	}
	s.accepts.mu.Lock()
	defer s.accepts.mu.Unlock()
	for c := range s.accepts.unseen {
		f(c)
	}
}

// descriptorUsers finds the sockets that use a descriptor, for hooks that run for every byte. A
// walk through all handles takes too long for that, since the tests before have left many slots:
// what was found for the last descriptor is kept for as long as it is true.
type descriptorUsers struct{ found []*Socket }

func (u *descriptorUsers) of(fd int) []*Socket {
	uses := func(s *Socket) bool { return int(s.fd) == fd || s.shakes(fd) }
	if len(u.found) > 0 && !slices.ContainsFunc(u.found, func(s *Socket) bool { return !uses(s) }) {
		return u.found
	}
	u.found = u.found[:0]
	add := func(s *Socket) {
		if uses(s) {
			u.found = append(u.found, s)
		}
	}
	library.sockets.Each(func(s *Socket) {
		add(s)
		s.eachUnseen(add)
	})
	return u.found
}
