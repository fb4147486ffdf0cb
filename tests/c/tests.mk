# The contract tests. Each test_*.c is a program; all have the same helpers, and those of TLS peers that speak it with the
# system's OpenSSL.
TEST_HELPERS := $(filter-out tests/c/test_%,$(wildcard tests/c/*.c)) $(wildcard tests/c/tls/*.c)
TEST_HEADERS := $(wildcard tests/c/*.h tests/c/tls/*.h) $(HEADER)

TLS_CERTIFICATES := $(BUILD)/certificates
CERTIFICATES_FLAG = -DTLS_CERTIFICATES='"$(CURDIR)/$(TLS_CERTIFICATES)"'

$(TLS_CERTIFICATES)/made: tests/c/tls/certificates.sh
	bash $< $(@D)

# The tests against the library in FOLDER, compiled with FLAGS. Helpers are compiled once.
define test_rules # FOLDER FLAGS
$(1)/tests/helpers/%.o: tests/c/%.c $$(TEST_HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(TEST_FLAGS) $(2) -Itests/c -Itests/c/tls $$(CERTIFICATES_FLAG) -c $$< -o $$@

$(1)/tests/helpers.a: $$(patsubst tests/c/%.c,$(1)/tests/helpers/%.o,$$(TEST_HELPERS))
	@rm -f $$@
	ar rcs $$@ $$^

$(1)/tests/test_%: tests/c/test_%.c $(1)/tests/helpers.a $$(TEST_HEADERS) $$(TLS_CERTIFICATES)/made | $(1)/libohsocket.so
	$$(CC) $$(TEST_FLAGS) $(2) -Itests/c -Itests/c/tls $$(CERTIFICATES_FLAG) $$< $(1)/tests/helpers.a -o $$@ \
		-L$(1) -lohsocket '-Wl,-rpath,$$$$ORIGIN/..' $$(if $$(findstring test_tls_,$$@)$$(findstring test_state_table,$$@),-lssl -lcrypto)
endef

$(eval $(call test_rules,$(BUILD)))
$(eval $(call test_rules,$(BUILD)/asan,$(ADDRESS)))
$(eval $(call test_rules,$(BUILD)/cgocheck))
$(eval $(call test_rules,$(BUILD)/ubsan,$(UNDEFINED)))

# Those that the other checkers run: a part.
CHECKED := $(wildcard $(patsubst %,tests/c/test_%.c,arguments completions data listeners loops records structs tls_data tls_options udp))
