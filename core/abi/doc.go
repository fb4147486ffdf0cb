// Package abi has the types that C sees: the structs and constants of the header, whose layout and
// numbers never change, and the functions by which the library calls its host. capi/headergen makes
// the header, and the constants of the bindings, of it.
package abi
