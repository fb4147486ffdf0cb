package tlsengine

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// elsewhere makes the next LoadSystemStore look below a new directory, which it returns.
func elsewhere(t *testing.T) string {
	t.Helper()
	directory, before := t.TempDir(), systemStore.Load()
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		t.Setenv(name, "")
	}
	systemStore.Store(nil)
	storeRoot = directory
	t.Cleanup(func() {
		storeRoot = ""
		systemStore.Swap(before).free()
	})
	return directory
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, data, 0o644))
}

// trusted reports whether the store is loaded and has root.
func trusted(t *testing.T) bool {
	t.Helper()
	require.NoError(t, LoadSystemStore())
	require.True(t, SystemStoreLoaded())
	c, s := client(t, &Config{}, "test.host"), server(t, serving())
	converse(t, c, s)
	if c.Err() != nil {
		fails(t, c.Err(), errcode.TLSCertificate, "unable to get local issuer certificate")
	}
	c.Close()
	s.Close()
	return c.Err() == nil
}

func TestSystemStoreOfEveryDistribution(t *testing.T) {
	other := newAuthority("other", nil)
	for _, file := range storeFiles {
		t.Run(file, func(t *testing.T) {
			clean(t)
			directory := elsewhere(t)
			put(t, directory+file, append(append([]byte("# a comment\n"), other.pem...), root().pem...))
			require.True(t, trusted(t))
		})
	}
	for _, name := range storeDirectories {
		t.Run(name, func(t *testing.T) {
			clean(t)
			directory := elsewhere(t)
			put(t, directory+name+"/0a1b2c3d.0", root().pem)
			put(t, directory+name+"/copy.pem", root().pem)
			put(t, directory+name+"/README", []byte("no certificate"))
			require.NoError(t, os.Mkdir(directory+name+"/private", 0o755))
			require.NoError(t, os.Symlink("missing", directory+name+"/dangling"))
			require.True(t, trusted(t))
		})
	}
}

func TestSystemStoreTakesTheFirstPlaceThatHasAny(t *testing.T) {
	clean(t)
	directory := elsewhere(t)
	put(t, directory+storeFiles[0], nil)
	put(t, directory+storeFiles[1], newAuthority("other", nil).pem)
	put(t, directory+storeFiles[2], root().pem)
	require.False(t, trusted(t))
}

func TestSystemStoreOfTheEnvironment(t *testing.T) {
	other := newAuthority("other", nil)
	for name, set := range map[string]func(t *testing.T, directory string){
		"SSL_CERT_FILE": func(t *testing.T, directory string) {
			put(t, directory+"/mine.pem", root().pem)
			t.Setenv("SSL_CERT_FILE", directory+"/mine.pem")
		},
		"SSL_CERT_DIR": func(t *testing.T, directory string) {
			put(t, directory+"/mine/a.pem", root().pem)
			t.Setenv("SSL_CERT_DIR", directory+"/none:"+directory+"/mine")
		},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			directory := elsewhere(t)
			put(t, directory+storeFiles[0], other.pem)
			set(t, directory)
			require.True(t, trusted(t))
		})
	}
}

func TestNoSystemStore(t *testing.T) {
	clean(t)
	directory := elsewhere(t)
	refused(t, LoadSystemStore(), "no certificates in /etc/ssl/certs/ca-certificates.crt, ")
	t.Setenv("SSL_CERT_FILE", "/nowhere")
	refused(t, LoadSystemStore(), `no certificates where SSL_CERT_FILE "/nowhere"`)
	require.False(t, SystemStoreLoaded())

	c := context(t, &Config{})
	require.True(t, c.NeedsSystemStore())
	_, err := c.Client("test.host", 1)
	require.ErrorContains(t, err, "have not been loaded")

	// It is looked for again.
	t.Setenv("SSL_CERT_FILE", "")
	put(t, directory+storeFiles[0], root().pem)
	require.True(t, trusted(t))
}

func TestADamagedCertificateDoesNotSpoilTheStore(t *testing.T) {
	clean(t)
	directory := elsewhere(t)
	bad := []byte("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")
	put(t, directory+storeFiles[0], append(append(bad, root().pem...), "-----BEGIN CERTIFICATE-----\nMIIB"...))
	require.True(t, trusted(t))
}

func TestSystemStoreForClientsOfAServer(t *testing.T) {
	clean(t)
	directory := elsewhere(t)
	put(t, directory+storeFiles[0], root().pem)
	require.NoError(t, LoadSystemStore())
	demanding, config := serving(), trusting()
	demanding.VerifyClient, config.Identities = true, []Identity{root().issue(subject{})}
	connect(t, client(t, config, "test.host"), server(t, demanding))
}

func TestWhoNeedsTheSystemStore(t *testing.T) {
	clean(t)
	for _, test := range []struct {
		config *Config
		needs  bool
	}{
		{&Config{}, true}, {&Config{CA: [][]byte{}}, true}, {trusting(), false}, {&Config{SkipVerification: true}, false}, {serving(), false},
	} {
		require.Equal(t, test.needs, context(t, test.config).NeedsSystemStore())
	}
}

func TestLoadSystemStoreAtOnce(t *testing.T) {
	clean(t)
	directory := elsewhere(t)
	put(t, directory+storeFiles[0], root().pem)
	var threads sync.WaitGroup
	stores := make([]*trustStore, 8)
	for i := range stores {
		threads.Go(func() {
			if LoadSystemStore() == nil {
				stores[i] = systemStore.Load()
			}
		})
	}
	threads.Wait()
	require.NotNil(t, stores[0])
	for _, store := range stores {
		require.Same(t, stores[0], store)
	}
}
