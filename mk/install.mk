# make install, make uninstall. Included by the Makefile.
#
# What pkg-config and CMake read has paths relative to itself: an installed prefix can be moved.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DOCDIR ?= $(PREFIX)/share/doc/ohsocket
INCLUDEDIR ?= $(PREFIX)/include

PKGCONFIGDIR = $(LIBDIR)/pkgconfig
CMAKEDIR = $(LIBDIR)/cmake/ohsocket
# $(call from,FOLDER,TO): the way from one to the other.
from = $(shell realpath -ms --relative-to='$(1)' '$(2)')

INSTALLED = $(LIBDIR)/$(LIBRARY) $(LIBDIR)/$(SONAME) $(LIBDIR)/libohsocket.so $(addprefix $(INCLUDEDIR)/,$(notdir $(HEADER))) \
	$(PKGCONFIGDIR)/ohsocket.pc $(CMAKEDIR)/ohsocketConfig.cmake $(CMAKEDIR)/ohsocketConfigVersion.cmake \
	$(DOCDIR)/LICENSE $(DOCDIR)/THIRD_PARTY

.PHONY: install uninstall

install: library
	install -d '$(DESTDIR)$(PKGCONFIGDIR)' '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(DOCDIR)'
	install -m 644 LICENSE THIRD_PARTY '$(DESTDIR)$(DOCDIR)/'
	install -m 755 $(BUILD)/$(LIBRARY) '$(DESTDIR)$(LIBDIR)/'
	ln -sf $(LIBRARY) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libohsocket.so'
	install -m 644 $(HEADER) '$(DESTDIR)$(INCLUDEDIR)/'
	sed -e 's|@UP@|$(call from,$(PKGCONFIGDIR),$(PREFIX))|' -e 's|@INCLUDEDIR@|$${pcfiledir}/$(call from,$(PKGCONFIGDIR),$(INCLUDEDIR))|' \
		-e 's|@VERSION@|$(VERSION)|' capi/install/ohsocket.pc.in >'$(DESTDIR)$(PKGCONFIGDIR)/ohsocket.pc'
	for file in ohsocketConfig ohsocketConfigVersion; do \
		sed -e 's|@CMAKE_INCLUDEDIR@|$${CMAKE_CURRENT_LIST_DIR}/$(call from,$(CMAKEDIR),$(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|' \
			-e 's|@MAJOR@|$(firstword $(subst ., ,$(VERSION)))|' -e 's|@LIBRARY@|$(LIBRARY)|' -e 's|@SONAME@|$(SONAME)|' \
			capi/install/$$file.cmake.in >'$(DESTDIR)$(CMAKEDIR)/'$$file.cmake || exit; \
	done
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" -ne 0 ] || ldconfig

# What install has made, and its folders if nothing else is in them.
uninstall:
	rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)')
	@rmdir '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || true
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" -ne 0 ] || ldconfig
