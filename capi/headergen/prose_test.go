package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProse(t *testing.T) {
	assert.Equal(t, "Kinds of socket_extra_options. More.", prose("Kinds of ExtraOptions. In C:\nSOCKET_EXTRA_*. More.\n"))
	assert.Equal(t, "socket_event is what is given. It stays.",
		structDoc("Event is what is given: socket_event. It stays.\n", "Event", "socket_event"))
	assert.Equal(t, "A client.", sentence("a client."))
	assert.Equal(t, "keep_alive applies.", sentence("keep_alive applies."))
}

func TestComment(t *testing.T) {
	assert.Empty(t, comment("", "", 20))
	assert.Equal(t, "  /* one line */\n", comment("one\nline", "  ", 20))
	assert.Equal(t, "/*\n * some words that\n * need two lines\n */\n", comment("some words that need two lines", "", 18))
	assert.Equal(t, "/*\n * It does.\n * Errors: none.\n *\n * More.\n */\n",
		comment("It does. Errors:\nnone.\n\nMore.", "", 18))
	assert.Equal(t, "/*\n * It does.\n * Errors:\n *   - A: one\n *     two.\n *   - B.\n */\n",
		comment("It does.\nErrors:\n  - A:\n    one two.\n  - B.\n", "", 16))
	assert.Equal(t, "/*\n * some words\n *\n *     a   b\n *     c   d\n */\n",
		comment("some\nwords\n\n    a   b\n    c   d", "", 16))
}
