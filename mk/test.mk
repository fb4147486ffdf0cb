# Running the tests. Included by the Makefile.

.PHONY: test test-toolchain test-go test-abi test-install test-c test-docs test-asan interop soak soak-programs soak-random test-soak \
	fuzz test-fuzz test-checkers test-cgocheck test-ubsan test-tsan test-lsan test-valgrind test-mutations

test: test-toolchain test-go test-abi test-install test-c test-docs test-asan interop test-tls test-tls-asan test-python test-node test-soak \
	test-fuzz test-checkers test-bench

test-toolchain: deps-test
	bash tests/toolchain/run.sh

test-go: deps-test
	go test -race ./core/... ./capi/...
	go test -tags strict ./core/buffer ./core/lock ./core/sys
	go test -tags strict -run Record ./core/socket

test-abi: deps-test library
	bash tests/abi_check.sh $(BUILD)

test-install: deps-test library
	bash tests/install/run.sh $(BUILD)

test-c: deps-test library $(addprefix $(BUILD)/tests/,$(TESTS))
	bash tests/c/run.sh $(BUILD)

# The programs in C, C++ and Python of README and docs/guide, as they stand there.
test-docs: deps-test library
	python3 tests/docs_examples.py $(BUILD)

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

test-valgrind: deps-test $(BUILD)/valgrind/libohsocket.so \
		$(patsubst examples_c/%.c,$(BUILD)/valgrind/examples/%,$(wildcard examples_c/*.c))
	bash tests/checkers/valgrind.sh $(BUILD)
