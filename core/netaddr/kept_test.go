package netaddr

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

func TestKept(t *testing.T) {
	assert.Equal(t, Sockaddr{}, Sockaddr{}.Keep().Sockaddr())
	assert.Equal(t, Sockaddr{}, Compact{}.Sockaddr())
	for _, text := range []string{"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%1", "::ffff:1.2.3.4"} {
		sa, code := ParseLiteral(text, 65534, abi.FamilyUnspecified)
		require.Equal(t, errcode.OK, code, text)
		assert.Equal(t, sa, sa.Keep().Sockaddr(), text)
	}
	assert.EqualValues(t, 16, unsafe.Sizeof(Compact{}))
}

// Neither keeping an IPv4 address nor looking at any allocates.
func TestKeptAllocations(t *testing.T) {
	four, _ := ParseLiteral("127.0.0.1", 1, abi.FamilyUnspecified)
	six, _ := ParseLiteral("::1", 1, abi.FamilyUnspecified)
	kept := six.Keep()
	ports := 0
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		ports += four.Keep().Sockaddr().Port() + kept.Sockaddr().Port()
	}))
	assert.NotZero(t, ports)
}
