package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"TcpNoDelay":       "tcp_no_delay",
		"TCPNoDelay":       "tcp_no_delay",
		"OOBInline":        "oob_inline",
		"TCPServer":        "tcp_server",
		"UDP":              "udp",
		"IPv6Only":         "ipv6_only",
		"IPv4":             "ipv4",
		"TimeoutMs":        "timeout_ms",
		"KeepAliveIdle":    "keep_alive_idle",
		"GoHeapBytes":      "go_heap_bytes",
		"SendQueueLimit":   "send_queue_limit",
		"IsClose":          "is_close",
		"MessagesReceived": "messages_received",
	} {
		assert.Equal(t, want, lowerSnake(name))
	}
	assert.Equal(t, "socket_state_info", structName("StateInfo"))
}
