package abi

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// A program that was compiled yesterday reads what is filled today.
func TestLayout(t *testing.T) {
	for _, test := range []struct {
		name       string
		size, want uintptr
	}{
		{"socket_address", unsafe.Sizeof(Address{}), 16},
		{"socket_buffer", unsafe.Sizeof(Buffer{}), 16},
		{"socket_event", unsafe.Sizeof(Event{}), 96},
		{"socket_event.data", unsafe.Offsetof(Event{}.Data), 32},
		{"socket_event.remote", unsafe.Offsetof(Event{}.Remote), 56},
	} {
		assert.Equal(t, test.want, test.size, test.name)
	}
}

// Every kind connects, listens, is accepted, or has datagrams.
func TestKinds(t *testing.T) {
	for kind := KindTCP; kind <= KindTLSConnection; kind++ {
		roles := 0
		for _, is := range []bool{kind.IsClient(), kind.IsServer(), kind.IsConnection(), !kind.IsStream()} {
			if is {
				roles++
			}
		}
		assert.Equal(t, 1, roles, "kind %d", kind)
	}
}

func TestFamilies(t *testing.T) {
	for _, test := range []struct {
		wanted, is Family
		allows     bool
	}{
		{FamilyUnspecified, FamilyIPv4, true}, {FamilyUnspecified, FamilyIPv6, true},
		{FamilyDomain, FamilyIPv4, true}, {FamilyDomain, FamilyIPv6, true},
		{FamilyIPv4, FamilyIPv4, true}, {FamilyIPv4, FamilyIPv6, false},
		{FamilyIPv6, FamilyIPv6, true}, {FamilyIPv6, FamilyIPv4, false},
	} {
		assert.Equal(t, test.allows, test.wanted.Allows(test.is), "%d %d", test.wanted, test.is)
	}
	assert.False(t, Family(-1).IsKnown())
	assert.False(t, (FamilyDomain + 1).IsKnown())
	assert.True(t, FamilyDomain.IsKnown())
}
