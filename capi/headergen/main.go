// Headergen writes what is derived from the Go sources of the library: the public header, the C
// wrappers of the exported functions, the list of the ABI, the table of functions in docs/reference
// and the ctypes declarations of the Python package.
//
//	go run ./capi/headergen          write the files
//	go run ./capi/headergen -check   write nothing; fail if one of them would change
//
// It is run from the root of the repository.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	check := flag.Bool("check", false, "fail if a generated file is out of date, write nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "headergen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	api, err := readAPI(".")
	if err != nil {
		return err
	}
	if err := api.checkProse(); err != nil {
		return err
	}
	header, codes := renderHeader(api), renderErrors(api)
	python, err := renderPython(api)
	if err != nil {
		return err
	}
	outputs := []struct {
		path string
		text []byte
	}{
		{"include/ohsocket.h", header},
		{"include/ohsocket_errors.h", codes},
		{"capi/wrappers_gen.c", renderWrappers(api, header, codes)},
		{"docs/reference/abi.txt", renderABI(api)},
		{"docs/reference/functions.md", renderFunctions(api)},
		{"bindings/node/lib/constants.js", renderNode(api)},
		{"bindings/node/lib/constants.d.ts", renderNodeTypes(api)},
		{"bindings/python/ohsocket/_abi.py", python},
	}
	stale := 0
	for _, o := range outputs {
		old, err := os.ReadFile(o.path)
		if err == nil && bytes.Equal(old, o.text) {
			continue
		}
		if check {
			fmt.Fprintf(os.Stderr, "headergen: %s is out of date; run: make header\n", o.path)
			stale++
			continue
		}
		if err := os.WriteFile(o.path, o.text, 0o644); err != nil {
			return err
		}
	}
	if stale > 0 {
		return fmt.Errorf("%d file(s) out of date", stale)
	}
	return nil
}
