# The Python package, see bindings/python/README.md. Included by the Makefile.
#
# make python           checks that the package works with the library just built
# make wheel            wheel and source distribution, in build/python/dist
# make test-python      mypy and pytest on all processors (PYTHON=python3.10 PYTEST="-k tcp -n 0")
# make test-sdist       pip builds the library from the source distribution, in an empty environment

PYTHON ?= python3
PYTHON_DIR := bindings/python
PYTHON_BUILD := $(CURDIR)/$(BUILD)/python
PYTHON_VENV := $(PYTHON_BUILD)/venv$(subst /,-,$(PYTHON))
PYTHON_SOURCES := $(wildcard $(PYTHON_DIR)/ohsocket/*) $(PYTHON_DIR)/pyproject.toml $(PYTHON_DIR)/setup.py $(PYTHON_DIR)/README.md
WHEEL := $(PYTHON_BUILD)/dist/.done
# Bytecode goes to the build folder too.
PYTHON_ENV := OHSOCKET_LIBRARY=$(CURDIR)/$(BUILD)/libohsocket.so PYTHONPATH=$(CURDIR)/$(PYTHON_DIR) \
	PYTHONPYCACHEPREFIX=$(PYTHON_BUILD)/pycache

.PHONY: python wheel test-python test-sdist

python: library
	$(PYTHON_ENV) $(PYTHON) -W error -c 'import ohsocket; print("ohsocket", ohsocket.version())'

$(PYTHON_VENV)/.done: $(PYTHON_DIR)/requirements.txt | deps-python
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# A source distribution has the sources of the library in library/, so that pip can build it, with the Go
# that tools/bin/go finds or fetches; the wheel has the library that is built already.
$(WHEEL): $(PYTHON_SOURCES) $(BUILD)/libohsocket.so $(PYTHON_VENV)/.done
	rm -rf $(@D) $(PYTHON_BUILD)/stage
	mkdir -p $(PYTHON_BUILD)/stage/library/.ci
	cd $(PYTHON_DIR) && cp -r pyproject.toml setup.py MANIFEST.in README.md ohsocket examples $(PYTHON_BUILD)/stage
	cp LICENSE THIRD_PARTY $(PYTHON_BUILD)/stage
	cp -r Makefile go.mod go.sum capi core include tools LICENSE THIRD_PARTY $(PYTHON_BUILD)/stage/library
	mkdir $(PYTHON_BUILD)/stage/library/mk
	cp mk/library.mk mk/install.mk $(PYTHON_BUILD)/stage/library/mk
	cp .ci/deps $(PYTHON_BUILD)/stage/library/.ci
	find $(PYTHON_BUILD)/stage -name __pycache__ -prune -exec rm -r {} +
	cd $(PYTHON_BUILD)/stage && OHSOCKET_LIBRARY=$(CURDIR)/$(BUILD)/libohsocket.so \
		$(PYTHON_VENV)/bin/python -m build --no-isolation --outdir $(@D) --sdist --wheel . >$(PYTHON_BUILD)/build.log 2>&1 || \
		{ cat $(PYTHON_BUILD)/build.log; exit 1; }
	touch $@

wheel: $(WHEEL)
	@ls $(PYTHON_BUILD)/dist/*

test-python: $(WHEEL) $(PYTHON_VENV)/.done | deps-python-test
	cd $(PYTHON_DIR) && $(PYTHON_ENV) $(PYTHON_VENV)/bin/python -m mypy --cache-dir $(PYTHON_BUILD)/mypy ohsocket examples
	cd $(PYTHON_DIR) && $(PYTHON_ENV) OHSOCKET_DIST=$(PYTHON_BUILD)/dist \
		$(PYTHON_VENV)/bin/python -m pytest -q -p no:cacheprovider -n auto --maxprocesses=8 --dist=worksteal $(PYTEST)

test-sdist: export README_FIRST = import pathlib, re, sys; \
	exec(re.findall(r"```python\n(.*?)```", pathlib.Path(sys.argv[1]).read_text(), re.S)[0])

# As a user has it: nothing of this checkout but the archive. pip fetches setuptools; Go's caches are used.
test-sdist: $(WHEEL)
	rm -rf $(PYTHON_BUILD)/sdist
	$(PYTHON) -m venv $(PYTHON_BUILD)/sdist
	cd $(PYTHON_BUILD)/sdist && env -u OHSOCKET_LIBRARY -u PYTHONPATH MAKEFLAGS= \
		PATH="$${PATH#$(CURDIR)/tools/bin:}" bin/python -m pip install --quiet \
		--disable-pip-version-check --no-cache-dir --no-deps $(PYTHON_BUILD)/dist/ohsocket-*.tar.gz
	cd $(PYTHON_BUILD)/sdist && env -u OHSOCKET_LIBRARY -u PYTHONPATH bin/python -W error -c "$$README_FIRST" \
		$(CURDIR)/$(PYTHON_DIR)/README.md | grep HELLO
