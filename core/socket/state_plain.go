//go:build !strict

package socket

// reportIllegal counts the defect (internal_errors), and the library goes on as well as it can.
func reportIllegal(string) { Panicked() }
