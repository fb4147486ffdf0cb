# make test-tls: TLS against other implementations, bad peers, hostile hosts. make test-tls-asan: the same with the
# address sanitizer. TLS_CASES: the beginnings of the names of those to run; TLS_BYTES: of the large transfer.

TLS_PEER_PROGRAMS := tls_client tls_server tls_storm
TLS_PEER_EXAMPLES := https_get tls_server tls_echo_server
TLS_PEER_SOURCES := tests/tls/program.c tests/tls/sha256.c
TLS_GO_PEER := $(BUILD)/tls/go_peer
TLS_PEER_TESTS = TLS_CERTIFICATES=$(BUILD)/tls/certificates TLS_GO_PEER=$(TLS_GO_PEER) python3 tests/tls/run.py
TLS_CASES ?=

.PHONY: test-tls test-tls-asan soak-tls

$(TLS_GO_PEER): tests/tls/go_peer/main.go
	@mkdir -p $(@D)
	go build -o $@ ./tests/tls/go_peer

$(BUILD)/tls/%: tests/tls/%.c $(TLS_PEER_SOURCES) $(wildcard tests/tls/*.h) $(HEADER) | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) -O2 -g $(WARNINGS) -Werror -Iinclude $< $(TLS_PEER_SOURCES) -o $@ -L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN/..' -pthread

$(BUILD)/asan/tls/%: tests/tls/%.c $(TLS_PEER_SOURCES) $(wildcard tests/tls/*.h) $(HEADER) | $(BUILD)/asan/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(ADDRESS) $< $(TLS_PEER_SOURCES) -o $@ \
		-L$(BUILD)/asan -lohsocket '-Wl,-rpath,$$ORIGIN/..'

$(BUILD)/asan/examples/%: examples_c/%.c $(wildcard examples_c/*.h) $(HEADER) | $(BUILD)/asan/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(ADDRESS) $< -o $@ -L$(BUILD)/asan -lohsocket '-Wl,-rpath,$$ORIGIN/..'

test-tls: deps-test library examples $(TLS_GO_PEER) $(addprefix $(BUILD)/tls/,$(TLS_PEER_PROGRAMS))
	bash tests/tls/certificates.sh $(BUILD)/tls/certificates
	$(TLS_PEER_TESTS) $(BUILD) $(TLS_CASES)

test-tls-asan: deps-test $(BUILD)/asan/libohsocket.so $(TLS_GO_PEER) $(addprefix $(BUILD)/asan/tls/,$(TLS_PEER_PROGRAMS)) \
		$(addprefix $(BUILD)/asan/examples/,$(TLS_PEER_EXAMPLES))
	bash tests/tls/certificates.sh $(BUILD)/tls/certificates
	$(TLS_PEER_TESTS) $(BUILD)/asan $(TLS_CASES)

# A gigabyte each way at once, with either version.
soak: soak-tls

soak-tls: deps-test library $(TLS_GO_PEER) $(addprefix $(BUILD)/tls/,$(TLS_PEER_PROGRAMS))
	bash tests/tls/certificates.sh $(BUILD)/tls/certificates
	TLS_BYTES=1073741824 $(TLS_PEER_TESTS) $(BUILD) data:
