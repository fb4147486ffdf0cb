//go:build strict

package socket

// reportIllegal stops the program: this build is there to find defects.
func reportIllegal(what string) { panic(what) }
