# The Node package: bindings/node. Included by the Makefile.
#
# make node             the addon, with the library beside it, in bindings/node/prebuilds
# make node-pack        build/node/ohsocket-VERSION.tgz, what npm would publish
# make test-node        the tests of the package, on the Node that is installed; a part of them on 18, 22 and 24
#                       (all of them on another one: bash bindings/node/test/run.sh build NODE...)
# make lint-node        eslint, for the JavaScript of the package and of the benchmarks; a part of `make lint`

NODE := bindings/node
NODE_PREBUILD := $(NODE)/prebuilds/linux-x64
NODE_MODULES := $(NODE)/node_modules/.package-lock.json
NODE_HEADERS := $(NODE)/node_modules/node-api-headers/include
NODE_SOURCES := $(wildcard $(NODE)/src/*.c)
NODE_FLAGS := -O2 -g $(WARNINGS) -Werror -fPIC -fvisibility=hidden

NODE_LINT := $(NODE)/lint
NODE_LINTED := $(addprefix $(NODE)/,lib test examples lint) $(wildcard tests/bench/*.mjs)

.PHONY: node node-pack node-modules test-node lint-node

node: $(NODE_PREBUILD)/ohsocket.node

# node-api-headers and the compiler of TypeScript, for building and testing only.
node-modules: $(NODE_MODULES)

$(NODE_MODULES): $(NODE)/package.json $(NODE)/package-lock.json | deps-node
	cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The addon finds the library beside itself, under its soname. Only that name is in the package.
$(NODE_PREBUILD)/ohsocket.node: $(NODE_SOURCES) $(NODE)/src/addon.h $(HEADER) $(BUILD)/libohsocket.so $(NODE_MODULES)
	@mkdir -p $(@D)
	install -m 755 $(BUILD)/$(LIBRARY) $(@D)/$(SONAME)
	$(CC) $(NODE_FLAGS) -Iinclude -I$(NODE_HEADERS) -shared $(NODE_SOURCES) -o $@ \
		-L$(BUILD) -lohsocket '-Wl,-rpath,$$ORIGIN' -Wl,-z,relro,-z,now

node-pack: node
	@mkdir -p $(BUILD)/node
	cp LICENSE THIRD_PARTY $(NODE)
	cd $(NODE) && npm pack --silent --pack-destination $(CURDIR)/$(BUILD)/node

test-node: node node-pack
	bash $(NODE)/test/run.sh $(BUILD)

lint: lint-node

lint-node: $(NODE_LINT)/node_modules/.package-lock.json
	$(NODE_LINT)/node_modules/.bin/eslint --config $(NODE_LINT)/eslint.config.mjs --max-warnings 0 $(NODE_LINTED)

$(NODE_LINT)/node_modules/.package-lock.json: $(NODE_LINT)/package.json $(NODE_LINT)/package-lock.json | deps-lint
	cd $(NODE_LINT) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@
