package tlsengine

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Threads that make the same contexts, resume each other's sessions and load the store at the same time.
func TestManyThreads(t *testing.T) {
	clean(t)
	first, second := serving(), serving(root().issue(subject{key: rsaKey()}))
	var threads sync.WaitGroup
	for i := range 8 {
		threads.Go(func() {
			for round := range 20 {
				config := trusting()
				config.Protocols = []Protocols{TLS12, TLS13}[(i+round)%2]
				accept := [...]*Config{first, second}[round/2%2]
				if converseOnce(config, accept) != nil {
					t.Errorf("thread %d, round %d: %v", i, round, converseOnce(config, accept))
				}
			}
		})
	}
	threads.Wait()
	contexts, sessions, pointers := Live()
	require.Zero(t, contexts+sessions+pointers)
}

// converseOnce is a connection without the helpers, which end a test from its own thread only.
func converseOnce(config, accept *Config) error {
	client, err := NewContext(config)
	if err != nil {
		return err
	}
	defer client.Release()
	server, err := NewContext(accept)
	if err != nil {
		return err
	}
	defer server.Release()
	var ends [2]*Session
	if ends[0], err = client.Client("test.host", 1); err != nil {
		return err
	}
	defer ends[0].Close()
	if ends[1], err = server.Server(); err != nil {
		return err
	}
	defer ends[1].Close()
	outputs := [2]*Output{NewOutput(), NewOutput()}
	defer outputs[0].Free()
	defer outputs[1].Free()
	for turn := 0; ends[0].Info() == nil || ends[1].Info() == nil; turn ^= 1 {
		outputs[turn].Reset()
		wire, size := outputs[turn^1].Bytes()
		if _, status := ends[turn].Handshake(wire, size, outputs[turn]); status == Failed {
			return ends[turn].Err()
		}
	}
	// The tickets of TLS 1.3.
	plain := make([]byte, 16384)
	wire, size := outputs[1].Bytes()
	if _, _, status := ends[0].Read(wire, size, bytePointer(plain), len(plain), outputs[0]); status != More {
		return ends[0].Err()
	}
	return nil
}
