# make                  the library and the example programs
# make wheel            the Python package; make test-python: its tests
# make demo             the example programs at work, on this machine only
# make test             all tests
# bash tests/fresh/run.sh build 12|13 [user|test]
#                       make demo and make test on a bare Debian (as root; not part of make test)
# make soak             long runs of tests/soak (SECONDS=300: of random operations)
# make soak-random      the random operations alone
# make fuzz             all fuzz targets, each for FUZZTIME=30s
# make test-valgrind    the example programs under valgrind
# make test-mutations   breaks the library on purpose, place by place, and wants tests to fail (MUTATIONS="DATA-1 TLS-5b": these)
# make node             the Node package (bindings/node/node.mk has more): test-node, node-pack
# make bench            the benchmarks (QUICK=1: three minutes instead of half an hour), see tests/bench/bench.mk
# make lint             formatting, vet, staticcheck, eslint, ruff, warnings of the C compiler, generated files
# make header           include/ohsocket.h and what else is generated from the Go sources
# make install          PREFIX=/usr/local DESTDIR=
# make deps             the packages that all of this needs (as root: installs them)
# make clean
#
# OPENSSL=shared: with the distribution's libssl instead of a copy of its own (after make clean)

BUILD := build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DOCDIR ?= $(PREFIX)/share/doc/ohsocket
INCLUDEDIR ?= $(PREFIX)/include
CC := gcc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# For every call of go, here and in the scripts: tools/bin/go is one that is new enough.
export PATH := $(CURDIR)/tools/bin:$(PATH)
ifeq ($(OPENSSL),shared)
export GOFLAGS := $(GOFLAGS) -tags=openssl_shared
TAGS := ,openssl_shared
endif

VERSION := $(shell sed -n 's/^.define SOCKET_VERSION_STRING "\(.*\)"/\1/p' include/ohsocket.h)
SONAME := libohsocket.so.$(firstword $(subst ., ,$(VERSION)))
LIBRARY := libohsocket.so.$(VERSION)

HEADER := include/ohsocket.h include/ohsocket_errors.h
GO_SOURCES := $(shell find capi core -name '*.go' ! -name '*_test.go' ! -path '*/headergen/*' -o -name '*.[chs]') \
	go.mod go.sum $(HEADER) capi/exports.map Makefile tools/overlay.sh
EXAMPLES := $(patsubst examples_c/%.c,$(BUILD)/examples/%,$(wildcard examples_c/*.c))
TESTS := $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c))

.PHONY: all library examples demo test test-toolchain test-go test-abi test-c test-asan interop \
	header lint install clean deps soak soak-programs soak-random test-soak fuzz test-fuzz test-checkers test-valgrind \
	test-cgocheck test-ubsan test-tsan test-lsan test-mutations
.DELETE_ON_ERROR:
# One at a time: the parts that can be parallel are so themselves.
.NOTPARALLEL:

all: library examples

library: $(BUILD)/libohsocket.so
examples: $(EXAMPLES)

# ---- Library --------------------------------------------------------------------------------

# Only this makes a right library; plain `go build` leaves out the soname and the list of symbols.
# The linker wants an absolute path of the list.
GOFLAGS_LIBRARY = -trimpath -buildvcs=false -buildmode=c-shared -overlay $(BUILD)/go/overlay.json
OVERLAY = bash tools/overlay.sh $(BUILD)/go
LINK = -Wl,-soname,$(SONAME) -Wl,--version-script=$(CURDIR)/capi/exports.map -Wl,-z,relro,-z,now,-z,defs

$(BUILD)/$(LIBRARY): $(GO_SOURCES) | deps-library
	$(OVERLAY)
	go build $(GOFLAGS_LIBRARY) -ldflags "-s -w -extldflags '$(LINK)'" -o $(BUILD)/go/libohsocket.so ./capi
	mv $(BUILD)/go/libohsocket.so $@

$(BUILD)/asan/$(LIBRARY): $(GO_SOURCES) | deps-library
	@mkdir -p $(@D)
	$(OVERLAY)
	go build -asan $(GOFLAGS_LIBRARY) -ldflags "-extldflags '$(LINK)'" -o $(BUILD)/go/asan.so ./capi
	mv $(BUILD)/go/asan.so $@

# For fuzzing: with the address sanitizer, and without recover(). The tag strict puts a page that nobody may touch
# before and behind each mapping, and has memory that was given back overwritten.
$(BUILD)/strict/$(LIBRARY): $(GO_SOURCES) | deps-library
	@mkdir -p $(@D)
	$(OVERLAY) strict
	go build -asan -tags strict$(TAGS) $(subst overlay.json,strict.json,$(GOFLAGS_LIBRARY)) -ldflags "-extldflags '$(LINK)'" -o $(BUILD)/go/strict.so ./capi
	mv $(BUILD)/go/strict.so $@

# The runtime tells memcheck what it does with memory; memcheck does not read DWARF 5.
$(BUILD)/valgrind/$(LIBRARY): $(GO_SOURCES) | deps-test
	@mkdir -p $(@D)
	$(OVERLAY)
	GOEXPERIMENT=nodwarf5 go build -tags valgrind$(TAGS) $(GOFLAGS_LIBRARY) -ldflags "-extldflags '$(LINK)'" -o $(BUILD)/go/valgrind.so ./capi
	mv $(BUILD)/go/valgrind.so $@

# Every store of a Go pointer to where C can see it is checked.
$(BUILD)/cgocheck/$(LIBRARY): $(GO_SOURCES) | deps-library
	@mkdir -p $(@D)
	$(OVERLAY)
	GOEXPERIMENT=cgocheck2 go build $(GOFLAGS_LIBRARY) -ldflags "-extldflags '$(LINK)'" -o $(BUILD)/go/cgocheck.so ./capi
	mv $(BUILD)/go/cgocheck.so $@

ADDRESS := -fsanitize=address -fno-omit-frame-pointer
UNDEFINED := -fsanitize=undefined -fno-sanitize-recover=undefined

$(BUILD)/ubsan/$(LIBRARY): $(GO_SOURCES) | deps-library
	@mkdir -p $(@D)
	$(OVERLAY)
	CGO_CFLAGS='-O1 -g $(UNDEFINED)' CGO_LDFLAGS='$(UNDEFINED)' \
		go build $(GOFLAGS_LIBRARY) -ldflags "-extldflags '$(LINK)'" -o $(BUILD)/go/ubsan.so ./capi
	mv $(BUILD)/go/ubsan.so $@

%/libohsocket.so: %/$(LIBRARY)
	ln -sf $(LIBRARY) $*/$(SONAME)
	ln -sf $(SONAME) $@

header:
	go run ./capi/headergen

# ---- Programs -------------------------------------------------------------------------------

# Programs are not linked again when only the library has changed: they use it as installed ones do.

$(BUILD)/examples/%: examples_c/%.c $(wildcard examples_c/*.h) $(HEADER) | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) -Iinclude $< -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..' -pthread

TEST_FLAGS := -O1 -g $(WARNINGS) -Werror -Iinclude -pthread

$(BUILD)/valgrind/examples/%: examples_c/%.c $(wildcard examples_c/*.h) $(HEADER) | $(BUILD)/valgrind/libohsocket.so
	@mkdir -p $(@D)
	$(CC) -O1 -g $(WARNINGS) -Iinclude $< -o $@ -L$(BUILD)/valgrind -lohsocket '-Wl,-rpath,$$ORIGIN/..' -pthread

# A host under ThreadSanitizer, with the library as it is installed; race is the same with one.
$(BUILD)/tsan/host $(BUILD)/tsan/race: tests/checkers/tsan_host.c $(HEADER) | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -fsanitize=thread $(if $(filter %/race,$@),-DRACE) $< -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

# A source distribution of the Python package has no tests.
-include tests/c/tests.mk

SOAK_HELPERS := $(shell grep -L '^int main' tests/soak/*.c)
SOAK := $(patsubst tests/soak/%.c,%,$(filter-out $(SOAK_HELPERS),$(wildcard tests/soak/*.c))) random_ops
SOAK_SOURCES := $(SOAK_HELPERS) $(wildcard tests/soak/*.h) $(HEADER)
# These have a folder of sources each.
RANDOM_OPS := $(wildcard tests/soak/random_ops/*.[ch])
FUZZ_CALLS := $(wildcard tests/fuzz/fuzz_calls/*.[ch])
STRICT_FLAGS := $(TEST_FLAGS) $(ADDRESS)
STRICT_LINK := -L$(BUILD)/strict -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/soak/%: tests/soak/%.c $(SOAK_SOURCES) | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $< $(SOAK_HELPERS) -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/soak/random_ops: $(RANDOM_OPS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/strict/soak/random_ops: $(RANDOM_OPS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/strict/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(STRICT_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ $(STRICT_LINK)

$(BUILD)/strict/fuzz/fuzz_calls: $(FUZZ_CALLS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/strict/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(STRICT_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ $(STRICT_LINK)

# A host under AddressSanitizer, which looks for leaks at the end, with the library as it is installed.
$(BUILD)/lsan/host: tests/checkers/lsan_host.c $(HEADER) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(ADDRESS) $(CERTIFICATES_FLAG) $< -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

soak-programs: $(BUILD)/strict/libohsocket.so $(addprefix $(BUILD)/soak/,$(SOAK)) $(BUILD)/strict/soak/random_ops

# A source distribution of the Python package has none of these.
-include tests/bench/bench.mk
-include tests/tls/tls.mk
-include bindings/node/node.mk
-include bindings/python/python.mk

# ---- Running --------------------------------------------------------------------------------

demo: deps-demo all
	bash examples_c/demo.sh $(BUILD)

test: test-toolchain test-go test-abi test-c test-asan interop test-tls test-tls-asan test-python test-node test-soak test-fuzz test-checkers test-bench

test-toolchain: deps-test
	bash tests/toolchain/run.sh

test-go: deps-test
	go test -race ./core/... ./capi/...
	go test -tags strict ./core/buffer ./core/sys
	go test -tags strict -run Record ./core/socket

test-abi: deps-test library
	bash tests/abi_check.sh $(BUILD)

test-c: deps-test library $(addprefix $(BUILD)/tests/,$(TESTS))
	bash tests/c/run.sh $(BUILD)

# With leak detection, the default: the Go runtime tells LeakSanitizer where its heap is, so what only
# Go points to is not lost (tried: memory held as user_data is not reported, dropped memory is).
test-asan: deps-test $(BUILD)/asan/libohsocket.so $(addprefix $(BUILD)/asan/tests/,$(TESTS))
	bash tests/c/run.sh $(BUILD)/asan

interop: deps-test all
	bash tests/interop/run.sh $(BUILD)

SECONDS ?= 300
SOAK_SECONDS ?= 30
FUZZTIME ?= 30s
FUZZ_AT_ONCE ?= 2

soak: deps-test library soak-programs
	bash tests/soak/run.sh $(BUILD) full $(SECONDS)

test-soak: deps-test library soak-programs
	bash tests/soak/run.sh $(BUILD) short $(SOAK_SECONDS)

soak-random: deps-test $(BUILD)/soak/random_ops
	$(BUILD)/soak/random_ops --seconds $(SECONDS)

fuzz: deps-test $(BUILD)/strict/libohsocket.so $(BUILD)/strict/fuzz/fuzz_calls
	bash tests/fuzz/run.sh $(BUILD) $(FUZZTIME) $(FUZZ_AT_ONCE)

# `go test` has run what the Go targets start from; this runs the corpus of fuzz_calls, and a little more.
test-fuzz: deps-test $(BUILD)/strict/libohsocket.so $(BUILD)/strict/fuzz/fuzz_calls
	bash tests/fuzz/run.sh $(BUILD)

test-checkers: test-cgocheck test-ubsan test-valgrind test-tsan test-lsan

test-cgocheck: deps-test $(BUILD)/cgocheck/libohsocket.so $(patsubst tests/c/%.c,$(BUILD)/cgocheck/tests/%,$(CHECKED))
	bash tests/c/run.sh $(BUILD)/cgocheck

test-ubsan: deps-test $(BUILD)/ubsan/libohsocket.so $(patsubst tests/c/%.c,$(BUILD)/ubsan/tests/%,$(CHECKED))
	bash tests/c/run.sh $(BUILD)/ubsan

test-tsan: deps-test library $(BUILD)/tsan/host $(BUILD)/tsan/race
	bash tests/checkers/tsan.sh $(BUILD)

test-lsan: deps-test library $(BUILD)/lsan/host
	bash tests/checkers/lsan.sh $(BUILD)

test-mutations: deps-test library $(addprefix $(BUILD)/tests/,$(TESTS))
	bash tests/mutations/run.sh $(BUILD) $(MUTATIONS)

test-valgrind: deps-test $(BUILD)/valgrind/libohsocket.so $(patsubst examples_c/%.c,$(BUILD)/valgrind/examples/%,$(wildcard examples_c/*.c))
	bash tests/checkers/valgrind.sh $(BUILD)

# ---- Lint -----------------------------------------------------------------------------------

C_SOURCES = $(wildcard examples_c/*.c tests/c/*.c tests/c/tls/*.c tests/abi/*.c tests/checkers/*.c core/tlsengine/*.c) capi/glue.c

# wrappers_gen.c includes cgo's header under its internal name; the build leaves it under another.
RUFF := $(BUILD)/lint/ruff/bin/ruff

$(RUFF): tests/ruff.toml | deps-lint
	python3 -m venv $(BUILD)/lint/ruff
	$(BUILD)/lint/ruff/bin/pip install --quiet --disable-pip-version-check ruff==0.17.6
	@touch $@

lint: deps-lint library $(RUFF)
	$(RUFF) check --quiet --no-cache --config tests/ruff.toml bindings/python tests
	@echo gofmt -l capi core
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l capi core); test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go run ./capi/headergen -check
	bash tests/contracts_check.sh
	bash tests/imports_check.sh
	bash tests/licences_check.sh
	$(CC) $(WARNINGS) -Werror -fsyntax-only -Iinclude -Itests/c -Itests/c/tls -DTLS_CERTIFICATES='""' $(C_SOURCES)
	@mkdir -p $(BUILD)/lint
	cp $(BUILD)/go/libohsocket.h $(BUILD)/lint/_cgo_export.h
	$(CC) $(WARNINGS) -Werror -fsyntax-only -I$(BUILD)/lint -Icapi capi/wrappers_gen.c

# ---- Installing -----------------------------------------------------------------------------

install: library
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(DOCDIR)'
	install -m 644 LICENSE THIRD_PARTY '$(DESTDIR)$(DOCDIR)/'
	install -m 755 $(BUILD)/$(LIBRARY) '$(DESTDIR)$(LIBDIR)/'
	ln -sf $(LIBRARY) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libohsocket.so'
	install -m 644 $(HEADER) '$(DESTDIR)$(INCLUDEDIR)/'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' capi/ohsocket.pc.in >'$(DESTDIR)$(LIBDIR)/pkgconfig/ohsocket.pc'
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" -ne 0 ] || ldconfig

clean:
	rm -rf $(BUILD)

deps:
	@bash .ci/deps library test bench lint

# make deps-test: what one group needs.
deps-%:
	@bash .ci/deps $*
