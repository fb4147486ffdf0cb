# make lint. Included by the Makefile; bindings/node/node.mk adds eslint.
#
# wrappers_gen.c includes cgo's header under its internal name; the build leaves it under another.

.PHONY: lint

C_SOURCES = $(wildcard examples_c/*.c tests/c/*.c tests/c/tls/*.c tests/abi/*.c tests/checkers/*.c \
	core/tlsengine/*.c) capi/glue.c
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
RUFF := $(BUILD)/lint/ruff/bin/ruff

$(RUFF): tests/ruff.toml | deps-lint
	python3 -m venv $(BUILD)/lint/ruff
	$(BUILD)/lint/ruff/bin/pip install --quiet --disable-pip-version-check ruff==0.17.6
	@touch $@

# Not ./...: packages of npm have sources in Go, too.
GO_PACKAGES := ./core/... ./capi/... ./tests/...

lint: deps-lint library $(RUFF)
	$(RUFF) check --quiet --no-cache --config tests/ruff.toml bindings/python tests
	@echo gofmt -l capi core
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l capi core); \
		test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	go vet $(GO_PACKAGES)
	go run $(STATICCHECK) $(GO_PACKAGES)
	go run ./capi/headergen -check
	python3 tests/docs_check.py
	python3 tests/comments_check.py
	python3 tests/locks_check.py
	bash tests/contracts_check.sh
	bash tests/imports_check.sh
	bash tests/licences_check.sh
	$(CC) $(WARNINGS) -Werror -fsyntax-only -Iinclude -Itests/c -Itests/c/tls \
		-DTLS_CERTIFICATES='""' $(C_SOURCES)
	@mkdir -p $(BUILD)/lint
	cp $(BUILD)/go/libohsocket.h $(BUILD)/lint/_cgo_export.h
	$(CC) $(WARNINGS) -Werror -fsyntax-only -I$(BUILD)/lint -Icapi capi/wrappers_gen.c
