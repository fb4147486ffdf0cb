# make bench            compares the library with its peers: build/bench/report.md, with plots, and results.json
#                       (QUICK=1: one short round, under three minutes; CASES=tcp100,idle: only these)
# make bench-report     makes the report again from results.json
# make bench-publish    copies the last report to docs/quality/benchmarks/
# make test-bench       every server with every load for a moment, answers checked; only those peers whose
#                       dependencies the tests have anyway (ALL=1: all of them)
# make bench-compare    the cost of a message with this library and with another: BASE=FOLDER has its libohsocket.so.1
#                       (CASES=tcp1,udp64 PAIRS=15 LIMIT=1.01)
# make bench-programs   only builds

BENCH_OUT := $(BUILD)/bench
BENCH_FLAGS := -O2 -g $(WARNINGS) -Iinclude -pthread
BENCH_HEADERS := $(wildcard tests/bench/*.h)
BENCH_ASIO_HEADERS := $(wildcard tests/bench/*.hpp)

# Programs are what has a main function; the rest are helpers, linked as archives: a program gets what
# it uses. Helpers and programs of libuv and Asio need more than the tests.
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BENCH_HELPERS := $(shell grep -L '^int main' $(BENCH_SOURCES))
BENCH_PROGRAMS := $(filter-out $(BENCH_HELPERS),$(BENCH_SOURCES))
BENCH_UV_HELPERS := $(filter tests/bench/uv_%,$(BENCH_HELPERS))
BENCH_TLS_HELPERS := $(filter tests/bench/tls_%,$(BENCH_HELPERS))
BENCH_PLAIN_HELPERS := $(filter-out $(BENCH_UV_HELPERS) $(BENCH_TLS_HELPERS),$(BENCH_HELPERS))
# io_uring is a peer where there is a liburing that is new enough (2.3; Debian: liburing-dev).
BENCH_URING := $(shell grep -qs io_uring_prep_recv_multishot /usr/include/liburing.h && echo $(BENCH_OUT)/tcp_echo_uring)
BENCH_PROGRAMS := $(filter-out %_uring.c,$(BENCH_PROGRAMS))
BENCH_PEERS := $(BENCH_URING) $(patsubst tests/bench/%.c,$(BENCH_OUT)/%,$(filter %_libuv.c,$(BENCH_PROGRAMS))) \
	$(patsubst tests/bench/%.cpp,$(BENCH_OUT)/%,$(wildcard tests/bench/*.cpp))
BENCH_PLAIN := $(filter-out $(BENCH_PEERS),$(patsubst tests/bench/%.c,$(BENCH_OUT)/%,$(BENCH_PROGRAMS))) \
	$(BENCH_OUT)/gonet
BENCH_VENV := $(BENCH_OUT)/venv

.PHONY: bench bench-compare bench-report bench-publish bench-programs test-bench

bench_objects = $(patsubst tests/bench/%.c,$(BENCH_OUT)/%.o,$1)

$(BENCH_OUT)/helpers.a: $(call bench_objects,$(BENCH_PLAIN_HELPERS))
$(BENCH_OUT)/uv_helpers.a: $(call bench_objects,$(BENCH_UV_HELPERS))
$(BENCH_OUT)/tls_helpers.a: $(call bench_objects,$(BENCH_TLS_HELPERS))
$(BENCH_OUT)/%.a:
	rm -f $@
	ar rcs $@ $^

$(BENCH_OUT)/%.o: tests/bench/%.c $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -c $< -o $@

$(BENCH_OUT)/%_ohsocket: tests/bench/%_ohsocket.c $(BENCH_HEADERS) $(BENCH_OUT)/helpers.a $(HEADER) | $(BUILD)/libohsocket.so
	$(CC) $(BENCH_FLAGS) $< $(BENCH_OUT)/helpers.a -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..' -lm

$(BENCH_OUT)/%_libuv: tests/bench/%_libuv.c $(BENCH_HEADERS) $(BENCH_OUT)/uv_helpers.a $(BENCH_OUT)/helpers.a
	$(CC) $(BENCH_FLAGS) $< $(BENCH_OUT)/uv_helpers.a $(BENCH_OUT)/helpers.a -o $@ -luv -lm

$(BENCH_OUT)/%_uring: tests/bench/%_uring.c $(BENCH_HEADERS) $(BENCH_OUT)/helpers.a
	$(CC) $(BENCH_FLAGS) $< $(BENCH_OUT)/helpers.a -o $@ -luring -lm

$(BENCH_OUT)/tls_%: tests/bench/tls_%.c $(BENCH_HEADERS) $(BENCH_OUT)/tls_helpers.a $(BENCH_OUT)/helpers.a
	$(CC) $(BENCH_FLAGS) $< $(BENCH_OUT)/tls_helpers.a $(BENCH_OUT)/helpers.a -o $@ -lssl -lcrypto -lm

$(BENCH_OUT)/%_asio: tests/bench/%_asio.cpp $(BENCH_ASIO_HEADERS)
	@mkdir -p $(@D)
	g++ -std=c++17 $(BENCH_FLAGS) $< -o $@ -lssl -lcrypto

$(BENCH_OUT)/%: tests/bench/%.c $(BENCH_HEADERS) $(BENCH_OUT)/helpers.a $(HEADER)
	$(CC) $(BENCH_FLAGS) $< $(BENCH_OUT)/helpers.a -o $@ -lm -ldl

$(BENCH_OUT)/gonet: tests/bench/gonet/main.go go.mod
	go build -trimpath -o $@ ./tests/bench/gonet

# Plots are drawn with matplotlib; uvloop is a peer. Both live in the build folder only.
$(BENCH_VENV)/installed: tests/bench/requirements.txt
	python3 -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The addon is a server's need as soon as there is one.
bench-programs: deps-bench library examples $(BENCH_PLAIN) $(BENCH_PEERS) $(BENCH_VENV)/installed \
	$(if $(wildcard bindings/node/node.mk),node)

BENCH_RUN = $(BENCH_VENV)/bin/python tests/bench/bench.py --build $(BUILD)

bench: bench-programs
	$(BENCH_RUN) $(if $(QUICK),--quick) $(if $(CASES),--cases $(CASES))

# The servers and loads of this build, which need no more than the tests.
bench-compare: deps-test library examples $(BENCH_PLAIN)
	@test -n '$(BASE)' || { echo 'make bench-compare BASE=FOLDER: that of another libohsocket.so.1' >&2; exit 2; }
	python3 tests/bench/compare.py --build $(BUILD) --base $(BASE) $(if $(CASES),--cases $(CASES)) \
		$(if $(PAIRS),--pairs $(PAIRS)) $(if $(LIMIT),--limit $(LIMIT))

bench-report: deps-bench $(BENCH_VENV)/installed
	$(BENCH_RUN) --report

# For a quiet machine: what is published is what the last `make bench` has measured.
bench-publish:
	@test -e $(BENCH_OUT)/report.md || { echo 'no report: run make bench first' >&2; exit 1; }
	@! grep -q '^A quick run' $(BENCH_OUT)/report.md || { echo 'the last run was a quick one: run make bench' >&2; exit 1; }
	@mkdir -p docs/quality/benchmarks
	cp $(BENCH_OUT)/report.md docs/quality/benchmarks/README.md
	cp $(BENCH_OUT)/results.json $(BENCH_OUT)/*.svg docs/quality/benchmarks/

test-bench: $(if $(ALL),bench-programs,deps-test library examples $(BENCH_PLAIN))
	$(if $(ALL),$(BENCH_VENV)/bin/python,python3) tests/bench/test_bench.py --build $(BUILD) $(if $(ALL),--all)
