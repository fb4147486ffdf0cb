# The tests of TLS: test_tls_*.c have helpers of their own, whose peers speak TLS with the system's OpenSSL.
TLS_HELPERS := $(wildcard tests/c/tls/*.c)
TLS_SOURCES := $(TEST_SOURCES) $(TLS_HELPERS) $(wildcard tests/c/tls/*.h)
TLS_CERTIFICATES := $(BUILD)/certificates
CERTIFICATES_FLAG = -DTLS_CERTIFICATES='"$(CURDIR)/$(TLS_CERTIFICATES)"'
TLS_FLAGS = $(TEST_FLAGS) -Itests/c -Itests/c/tls $(CERTIFICATES_FLAG)
TLS_LINK = $(TEST_HELPERS) $(TLS_HELPERS) -o $@ -lohsocket '-Wl,-rpath,$$ORIGIN/..' -lssl -lcrypto

$(TLS_CERTIFICATES)/made: tests/c/tls/certificates.sh
	bash $< $(@D)

$(BUILD)/tests/test_tls_%: tests/c/test_tls_%.c $(TLS_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TLS_FLAGS) $< -L$(BUILD) $(TLS_LINK)

$(BUILD)/asan/tests/test_tls_%: tests/c/test_tls_%.c $(TLS_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/asan/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TLS_FLAGS) -fsanitize=address -fno-omit-frame-pointer $< -L$(BUILD)/asan $(TLS_LINK)

$(BUILD)/cgocheck/tests/test_tls_%: tests/c/test_tls_%.c $(TLS_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/cgocheck/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TLS_FLAGS) $< -L$(BUILD)/cgocheck $(TLS_LINK)

$(BUILD)/ubsan/tests/test_tls_%: tests/c/test_tls_%.c $(TLS_SOURCES) $(TLS_CERTIFICATES)/made | $(BUILD)/ubsan/libohsocket.so
	@mkdir -p $(@D)
	$(CC) $(TLS_FLAGS) $(UNDEFINED) $< -L$(BUILD)/ubsan $(TLS_LINK)
