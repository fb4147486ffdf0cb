# make                  the library and the example programs
# make demo             the example programs at work, on this machine only
# make test             all tests; the groups are in mk/test.mk, tests/README.md says what they are
# make lint             formatting, vet, staticcheck, eslint, ruff, warnings of the C compiler, generated files
# make install          PREFIX=/usr/local DESTDIR=; make uninstall
# make wheel            the Python package (bindings/python/python.mk has more): test-python, test-sdist
# make node             the Node package (bindings/node/node.mk has more): test-node, node-pack
# make header           include/ohsocket.h and what else is generated from the Go sources
# make soak             long runs of tests/soak (SECONDS=300: of random operations); soak-random: these alone
# make fuzz             all fuzz targets, each for FUZZTIME=30s
# make test-valgrind    the example programs under valgrind
# make test-mutations   breaks the library on purpose, place by place (MUTATIONS="DATA-1 TLS-5b": these)
# make bench            the benchmarks (QUICK=1: three minutes instead of half an hour), see tests/bench/bench.mk
# make deps             the packages that all of this needs (as root: installs them)
# make clean            removes build/
# make help             this list
#
# bash tests/fresh/run.sh build 12|13 [user|test]
#                       make demo and make test on a bare Debian (as root; not part of make test)
# OPENSSL=shared        with the distribution's libssl instead of a copy of its own (after make clean)

BUILD := build
CC := gcc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra

# For every call of go, here and in the scripts: tools/bin/go is one that is new enough.
export PATH := $(CURDIR)/tools/bin:$(PATH)
ifeq ($(OPENSSL),shared)
export GOFLAGS := $(GOFLAGS) -tags=openssl_shared
endif

VERSION := $(shell sed -n 's/^.define SOCKET_VERSION_STRING "\(.*\)"/\1/p' include/ohsocket.h)
SONAME := libohsocket.so.$(firstword $(subst ., ,$(VERSION)))
LIBRARY := libohsocket.so.$(VERSION)
HEADER := include/ohsocket.h include/ohsocket_errors.h
EXAMPLES := $(patsubst examples_c/%.c,$(BUILD)/examples/%,$(wildcard examples_c/*.c))

.PHONY: all library examples demo header clean deps help
.DELETE_ON_ERROR:
# One at a time: the parts that can be parallel are so themselves.
.NOTPARALLEL:

all: library examples

library: $(BUILD)/libohsocket.so
examples: $(EXAMPLES)

include mk/library.mk
include mk/install.mk
# A source distribution of the Python package has none of these.
-include mk/programs.mk
-include mk/test.mk
-include mk/lint.mk
-include tests/bench/bench.mk
-include tests/tls/tls.mk
-include bindings/node/node.mk
-include bindings/python/python.mk

header:
	go run ./capi/headergen

demo: deps-demo all
	bash examples_c/demo.sh $(BUILD)

clean:
	rm -rf $(BUILD)

deps:
	@bash .ci/deps library test bench lint

# make deps-test: what one group needs.
deps-%:
	@bash .ci/deps $*

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile
