# make install. Included by the Makefile.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DOCDIR ?= $(PREFIX)/share/doc/ohsocket
INCLUDEDIR ?= $(PREFIX)/include

.PHONY: install

install: library
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(DOCDIR)'
	install -m 644 LICENSE THIRD_PARTY '$(DESTDIR)$(DOCDIR)/'
	install -m 755 $(BUILD)/$(LIBRARY) '$(DESTDIR)$(LIBDIR)/'
	ln -sf $(LIBRARY) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libohsocket.so'
	install -m 644 $(HEADER) '$(DESTDIR)$(INCLUDEDIR)/'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' capi/ohsocket.pc.in >'$(DESTDIR)$(LIBDIR)/pkgconfig/ohsocket.pc'
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" -ne 0 ] || ldconfig
