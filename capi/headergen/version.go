package main

// The version of the library.
const (
	major = 1
	minor = 0
	patch = 0
)
