# The programs: examples, and those of the tests. Included by the Makefile.
#
# Programs are not linked again when only the library has changed: they use it as installed ones do.

TESTS := $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c))

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
	$(CC) $(TEST_FLAGS) -fsanitize=thread $(if $(filter %/race,$@),-DRACE) $< -o $@ \
		-L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

include tests/c/tests.mk

SOAK_HELPERS := $(shell grep -L '^int main' tests/soak/*.c)
SOAK := $(patsubst tests/soak/%.c,%,$(filter-out $(SOAK_HELPERS),$(wildcard tests/soak/*.c))) hostile random_ops
SOAK_SOURCES := $(SOAK_HELPERS) $(wildcard tests/soak/*.h) $(HEADER)
# These have a folder of sources each.
RANDOM_OPS := $(wildcard tests/soak/random_ops/*.[ch])
HOSTILE := $(wildcard tests/soak/hostile/*.[ch])
FUZZ_CALLS := $(wildcard tests/fuzz/fuzz_calls/*.[ch])
STRICT_FLAGS := $(TEST_FLAGS) $(ADDRESS)
STRICT_LINK := -L$(BUILD)/strict -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/soak/%: tests/soak/%.c $(SOAK_SOURCES) | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $< $(SOAK_HELPERS) -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/soak/random_ops: $(RANDOM_OPS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ -L$(BUILD) -lohsocket \
		'-Wl,-rpath,$$ORIGIN/..' -lssl -lcrypto

$(BUILD)/soak/hostile: $(HOSTILE) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ -L$(BUILD) -lohsocket \
		'-Wl,-rpath,$$ORIGIN/..' -lssl -lcrypto

$(BUILD)/strict/soak/random_ops: $(RANDOM_OPS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/strict/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(STRICT_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ $(STRICT_LINK) -lssl -lcrypto

$(BUILD)/strict/fuzz/fuzz_calls: $(FUZZ_CALLS) $(SOAK_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/strict/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(STRICT_FLAGS) $(CERTIFICATES_FLAG) $(filter %.c,$^) -o $@ $(STRICT_LINK)

# A host under AddressSanitizer, which looks for leaks at the end, with the library as it is installed.
$(BUILD)/lsan/host: tests/checkers/lsan_host.c $(HEADER) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(ADDRESS) $(CERTIFICATES_FLAG) $< -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..'

soak-programs: $(BUILD)/strict/libohsocket.so $(addprefix $(BUILD)/soak/,$(SOAK)) $(BUILD)/strict/soak/random_ops
