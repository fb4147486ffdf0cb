package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

// A row is whole, and what a server accepts or a client becomes is a row, too.
func TestKinds(t *testing.T) {
	for k := abi.KindTCP; int(k) < len(kinds); k++ {
		row := traitsOf(k)
		require.NotNil(t, row, "kind %d", k)
		assert.NotNil(t, row.transport, "kind %d", k)
		assert.NotNil(t, row.flow, "kind %d", k)
		assert.NotNil(t, row.codes, "kind %d", k)
		assert.Equal(t, row.isServer(), row.accepts != 0, "kind %d", k)
		if row.isServer() {
			accepted := traitsOf(row.accepts)
			require.NotNil(t, accepted, "kind %d", k)
			assert.True(t, accepted.isAccepted(), "kind %d", k)
			assert.Equal(t, row.secure, accepted.secure, "kind %d", k)
			assert.Same(t, row.transport, accepted.transport, "kind %d", k)
		}
		if row.upgrades != 0 {
			assert.True(t, row.isClient() && !row.secure, "kind %d", k)
			assert.True(t, traitsOf(row.upgrades).isSecureClient(), "kind %d", k)
		}
	}
	for _, none := range []abi.Kind{0, abi.Kind(len(kinds)), ^abi.Kind(0)} {
		assert.Nil(t, traitsOf(none), "kind %d", none)
	}
}

// The numbers of one cause, by what has failed: written by hand, from the tables of contracts.md.
func TestCodesOfKinds(t *testing.T) {
	const client, server = errcode.Code(errcode.Client), errcode.Code(errcode.Server)
	badFD, reset, notConnected := errcode.BadFD, errcode.Reset, errcode.NotConnected
	for _, test := range []struct {
		kinds []abi.Kind
		op    operation
		cause errcode.Code
		want  errcode.Code
	}{
		{[]abi.Kind{abi.KindTCP, abi.KindUDP}, opSetup, badFD, badFD},
		{[]abi.Kind{abi.KindTCP, abi.KindUDP}, opGet, badFD, badFD},
		{[]abi.Kind{abi.KindTCP, abi.KindUDP}, opTransfer, badFD, badFD},
		{[]abi.Kind{abi.KindTCP, abi.KindUDP}, opTransfer, reset, reset},
		{[]abi.Kind{abi.KindTCP, abi.KindUDP}, opTransfer, notConnected, notConnected},
		{[]abi.Kind{abi.KindTCP, abi.KindUDP, abi.KindTCPServer, abi.KindTCPConnection}, opClose, badFD, errcode.Other},

		{[]abi.Kind{abi.KindTCPServer}, opSetup, badFD, server + errcode.Code(unix.EBADF)},
		{[]abi.Kind{abi.KindTCPConnection}, opSetup, badFD, badFD},
		{[]abi.Kind{abi.KindTCPServer, abi.KindTCPConnection}, opGet, badFD, badFD},
		{[]abi.Kind{abi.KindTCPServer, abi.KindTCPConnection}, opTransfer, badFD, badFD},
		{[]abi.Kind{abi.KindTCPServer, abi.KindTCPConnection}, opTransfer, reset, server + errcode.Code(unix.ECONNRESET)},

		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opSetup, badFD, errcode.TLSNotBound},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opGet, badFD, errcode.TLSNotBound},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opGet, notConnected, server + errcode.Code(unix.ENOTCONN)},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opTransfer, badFD, badFD},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opTransfer, notConnected, errcode.TLSSession},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opTransfer, errcode.TLSCertificate, errcode.TLSCertificate},
		{[]abi.Kind{abi.KindTLS, abi.KindTLSServer, abi.KindTLSConnection}, opClose, badFD, errcode.TLSNotBound},
		{[]abi.Kind{abi.KindTCP, abi.KindTCPServer, abi.KindTLS}, opTransfer, errcode.Resolve, errcode.Resolve},
		{[]abi.Kind{abi.KindTCP, abi.KindTCPServer, abi.KindTLS}, opTransfer, errcode.OK, errcode.OK},
		{[]abi.Kind{abi.KindTCP}, opSetup, client + errcode.Code(unix.EADDRINUSE), client + errcode.Code(unix.EADDRINUSE)},
	} {
		for _, k := range test.kinds {
			assert.Equal(t, test.want, traitsOf(k).codes.of(test.op, test.cause), "kind %d, operation %d, %s", k, test.op, test.cause.Name())
		}
	}
}
