package tlsengine

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Threads that make the same contexts, resume each other's sessions and load the store at the same
// time.
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
				if err := converseOnce(config, accept); err != nil {
					t.Errorf("thread %d, round %d: %v", i, round, err)
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
	var wires [2][]byte // to each end
	plain := make([]byte, 16384)
	for turn, quiet := 0, 0; quiet < 2; turn ^= 1 {
		end, wire := ends[turn], wires[turn]
		consumed, status := 0, Done
		if end.Info() == nil {
			consumed, status = end.Handshake(wire, outputs[turn])
		}
		if status == Done {
			var more int
			wire = wire[consumed:]
			more, _, status = end.Read(wire, plain, outputs[turn])
			consumed = more
		}
		if status != More || consumed != len(wire) {
			return fmt.Errorf("status %d: %w", status, end.Err())
		}
		written := (&peer{out: outputs[turn]}).take()
		wires[turn], wires[turn^1] = nil, append(wires[turn^1], written...)
		if quiet++; len(written) > 0 {
			quiet = 0
		}
	}
	if ends[0].Info() == nil || ends[1].Info() == nil {
		return errors.New("the handshake did not end")
	}
	return nil
}
