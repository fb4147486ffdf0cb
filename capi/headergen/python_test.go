package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPythonTypes(t *testing.T) {
	p := &python{printer: &printer{}, api: &API{Structs: []Struct{{Name: "socket_near"}}}}
	for c, want := range map[string]string{
		"int":                 "c_int",
		"socket_handle":       "c_int64",
		"const void *":        "c_void_p",
		"char *":              "c_char_p",
		"const char *const *": "POINTER(c_char_p)",
		"int *":               "POINTER(c_int)",
		"const socket_near *": "POINTER(socket_near)",
		"socket_near":         "socket_near",
	} {
		assert.Equal(t, want, p.ctype(c), c)
	}
	require.NoError(t, p.err)
	p.ctype("double")
	assert.ErrorContains(t, p.err, `no ctypes type for "double"`)
}

func TestPythonRecordsLeaveReservedMembersOut(t *testing.T) {
	near := Struct{Name: "socket_near", Size: 16, Members: []Member{
		{Type: "const char *", Name: "text"}, {Type: "int32_t", Name: "port", Offset: 8}, {Type: "int32_t", Name: "family", Offset: 12}}}
	event := Struct{Name: "socket_event", Size: 40, Members: []Member{
		{Type: "int32_t", Name: "type"}, {Type: "int32_t", Name: "reserved", Offset: 4},
		{Type: "socket_near", Name: "near", Struct: "socket_near", Offset: 8},
		{Type: "uint64_t", Name: "reserved2", Array: 2, Offset: 24}}}
	p := &python{printer: &printer{}, api: &API{Structs: []Struct{near, event}}}
	p.records()
	require.NoError(t, p.err)
	assert.Contains(t, p.String(), `EVENT_FORMAT: Final = "=i4xQii16x"`)
	assert.Contains(t, p.String(), "# type, near.text, near.port, near.family.")
}
