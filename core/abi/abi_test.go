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
