package tlsengine

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

func TestEchoOfEveryVersion(t *testing.T) {
	for version, name := range map[Protocols]string{TLS12: "TLSv1.2", TLS13: "TLSv1.3", 0: "TLSv1.3", TLS12 | TLS13: "TLSv1.3"} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			config := trusting()
			config.Protocols = version
			c, s := client(t, config, "test.host"), server(t, serving())
			connect(t, c, s)
			require.Equal(t, name, c.Info().Protocol)
			require.Equal(t, name, s.Info().Protocol)
			exchange(t, c, s, []byte("hello"))
			require.Equal(t, Done, c.Shutdown(c.out))
			converse(t, c, s)
			require.Equal(t, Ended, s.status)
			// The other direction is still open.
			c.plain = nil
			s.write(t, []byte("more"))
			c.wire = s.take()
			c.run(t)
			require.Equal(t, "more", string(c.plain))
			require.Equal(t, Done, s.Shutdown(s.out))
			converse(t, s, c)
			require.Equal(t, Ended, c.status)
		})
	}
}

func TestInputByteByByteAndLargeData(t *testing.T) {
	for _, step := range []int{1, 7, 0} {
		eachVersion(t, func(t *testing.T, version Protocols) {
			config := trusting()
			config.Protocols = version
			c, s := client(t, config, "test.host"), server(t, serving())
			c.step, s.step = step, step
			connect(t, c, s)
			for _, size := range []int{1, 16384, 16385, 100_000} {
				data := make([]byte, size)
				_, err := rand.Read(data)
				require.NoError(t, err)
				exchange(t, c, s, data)
			}
		})
	}
}

func TestReadIntoASmallBuffer(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	data := make([]byte, 3*16384+5)
	_, err := rand.Read(data)
	require.NoError(t, err)
	c.write(t, data)
	s.wire = c.take()
	size, buffer := len(s.wire), make([]byte, 1000)
	var got []byte
	for {
		consumed, n, status := s.Read(s.wire, buffer, s.out)
		s.wire, got = s.wire[consumed:], append(got, buffer[:n]...)
		if status == More {
			break
		}
		require.Equal(t, Done, status)
		require.Equal(t, len(buffer), n)
	}
	require.Less(t, len(data), size)
	require.True(t, bytes.Equal(data, got))
	require.False(t, s.Pending())
}

func TestPendingSaysThatReadGivesMoreWithoutInput(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	c.write(t, []byte("abcdef"))
	s.wire = c.take()
	buffer := make([]byte, 4)
	consumed, n, status := s.Read(s.wire, buffer[:4], s.out)
	require.Equal(t, []any{len(s.wire), 4, Done, true}, []any{consumed, n, status, s.Pending()})
	_, n, status = s.Read(nil, buffer[:4], s.out)
	require.Equal(t, []any{2, More, false}, []any{n, status, s.Pending()})
	require.Equal(t, "ef", string(buffer[:n]))
	// A part of a record is not something to read.
	c.write(t, []byte("abcdef"))
	part := c.take()[:9]
	consumed, n, status = s.Read(part, buffer[:4], s.out)
	require.Equal(t, []any{9, 0, More, false}, []any{consumed, n, status, s.Pending()})
}

func TestInputAfterTheHandshakeIsLeftForRead(t *testing.T) {
	clean(t)
	config := trusting()
	config.Protocols = TLS12
	c, s := client(t, config, "test.host"), server(t, serving())
	s.wire = c.run(t)
	c.wire = s.run(t)
	s.wire = c.run(t)
	c.wire = s.run(t)
	require.NotNil(t, s.Info())
	s.write(t, []byte("early"))
	c.wire = append(c.wire, s.take()...)
	consumed, status := c.Handshake(c.wire, c.out)
	require.Equal(t, Done, status)
	require.Less(t, consumed, len(c.wire))
	c.wire, c.shaking = c.wire[consumed:], false
	c.run(t)
	require.Equal(t, "early", string(c.plain))
}

func TestWhatCameBeforeTheEndIsDelivered(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	s.write(t, []byte("last words"))
	require.Equal(t, Done, s.Shutdown(s.out))
	c.wire = append(s.take(), "and what follows the end"...)
	buffer := make([]byte, 16384)
	_, n, status := c.Read(c.wire, buffer, c.out)
	require.Equal(t, Ended, status)
	require.Equal(t, "last words", string(buffer[:n]))
	require.Equal(t, Failed, s.Write(buffer[:1], s.out))
	fails(t, s.Err(), errcode.TLSWrite, "written after the end")
	// Which does not keep from reading, and from learning what goes wrong there.
	c.write(t, []byte("x"))
	s.wire = c.take()
	s.wire[7] ^= 1
	s.run(t)
	fails(t, s.Err(), errcode.TLSRead, "bad record mac")
}

func TestTamperedRecord(t *testing.T) {
	eachVersion(t, func(t *testing.T, version Protocols) {
		config := trusting()
		config.Protocols = version
		c, s := client(t, config, "test.host"), server(t, serving())
		connect(t, c, s)
		s.write(t, []byte("good"))
		good := s.take()
		s.write(t, []byte("bad"))
		bad := s.take()
		bad[len(bad)-1] ^= 1
		c.wire = append(good, bad...)
		alert := c.run(t)
		require.Equal(t, Failed, c.status)
		require.Equal(t, "good", string(c.plain))
		fails(t, c.Err(), errcode.TLSRead, "decryption failed or bad record mac")
		require.Equal(t, 20, c.Err().Alert)
		s.wire = alert
		s.run(t)
		fails(t, s.Err(), errcode.TLSRead, "the peer refused: alert 20 bad_record_mac")
		require.Equal(t, Failed, c.Write(nil, c.out), "a broken session stays so")
		require.Equal(t, Done, c.Shutdown(c.out))
		require.Empty(t, c.take())
	})
}

func TestTruncated(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	s.wire = c.run(t)
	fails(t, c.Truncated(), errcode.TLSSystemCall, "the peer closed the connection during the handshake")
	c.wire = s.run(t)
	connect(t, c, s)
	fails(t, c.Truncated(), errcode.TLSSystemCall, "the peer ended without close_notify")
}

func TestCloseNotifyDuringTheHandshake(t *testing.T) {
	clean(t)
	c := client(t, trusting(), "test.host")
	c.run(t)
	c.wire = []byte{21, 3, 3, 0, 2, 1, 0}
	c.run(t)
	require.Equal(t, Failed, c.status)
	fails(t, c.Err(), errcode.TLSSystemCall, "the peer closed the connection during the handshake")
	_, status := c.Handshake(nil, c.out)
	require.Equal(t, Failed, status)
}

func TestOperationsBeforeTheHandshake(t *testing.T) {
	clean(t)
	c := client(t, trusting(), "test.host")
	require.Equal(t, Done, c.Shutdown(c.out))
	require.Equal(t, Failed, c.Write(c.buffer[:1], c.out))
	fails(t, c.Err(), errcode.TLSWrite, "the handshake is not done")
	require.Nil(t, c.Info())
}

func TestPlainText(t *testing.T) {
	clean(t)
	for text, says := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "wrong version number: the peer does not speak TLS",
		"220 mail.example.com ESMTP\r\n":   "wrong version number: the peer does not speak TLS",
	} {
		c := client(t, trusting(), "test.host")
		c.wire = []byte(text)
		c.run(t)
		require.Equal(t, Failed, c.status)
		fails(t, c.Err(), errcode.TLSSystemCall, says)
	}
	s := server(t, serving())
	s.wire = []byte("GET / HTTP/1.1\r\n\r\n")
	s.run(t)
	fails(t, s.Err(), errcode.TLSSystemCall, "http request: the peer does not speak TLS")
}

func TestNothingIsAllocated(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	data := make([]byte, 2000)
	allocations := testing.AllocsPerRun(100, func() {
		if c.Write(data, c.out) != Done {
			panic("write")
		}
		wire := c.out.Bytes()
		if _, n, _ := s.Read(wire, s.buffer, s.out); n != len(data) {
			panic("read")
		}
		c.out.Reset()
	})
	require.Zero(t, allocations)
}

func TestOutputShrinks(t *testing.T) {
	clean(t)
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	c.write(t, make([]byte, 4<<20))
	require.Greater(t, int(c.out.c.capacity), 4<<20)
	c.out.Reset()
	require.Zero(t, int(c.out.c.capacity))
	c.write(t, make([]byte, 10))
	size := len(c.out.Bytes())
	require.NotZero(t, size)
}

func TestKeylog(t *testing.T) {
	clean(t)
	name := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, SetKeylog(name))
	t.Cleanup(func() { require.NoError(t, SetKeylog("")) })
	c, s := client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.GreaterOrEqual(t, len(lines), 8, "both ends log")
	for _, line := range lines {
		require.Regexp(t, `^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$`, line)
	}
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, SetKeylog(""))
	c, s = client(t, trusting(), "test.host"), server(t, serving())
	connect(t, c, s)
	again, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, text, again, "logged after the end")

	var e *Error
	require.ErrorAs(t, SetKeylog(filepath.Join(name, "none")), &e)
	fails(t, e, errcode.FromErrno(errcode.Server, 20), "not a directory")
	require.ErrorAs(t, SetKeylog(t.TempDir()), &e)
	fails(t, e, errcode.FromErrno(errcode.Server, 21), "is a directory")
	require.ErrorAs(t, SetKeylog("/dev/null"), &e)
	fails(t, e, errcode.FromErrno(errcode.Server, 22), "invalid argument")
	require.ErrorAs(t, SetKeylog("a\x00b"), &e)
}

func TestVersion(t *testing.T) { require.Regexp(t, `^OpenSSL 3\.`, Version()) }
