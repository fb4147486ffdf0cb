package errcode

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestErrnoTableMatchesSystem(t *testing.T) {
	require.Len(t, errnos, 133)
	for n, e := range errnos {
		if n == 0 || n == 41 || n == 58 {
			assert.Empty(t, e.name, "%d", n)
			continue
		}
		errno := unix.Errno(n)
		name := unix.ErrnoName(errno)
		if errno == unix.EUCLEAN {
			name = "EUCLEAN" // package unix prefers the kernel's alias EFSCORRUPTED
		}
		assert.Equal(t, name, "E"+e.name)
		assert.True(t, strings.EqualFold(errno.Error(), e.text), "%d: %q, the system says %q", n, e.text, errno)
		assert.Greater(t, e.category, CategoryNone, "%d", n)
	}
}

func TestTable(t *testing.T) {
	entries := Table()
	assert.Len(t, entries, len(others)+2*130)
	names := map[string]Code{}
	last := Code(-1)
	for _, e := range entries {
		assert.Greater(t, e.Code, last)
		last = e.Code
		assert.NotContains(t, names, e.Name)
		names[e.Name] = e.Code
		assert.Regexp(t, `^SOCKET_(OK|ERROR_[A-Z0-9_]+)$`, e.Name)
		assert.NotEmpty(t, e.Text)
		assert.NotEqual(t, "unknown", e.Category.String())
		assert.Equal(t, e.Code == OK, e.Category == CategoryNone, e.Name)

		assert.Equal(t, e.Name, e.Code.Name())
		assert.Equal(t, e.Text, e.Code.Text())
		assert.Equal(t, e.Category, e.Code.Category())
	}
	assert.NotContains(t, names, unknown.Name)

	entries[0].Name = "changed"
	assert.Equal(t, "SOCKET_OK", OK.Name())
}

func TestKnownCodes(t *testing.T) {
	for _, test := range []struct {
		code     Code
		number   int32
		name     string
		category Category
	}{
		{OK, 0, "SOCKET_OK", CategoryNone},
		{Permission, 201, "SOCKET_ERROR_PERMISSION", CategoryPermission},
		{Parameter, 401, "SOCKET_ERROR_PARAMETER", CategoryUsage},
		{Internal, 2300002, "SOCKET_ERROR_INTERNAL", CategoryInternal},
		{Forked, 2300003, "SOCKET_ERROR_FORKED", CategoryUsage},
		{Resolve, 2300004, "SOCKET_ERROR_RESOLVE", CategoryResolve},
		{Other, 2300999, "SOCKET_ERROR_OTHER", CategoryUsage},
		{BadFD, 2301009, "SOCKET_ERROR_BADF", CategoryUsage},
		{Again, 2301011, "SOCKET_ERROR_AGAIN", CategoryAgain},
		{InvalidArgument, 2301022, "SOCKET_ERROR_INVAL", CategoryUsage},
		{Pipe, 2301032, "SOCKET_ERROR_PIPE", CategoryClosed},
		{Domain, 2301033, "SOCKET_ERROR_DOM", CategoryUsage},
		{Deadlock, 2301035, "SOCKET_ERROR_DEADLK", CategoryUsage},
		{DestinationRequired, 2301089, "SOCKET_ERROR_DESTADDRREQ", CategoryUsage},
		{MessageSize, 2301090, "SOCKET_ERROR_MSGSIZE", CategoryUsage},
		{NotSupported, 2301095, "SOCKET_ERROR_NOTSUP", CategoryUsage},
		{Reset, 2301104, "SOCKET_ERROR_CONNRESET", CategoryClosed},
		{IsConnected, 2301106, "SOCKET_ERROR_ISCONN", CategoryUsage},
		{NotConnected, 2301107, "SOCKET_ERROR_NOTCONN", CategoryUsage},
		{Shutdown, 2301108, "SOCKET_ERROR_SHUTDOWN", CategoryClosed},
		{TimedOut, 2301110, "SOCKET_ERROR_TIMEDOUT", CategoryTimeout},
		{AlreadyInProgress, 2301114, "SOCKET_ERROR_ALREADY", CategoryUsage},
		{Canceled, 2301125, "SOCKET_ERROR_CANCELED", CategoryClosed},
		{FromErrno(Client, unix.ECONNREFUSED), 2301111, "SOCKET_ERROR_CONNREFUSED", CategoryUnreachable},
		{FromErrno(Client, unix.EMFILE), 2301024, "SOCKET_ERROR_MFILE", CategoryResource},
		{FromErrno(Server, unix.EADDRINUSE), 2303198, "SOCKET_ERROR_SERVER_ADDRINUSE", CategoryAddress},
		{Socks5Deserialize, 2301213, "SOCKET_ERROR_SOCKS5_DESERIALIZE", CategoryIO},
		{TLSCertificate, 2303504, "SOCKET_ERROR_TLS_CERTIFICATE", CategoryTLS},
		{TLSNotConnected, 2303602, "SOCKET_ERROR_TLS_NOT_CONNECTED", CategoryUsage},
		{2301000, 2301000, "SOCKET_ERROR_UNKNOWN", CategoryInternal},
		{2301041, 2301041, "SOCKET_ERROR_UNKNOWN", CategoryInternal},
		{-401, -401, "SOCKET_ERROR_UNKNOWN", CategoryInternal},
	} {
		assert.Equal(t, test.number, int32(test.code))
		assert.Equal(t, test.name, test.code.Name())
		assert.Equal(t, test.category, test.code.Category(), test.name)
	}
}

func TestErrno(t *testing.T) {
	for n := unix.Errno(1); n <= 132; n++ {
		if n == 41 || n == 58 {
			assert.Equal(t, Internal, FromErrno(Client, n))
			continue
		}
		client, server := FromErrno(Client, n), FromErrno(Server, n)
		assert.Equal(t, Code(2301000+int32(n)), client)
		assert.Equal(t, Code(2303100+int32(n)), server)
		assert.Equal(t, n, client.Errno())
		assert.Equal(t, n, server.Errno())
		assert.Equal(t, server, client.Rebase(Server))
		assert.Equal(t, client, server.Rebase(Client))
		assert.Equal(t, client, client.Rebase(Client))
		assert.Equal(t, client.Text(), server.Text())
	}
	assert.Equal(t, OK, FromErrno(Client, 0))
	// 206 would otherwise become an error of the proxy.
	for _, e := range []unix.Errno{133, 206, 1 << 31, ^unix.Errno(0)} {
		assert.Equal(t, Internal, FromErrno(Client, e))
	}
	for _, e := range others {
		assert.Zero(t, e.Code.Errno(), e.Name)
		assert.Equal(t, e.Code, e.Code.Rebase(Server))
	}
	assert.Zero(t, Code(Client).Errno())
	assert.Zero(t, Code(-1<<31).Errno())
}

func TestError(t *testing.T) {
	var err error = FromErrno(Client, unix.ECONNREFUSED)
	assert.EqualError(t, err, "Connection refused (2301111)")
	assert.EqualError(t, Code(7), "Unknown error (7)")
}

func TestCategoryString(t *testing.T) {
	seen := map[string]bool{}
	for c := CategoryNone; c <= CategoryInternal; c++ {
		assert.NotEmpty(t, c.String())
		assert.False(t, seen[c.String()])
		seen[c.String()] = true
	}
	assert.Equal(t, "unknown", Category(-1).String())
	assert.Equal(t, "unknown", (CategoryInternal + 1).String())
}

func TestLookupsDoNotAllocate(t *testing.T) {
	var length int
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, c := range [...]Code{OK, Parameter, TimedOut, 2303211, 12345} {
			length += len(c.Name()) + len(c.Text()) + len(c.Category().String())
			length += int(c.Errno()) + int(c.Rebase(Server)) + int(FromErrno(Server, unix.EPIPE))
		}
	}))
	assert.NotZero(t, length)
}
