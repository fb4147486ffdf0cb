package abi

// A Family says which addresses are meant. The numbers are part of the ABI.
type Family int32

const (
	FamilyUnspecified Family = 0 // whatever the address is; a name may have any
	FamilyIPv4        Family = 1
	FamilyIPv6        Family = 2
	FamilyDomain      Family = 3 // a name, all its addresses; a literal is accepted as well
)

// Allows reports whether an address of family a, IPv4 or IPv6, satisfies f.
func (f Family) Allows(a Family) bool {
	return f == a || f == FamilyUnspecified || f == FamilyDomain
}

// IsKnown reports whether there is such a family.
func (f Family) IsKnown() bool { return f >= FamilyUnspecified && f <= FamilyDomain }
