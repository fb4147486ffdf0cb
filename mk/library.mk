# The library and its variants. Included by the Makefile.
#
# Only this makes a right library; plain `go build` leaves out the soname, the list of symbols and the replaced
# sources of Go (tools/overlay.sh).

GO_SOURCES := $(shell find capi core -name '*.go' ! -name '*_test.go' ! -path '*/headergen/*' -o -name '*.[chs]') \
	go.mod go.sum $(HEADER) capi/exports.map Makefile mk/library.mk tools/overlay.sh

# The linker wants an absolute path of the list.
LINK := -Wl,-soname,$(SONAME) -Wl,--version-script=$(CURDIR)/capi/exports.map -Wl,-z,relro,-z,now,-z,defs
ADDRESS := -fsanitize=address -fno-omit-frame-pointer
UNDEFINED := -fsanitize=undefined -fno-sanitize-recover=undefined

# $(call variant,FOLDER,FLAGS,ENVIRONMENT,OVERLAY,LDFLAGS) returns the rule of the library in build/FOLDER; without
# FOLDER, in build. OVERLAY is "strict" or nothing: see tools/overlay.sh.
define variant
$(BUILD)/$(1:%=%/)$(LIBRARY): $(GO_SOURCES) | deps-library
	@mkdir -p $$(@D)
	bash tools/overlay.sh $(BUILD)/go $(4)
	$(3) go build $(2) -trimpath -buildvcs=false -buildmode=c-shared -overlay $(BUILD)/go/$(or $(4),overlay).json \
		-ldflags "$(5) -extldflags '$(LINK)'" -o $(BUILD)/go/$(or $(1),libohsocket).so ./capi
	mv $(BUILD)/go/$(or $(1),libohsocket).so $$@
endef
# A call splits its arguments at commas.
comma := ,
tags = -tags $(1)$(if $(filter shared,$(OPENSSL)),$(comma)openssl_shared)

$(eval $(call variant,,,,,-s -w))
$(eval $(call variant,asan,-asan))
# For fuzzing, without recover(). The tag puts a page that nobody may touch before and behind each mapping, and
# overwrites memory that was given back.
$(eval $(call variant,strict,-asan $(call tags,strict),,strict))
# The runtime tells memcheck what it does with memory; memcheck does not read DWARF 5.
$(eval $(call variant,valgrind,$(call tags,valgrind),GOEXPERIMENT=nodwarf5))
# Checks every store of a Go pointer to where C can see it.
$(eval $(call variant,cgocheck,,GOEXPERIMENT=cgocheck2))
$(eval $(call variant,ubsan,,CGO_CFLAGS='-O1 -g $(UNDEFINED)' CGO_LDFLAGS='$(UNDEFINED)'))

$(BUILD)/valgrind/$(LIBRARY): | deps-test

%/libohsocket.so: %/$(LIBRARY)
	ln -sf $(LIBRARY) $*/$(SONAME)
	ln -sf $(SONAME) $@
