package tlsengine

// #include <stdlib.h>
// #include "engine.h"
import "C"

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Where the distributions keep the certificates that they trust. OpenSSL itself knows one place,
// that of the distribution that it was made for.
var (
	storeFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
		"/etc/ssl/cert.pem",                                 // Alpine
		"/etc/pki/tls/cacert.pem",
	}
	storeDirectories = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
	storeRoot        = "" // before each of them
)

type trustStore struct{ c *C.X509_STORE }

func (s *trustStore) free() {
	if s != nil {
		C.X509_STORE_free(s.c)
	}
}

var (
	systemStore     atomic.Pointer[trustStore]
	systemStoreLock sync.Mutex
)

// SystemStoreLoaded reports whether LoadSystemStore has succeeded.
func SystemStoreLoaded() bool { return systemStore.Load() != nil }

// LoadSystemStore reads the certificates that the system trusts, the first time: those that the
// environment names (SSL_CERT_FILE, SSL_CERT_DIR), else those of the first place of the
// distributions' that has any. It takes tens of milliseconds and may wait for a disk.
func LoadSystemStore() error {
	systemStoreLock.Lock()
	defer systemStoreLock.Unlock()
	if SystemStoreLoaded() {
		return nil
	}
	if err := start(); err != nil {
		return err
	}
	store := &trustStore{C.engine_store_new()}
	if store.c == nil {
		return listError("system store: out of memory")
	}
	if err := fillStore(store.c); err != nil {
		store.free()
		return err
	}
	systemStore.Store(store)
	return nil
}

func fillStore(store *C.X509_STORE) error {
	// Not Go's own copy of the environment, which is as old as the library's loading.
	file, directories := environment("SSL_CERT_FILE"), environment("SSL_CERT_DIR")
	if file != "" || directories != "" {
		count := 0
		if file != "" {
			count += addFile(store, file)
		}
		for _, directory := range filepath.SplitList(directories) {
			count += addDirectory(store, directory)
		}
		if count == 0 {
			return listError("system store: no certificates where SSL_CERT_FILE %q and SSL_CERT_DIR %q point", file, directories)
		}
		return nil
	}
	for _, file := range storeFiles {
		if addFile(store, storeRoot+file) > 0 {
			return nil
		}
	}
	for _, directory := range storeDirectories {
		if addDirectory(store, storeRoot+directory) > 0 {
			return nil
		}
	}
	return listError("system store: no certificates in %s (the package ca-certificates is missing, or set SSL_CERT_FILE)",
		strings.Join(append(storeFiles[:len(storeFiles):len(storeFiles)], storeDirectories...), ", "))
}

func environment(name string) string {
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	return C.GoString(C.getenv(cName))
}

// addFile adds the certificates of a file and returns how many there were.
func addFile(store *C.X509_STORE, name string) int {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	return int(C.engine_store_add(store, bytePointer(pem), C.size_t(len(pem))))
}

// addDirectory adds the certificates of all files; OpenSSL passes over those that come again under
// another name.
func addDirectory(store *C.X509_STORE, name string) int {
	entries, err := os.ReadDir(name)
	if err != nil {
		return 0
	}
	count := 0
	for _, entry := range entries {
		count += addFile(store, filepath.Join(name, entry.Name()))
	}
	return count
}
