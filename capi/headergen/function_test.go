package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePrototype(t *testing.T) {
	f, err := parsePrototype("const char *socket_x(socket_handle socket, const void *data, uint32_t mask)")
	require.NoError(t, err)
	assert.Equal(t, Function{
		Name: "socket_x", Result: "const char *",
		Parameters: []Parameter{{"socket_handle", "socket"}, {"const void *", "data"}, {"uint32_t", "mask"}},
	}, f)
	assert.Equal(t, "const char *socket_x(socket_handle socket, const void *data, uint32_t mask)", f.declaration(100))
	assert.Equal(t, "const char *socket_x(socket_handle socket,\n    const void *data, uint32_t mask)", f.declaration(44))

	f, err = parsePrototype("int socket_run(void)")
	require.NoError(t, err)
	assert.Equal(t, Function{Name: "socket_run", Result: "int"}, f)

	for _, bad := range []string{"", "int x", "int x()", "int x(int)", "int x(int a,int b)", "x(void)"} {
		_, err := parsePrototype(bad)
		assert.Error(t, err, "%q", bad)
	}
}

// read reads one function of a Go file with this comment, directive and signature.
func read(t *testing.T, prototype, directive, signature string) ([]Function, error) {
	path := filepath.Join(t.TempDir(), "x.go")
	text := "package main\n\nimport \"C\"\n\n// C: " + prototype + "\n//\n// It does.\n//\n" + directive +
		"\nfunc goX" + signature + " { return 0 }\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return readFunctions(path)
}

func TestReadFunctions(t *testing.T) {
	functions, err := read(t, "int socket_x(socket_loop loop, void *data)", "//export goX",
		"(thread uintptr, loop int64, data uintptr) (result int32)")
	require.NoError(t, err)
	assert.Equal(t, []Function{{
		Name: "socket_x", Result: "int", GoName: "goX", Thread: true, Doc: "It does.",
		Parameters: []Parameter{{"socket_loop", "loop"}, {"void *", "data"}},
	}}, functions)
}

func TestReadFunctionsRefusesWhatDiffers(t *testing.T) {
	const export = "//export goX"
	for _, c := range []struct{ prototype, directive, signature, says string }{
		{"int socket_x(int a)", export, "(a int64) (result int32)", "parameters"},
		{"int socket_x(int a)", export, "(a, b int32) (result int32)", "parameters"},
		{"int socket_x(size_t a)", export, "(a int64) (result int32)", "parameters"},
		{"int socket_x(const socket_address *a)", export, "(a int64) (result int32)", "parameters"},
		{"int socket_x(void)", export, "() (result int64)", "result"},
		{"int64_t socket_x(void)", export, "() (result int32)", "result"},
		{"int socket_x(void)", "//export goY", "() (result int32)", "export"},
		{"int socket_x", export, "() (result int32)", "not a prototype"},
	} {
		_, err := read(t, c.prototype, c.directive, c.signature)
		if assert.Error(t, err, "%+v", c) {
			assert.Contains(t, err.Error(), c.says)
		}
	}
}

func TestReadFunctionsNeedsCgo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.go")
	text := "package main\n\n// C: int socket_x(void)\n//\n//export goX\nfunc goX() (result int32) { return 0 }\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	_, err := readFunctions(path)
	assert.ErrorContains(t, err, `import "C"`)
}

func TestOutputsAreUpToDate(t *testing.T) {
	t.Chdir("../..")
	assert.NoError(t, run(true))
}

func TestHeaderDependsOnNothingElse(t *testing.T) {
	t.Chdir("../..")
	a, err := readAPI(".")
	require.NoError(t, err)
	b, err := readAPI(".")
	require.NoError(t, err)
	assert.Equal(t, renderHeader(a), renderHeader(b))
	for line := range strings.SplitSeq(string(renderHeader(a))+string(renderErrors(a)), "\n") {
		assert.Equal(t, strings.TrimRight(line, " \t"), line)
		assert.LessOrEqual(t, len(line), width, line)
	}
}

func TestEveryFunctionIsInASection(t *testing.T) {
	t.Chdir("../..")
	api, err := readAPI(".")
	require.NoError(t, err)
	var functions []Function
	for _, s := range api.Sections {
		functions = append(functions, s.Functions...)
	}
	_, err = arrange(append(functions, Function{Name: "socket_new"}))
	assert.ErrorContains(t, err, "socket_new is in no section")
	_, err = arrange(functions[1:])
	assert.ErrorContains(t, err, "there is no function "+functions[0].Name)
}

func TestErrorsAreNamed(t *testing.T) {
	t.Chdir("../..")
	api, err := readAPI(".")
	require.NoError(t, err)
	require.NoError(t, api.checkProse())
	api.Sections[0].Functions[0].Doc += " 2301110"
	assert.ErrorContains(t, api.checkProse(), "write SOCKET_ERROR_TIMEDOUT instead of 2301110")
}
