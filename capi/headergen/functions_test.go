package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSummaryIsTheFirstSentence(t *testing.T) {
	f := Function{Name: "socket_x", Doc: "socket_x opens\na socket at \"127.0.0.1\", see socket_y. It may fail.\nErrors:\n  - A."}
	assert.Equal(t, "Opens a socket at \"127.0.0.1\", see `socket_y`.", f.summary())

	f = Function{Name: "socket_x", Doc: "socket_x returns a|b."}
	assert.Equal(t, `Returns a\|b.`, f.summary())
}
