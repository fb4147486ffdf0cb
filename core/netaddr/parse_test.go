package netaddr

import (
	"math"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
)

func loopbackIndex(t testing.TB) uint32 {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	return uint32(lo.Index)
}

var noDevice = errcode.FromErrno(errcode.Client, unix.ENODEV)

// ADDR-1
func TestParseLiteral(t *testing.T) {
	lo := strconv.Itoa(int(loopbackIndex(t)))
	const (
		any, v4, v6, domain = abi.FamilyUnspecified, abi.FamilyIPv4, abi.FamilyIPv6, abi.FamilyDomain
	)
	for _, test := range []struct {
		text   string
		family abi.Family
		want   string // empty: refused
		code   errcode.Code
	}{
		{"127.0.0.1", any, "127.0.0.1", errcode.OK},
		{"127.0.0.1", v4, "127.0.0.1", errcode.OK},
		{"127.0.0.1", domain, "127.0.0.1", errcode.OK},
		{"127.0.0.1", v6, "", errcode.Parameter},
		{"0.0.0.0", any, "0.0.0.0", errcode.OK},
		{"255.255.255.255", any, "255.255.255.255", errcode.OK},
		{"::", any, "::", errcode.OK},
		{"::1", v6, "::1", errcode.OK},
		{"::1", domain, "::1", errcode.OK},
		{"::1", v4, "", errcode.Parameter},
		{"2001:DB8:0:0::1", any, "2001:db8::1", errcode.OK},
		{"::ffff:1.2.3.4", v6, "::ffff:1.2.3.4", errcode.OK},
		{"::ffff:1.2.3.4", v4, "", errcode.Parameter},
		{"::1.2.3.4", v6, "::102:304", errcode.OK},

		{"localhost", any, "127.0.0.1", errcode.OK},
		{"localhost", v4, "127.0.0.1", errcode.OK},
		{"localhost", domain, "127.0.0.1", errcode.OK},
		{"localhost", v6, "::1", errcode.OK},
		{"localhost.", any, "127.0.0.1", errcode.OK},
		{"Localhost", v6, "::1", errcode.OK},
		{"localhost..", any, "", errcode.Parameter},
		{"www.LocalHost", any, "127.0.0.1", errcode.OK},
		{"a.b.localhost.", v6, "::1", errcode.OK},
		{".localhost", any, "", errcode.Parameter},
		{"a..localhost", any, "", errcode.Parameter},
		{"a b.localhost", any, "", errcode.Parameter},
		{"notlocalhost", any, "", errcode.Parameter},
		{"localhost.example", any, "", errcode.Parameter},
		{"example.com", domain, "", errcode.Parameter},

		{"", any, "", errcode.Parameter},
		{" 127.0.0.1", any, "", errcode.Parameter},
		{"127.0.0.1 ", any, "", errcode.Parameter},
		{"127.0.0.1\x00", any, "", errcode.Parameter},
		{"4564646", any, "", errcode.Parameter},
		{"127.1", any, "", errcode.Parameter},
		{"1.2.3", any, "", errcode.Parameter},
		{"1.2.3.4.5", any, "", errcode.Parameter},
		{"1.2.3.256", any, "", errcode.Parameter},
		{"01.2.3.4", any, "", errcode.Parameter},
		{"0x7f.0.0.1", any, "", errcode.Parameter},
		{"[::1]", any, "", errcode.Parameter},
		{"::1:", any, "", errcode.Parameter},
		{"1:2:3:4:5:6:7", any, "", errcode.Parameter},
		{"::1/64", any, "", errcode.Parameter},
		{strings.Repeat("1", maxText+1), any, "", errcode.Parameter},

		{"fe80::1%lo", any, "fe80::1%lo", errcode.OK},
		{"fe80::1%lo", v6, "fe80::1%lo", errcode.OK},
		{"fe80::1%" + lo, any, "fe80::1%lo", errcode.OK},
		{"ff02::1%lo", any, "ff02::1%lo", errcode.OK},
		{"fe80::1%lo", v4, "", errcode.Parameter},
		{"fe80::1%nosuch0", any, "", noDevice},
		{"fe80::1%nosuch0", v4, "", errcode.Parameter},
		{"fe80::1%0", any, "", noDevice},
		{"fe80::1%2147483647", any, "", noDevice},
		{"fe80::1%4294967297", any, "", noDevice},
		{"fe80::1%-1", any, "", noDevice},
		{"fe80::1%", any, "", errcode.Parameter},
		{"fe80::1%lo%lo", any, "", errcode.Parameter},
		{"fe80::1%lo:0", any, "", errcode.Parameter},
		{"fe80::1%l o", any, "", errcode.Parameter},
		{"fe80::1%lo\x00", any, "", errcode.Parameter},
		{"fe80::1%a/b", any, "", errcode.Parameter},
		{"fe80::1%sixteencharacter", any, "", errcode.Parameter},
		{"127.0.0.1%lo", any, "", errcode.Parameter},
		{"::ffff:1.2.3.4%lo", any, "", errcode.Parameter},
		{"localhost%lo", any, "", errcode.Parameter},
	} {
		s, code := ParseLiteral(test.text, 8080, test.family)
		assert.Equal(t, test.code, code, "%q %d", test.text, test.family)
		assert.Equal(t, test.want, string(s.AppendText(nil)), "%q %d", test.text, test.family)
		assert.Equal(t, test.want != "", s.IsValid())
		if s.IsValid() {
			assert.Equal(t, 8080, s.Port())
		}
		if test.code == errcode.OK && !isLocalhost(test.text) {
			target, code := ParseTarget(test.text, 8080, test.family)
			assert.Equal(t, errcode.OK, code, test.text)
			got, ok := target.Literal()
			assert.True(t, ok)
			assert.Equal(t, s, got)
			assert.Empty(t, target.Host())
		}
	}
}

func TestPortAndFamilyRange(t *testing.T) {
	for _, port := range []int32{0, 1, 65535} {
		s, code := ParseLiteral("::1", port, abi.FamilyUnspecified)
		assert.Equal(t, errcode.OK, code)
		assert.EqualValues(t, port, s.Port())
		target, code := ParseTarget("example.com", port, abi.FamilyUnspecified)
		assert.Equal(t, errcode.OK, code)
		assert.EqualValues(t, port, target.Port())
	}
	for _, port := range []int32{-1, 65536, 65537, math.MinInt32, math.MaxInt32} {
		_, code := ParseLiteral("::1", port, abi.FamilyUnspecified)
		assert.Equal(t, errcode.Parameter, code, "%d", port)
		_, code = ParseTarget("::1", port, abi.FamilyUnspecified)
		assert.Equal(t, errcode.Parameter, code, "%d", port)
	}
	for _, family := range []abi.Family{-1, 4, math.MinInt32, math.MaxInt32} {
		_, code := ParseLiteral("::1", 1, family)
		assert.Equal(t, errcode.Parameter, code, "%d", family)
		_, code = ParseTarget("example.com", 1, family)
		assert.Equal(t, errcode.Parameter, code, "%d", family)
	}
}

func TestParseTargetHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".")
	require.Len(t, longest, 253)
	for _, text := range []string{
		"example.com", "example.com.", "a", "A-b_c.9d", "1.2.3.4.example", "0xg", "xn--bcher-kva.example",
		"4a", "localhost", "localhost.", label, longest, longest + ".",
	} {
		target, code := ParseTarget(text, 80, abi.FamilyUnspecified)
		assert.Equal(t, errcode.OK, code, text)
		assert.Equal(t, text, target.Host())
		_, ok := target.Literal()
		assert.False(t, ok, text)
	}
	target, code := ParseTarget("B\u00fccher.Example.", 80, abi.FamilyUnspecified)
	assert.Equal(t, errcode.OK, code)
	assert.Equal(t, "xn--bcher-kva.example.", target.Host())
	for _, text := range []string{
		"", ".", "..", ".a", "a..b", "a..", "a b", "a:1", "a/b", "user@host", "bücher..example", "１.２.３.４", "１２７.1", "\u0300.example", "\xff", "a\x00", "a%lo",
		"4564646", "127.1", "1.2.3.256", "0x7f000001", "0X7F.1", "0x", "a.0xff", "1.2.3.4.", "[::1]",
		label + "a", longest + "a", strings.Repeat("a.", 200),
	} {
		target, code := ParseTarget(text, 80, abi.FamilyUnspecified)
		assert.Equal(t, errcode.Parameter, code, "%q", text)
		assert.Zero(t, target)
	}
	for _, test := range []struct {
		text   string
		family abi.Family
		code   errcode.Code
	}{
		{"::1", abi.FamilyIPv4, errcode.Parameter},
		{"127.0.0.1", abi.FamilyIPv6, errcode.Parameter},
		{"fe80::1%nosuch0", abi.FamilyDomain, noDevice},
	} {
		_, code := ParseTarget(test.text, 80, test.family)
		assert.Equal(t, test.code, code, test.text)
	}
}

func TestTargetLocalhost(t *testing.T) {
	for family, want := range map[abi.Family]string{abi.FamilyIPv4: "127.0.0.1:80", abi.FamilyIPv6: "[::1]:80"} {
		target, code := ParseTarget("localhost", 80, family)
		require.Equal(t, errcode.OK, code)
		s, ok := target.Literal()
		assert.True(t, ok)
		assert.Equal(t, want, s.String())
		assert.Equal(t, "localhost", target.Host())
	}
}

func addSeeds(f *testing.F) {
	for _, text := range []string{
		"", "127.0.0.1", "::1", "::ffff:1.2.3.4", "fe80::1%lo", "fe80::1%1", "localhost", "example.com.", "4564646",
		"[::1]", "0x7f.1", "a..b", "::1%", "1.2.3.4%lo",
	} {
		for family := range abi.Family(5) {
			f.Add(text, int32(80), int32(family))
		}
	}
	f.Add("::1", int32(65536), int32(0))
}

// checkLiteral checks that an accepted address is what was asked for and that
// its text gives the same address again.
func checkLiteral(t *testing.T, s Sockaddr, port, family int32) {
	require.True(t, s.IsValid())
	require.EqualValues(t, port, s.Port())
	require.True(t, abi.Family(family).Allows(s.AddressFamily()))
	again, code := ParseLiteral(string(s.AppendText(nil)), port, abi.Family(family))
	require.Equal(t, errcode.OK, code, s)
	require.Equal(t, s, again)
}

func FuzzParseLiteral(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string, port, family int32) {
		s, code := ParseLiteral(text, port, abi.Family(family))
		if code != errcode.OK {
			require.Zero(t, s)
			return
		}
		checkLiteral(t, s, port, family)
		_, code = ParseTarget(text, port, abi.Family(family))
		require.Equal(t, errcode.OK, code)
	})
}

func FuzzParseTarget(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string, port, family int32) {
		target, code := ParseTarget(text, port, abi.Family(family))
		if code != errcode.OK {
			require.Zero(t, target)
			return
		}
		require.EqualValues(t, port, target.Port())
		s, ok := target.Literal()
		if ok {
			checkLiteral(t, s, port, family)
		}
		if target.Host() == "" {
			require.True(t, ok)
		} else {
			ascii, err := ToASCII(text)
			require.NoError(t, err)
			require.Equal(t, ascii, target.Host())
			again, code := ParseTarget(ascii, port, abi.Family(family))
			require.Equal(t, errcode.OK, code, "%q of %q", ascii, text)
			require.Equal(t, target, again)
		}
	})
}
