package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func structsOf(t *testing.T, text string) ([]Struct, error) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "x.go"), []byte("package x\n"+text), 0o600))
	p, err := newSource(root).load(".", "x.go")
	require.NoError(t, err)
	return p.structs(nil)
}

func TestStructs(t *testing.T) {
	structs, err := structsOf(t, `
		// Near is one of two: socket_near.
		type Near struct { P uintptr `+"`c:\"const char *\"`"+` }
		type State int32
		// FarAway has all.
		type FarAway struct {
			// The state.
			StructSize uint32
			State State
			Near Near
			_ int32
			_ [3]uint32
		}`)
	require.NoError(t, err)
	assert.Equal(t, []Struct{
		{"socket_near", "socket_near is one of two.", []Member{{Type: "const char *", Name: "p"}}, 8},
		{"socket_far_away", "socket_far_away has all.", []Member{
			{Type: "uint32_t", Name: "struct_size", Doc: "The state."},
			{Type: "int32_t", Name: "state", Offset: 4},
			{Type: "socket_near", Name: "near", Struct: "socket_near", Offset: 8},
			{Type: "int32_t", Name: "reserved", Offset: 16},
			{Type: "uint32_t", Name: "reserved2", Array: 3, Offset: 20},
		}, 32},
	}, structs)
	api := &API{Structs: structs}
	assert.Equal(t, "{ sizeof(socket_far_away), 0, { NULL }, 0, { 0, 0, 0 } }", api.zeros(structs[1]))
}

func TestStructsRefuseWhatCWouldLayOutUnseen(t *testing.T) {
	for _, text := range []string{
		"type X struct { A int32; B int64 }",
		"type X struct { A int64; B int32 }",
		"type X struct { A uintptr }",
		"type X struct { A string }",
		"type X struct { A int }",
	} {
		_, err := structsOf(t, text)
		assert.Error(t, err, text)
	}
}
