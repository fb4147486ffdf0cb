package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/handshake"
)

// echoStage says a word when it begins, or when it has heard, and is done when it has heard as many
// bytes as it wants.
type echoStage struct {
	word  string
	first bool
	wants int
	heard string
	sent  bool
	fails bool
}

func (e *echoStage) SpeaksFirst() bool { return e.first }
func (e *echoStage) Wants() int        { return e.wants - len(e.heard) }
func (e *echoStage) Sent()             { e.sent = true }

func (e *echoStage) Advance(in []byte) (int, []byte, handshake.Status) {
	var send []byte
	if e.first == (len(in) == 0) && !e.sent {
		send = []byte(e.word)
	}
	e.heard += string(in)
	switch {
	case e.fails:
		return len(in), send, handshake.Failed
	case len(e.heard) == e.wants:
		return len(in), send, handshake.Done
	}
	return len(in), send, handshake.More
}

func (e *echoStage) Failure() *handshake.Failure {
	return &handshake.Failure{Code: errcode.Socks5Method, Text: "refused"}
}

func (e *echoStage) Truncated() *handshake.Failure {
	return &handshake.Failure{Code: errcode.Socks5Receive, Text: "cut"}
}

// recordedOwner notes what an establishment tells its owner.
type recordedOwner struct {
	e       *establishment
	done    bool
	failure handshake.Failure
}

func (o *recordedOwner) established(unix.Errno)             { o.done = true }
func (o *recordedOwner) notEstablished(f handshake.Failure) { o.failure = f }
func (o *recordedOwner) goOn()                              { o.e.advance() }

func establishing(t *testing.T, stages ...handshake.Stage) (s *Socket, o *recordedOwner, peer int) {
	f := newFixture(t, onRun)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	s = newSocket(f.loop, abi.KindTLS, &defaultOptions)
	o = &recordedOwner{}
	p := &pipe{}
	t.Cleanup(p.freeInput)
	o.e = s.establish(fds[0], o, p, stages...)
	return s, o, fds[1]
}

func (o *recordedOwner) hear(t *testing.T, s *Socket, peer int, bytes string) {
	t.Helper()
	if bytes != "" {
		_, err := unix.Write(peer, []byte(bytes))
		require.NoError(t, err)
	}
	s.ready |= pollIn
	o.e.advance()
}

func heardBy(t *testing.T, peer int) string {
	t.Helper()
	var b [100]byte
	n, err := unix.Read(peer, b[:])
	if err == unix.EAGAIN {
		return ""
	}
	require.NoError(t, err)
	return string(b[:n])
}

// Stages run one after another, and none takes a byte that belongs to what comes behind it.
func TestStages(t *testing.T) {
	first, second := &echoStage{word: "hello", first: true, wants: 3}, &echoStage{word: "welcome", wants: 4}
	s, o, peer := establishing(t, first, second)
	o.hear(t, s, peer, "")
	assert.Equal(t, "hello", heardBy(t, peer))
	o.hear(t, s, peer, "a")
	assert.Equal(t, "", heardBy(t, peer))
	o.hear(t, s, peer, "bcd")
	assert.Equal(t, "abc", first.heard)
	assert.Equal(t, "welcome", heardBy(t, peer))
	assert.False(t, o.done)
	o.hear(t, s, peer, "efgh")
	assert.Equal(t, "defg", second.heard)
	assert.True(t, o.done)
	assert.Nil(t, s.establishment)
	assert.Equal(t, "h", heardBy(t, o.e.fd))
}

// A stage that fails, or whose peer ends, is the failure of the establishment.
func TestStagesThatFail(t *testing.T) {
	s, o, peer := establishing(t, &echoStage{wants: 1}, &echoStage{wants: 1, fails: true})
	o.hear(t, s, peer, "ab")
	assert.Equal(t, handshake.Failure{Code: errcode.Socks5Method, Text: "refused"}, o.failure)
	assert.True(t, o.e.over)

	s, o, peer = establishing(t, &echoStage{wants: 2})
	o.hear(t, s, peer, "a")
	assert.False(t, o.e.over)
	require.NoError(t, unix.Shutdown(peer, unix.SHUT_WR))
	o.hear(t, s, peer, "")
	assert.Equal(t, handshake.Failure{Code: errcode.Socks5Receive, Text: "cut"}, o.failure)
}
