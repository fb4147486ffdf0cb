// Package handle has the integers by which hosts name objects. A handle is
//
//	bit 52      the tag of its table
//	bits 20-51  generation, from 1
//	bits  0-19  slot
//
// so that it is positive and exact as a double. Look-up takes no lock; a handle that was given
// back, or that nobody gave, finds nothing.
package handle
