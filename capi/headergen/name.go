package main

import (
	"regexp"
	"strings"
)

var (
	wordEnd    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronymEnd = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
)

// lowerSnake turns a Go name into a C one: TcpNoDelay into tcp_no_delay.
func lowerSnake(name string) string {
	name = strings.ReplaceAll(name, "IPv", "Ipv")
	name = acronymEnd.ReplaceAllString(name, "${1}_${2}")
	return strings.ToLower(wordEnd.ReplaceAllString(name, "${1}_${2}"))
}

func upperSnake(name string) string { return strings.ToUpper(lowerSnake(name)) }

// structName returns the C name of a Go struct.
func structName(name string) string { return "socket_" + lowerSnake(name) }
