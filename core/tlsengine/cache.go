package tlsengine

// #include "engine.h"
import "C"

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// contextKey stands for a Config, and whether keys are logged: a SHA-256 of everything in it.
type contextKey [sha256.Size]byte

func keyOf(c *Config, logs bool) (key contextKey) {
	h := sha256.New()
	flags := []bool{c.Server, c.PreferRemoteCipher, c.SkipVerification, c.VerifyClient, c.OptionalClient, c.NoTickets, logs}
	for _, f := range flags {
		writeNumber(h, uint64(flag(f)))
	}
	writeNumber(h, uint64(c.Protocols))
	writeNumber(h, uint64(len(c.Identities)))
	for _, id := range c.Identities {
		writeBytes(h, id.Key)
		writeNumber(h, uint64(flag(id.Password != nil)))
		writeBytes(h, id.Password)
		writeBytes(h, id.Certificate)
	}
	writeNumber(h, uint64(len(c.CA)))
	for _, ca := range c.CA {
		writeBytes(h, ca)
	}
	writeBytes(h, []byte(c.CipherSuite))
	writeBytes(h, []byte(c.SignatureAlgorithms))
	writeBytes(h, []byte(c.Groups))
	for _, list := range [][]string{c.ALPN, c.Pins} {
		writeNumber(h, uint64(len(list)))
		for _, text := range list {
			writeBytes(h, []byte(text))
		}
	}
	// Over the end of a key or a password in the buffer of the hash.
	var zero [sha256.BlockSize]byte
	h.Write(zero[:])
	h.Sum(key[:0])
	return key
}

func writeNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

func writeBytes(h hash.Hash, b []byte) {
	writeNumber(h, uint64(len(b)))
	h.Write(b)
}

// contextsKept is the number of contexts that are kept after their last use.
const contextsKept = 32

// cache has every context that is in use, and the last that were.
type cache struct {
	mu    sync.Mutex
	byKey map[contextKey]*Context
	idle  []*Context // the longest idle first
}

var contextCache = cache{byKey: map[contextKey]*Context{}}

// take returns the context of a key for one more use, nil if there is none.
func (c *cache) take(key contextKey) *Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	context := c.byKey[key]
	if context != nil {
		c.use(context)
	}
	return context
}

// put adds a new context, unless another thread has made the same one meanwhile, and returns it for
// use.
func (c *cache) put(context *Context) *Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.byKey[context.key]; other != nil {
		C.engine_context_free(context.c)
		context = other
	}
	c.byKey[context.key] = context
	c.use(context)
	return context
}

func (c *cache) use(context *Context) {
	if context.uses == 0 {
		for i, other := range c.idle {
			if other == context {
				c.idle = append(c.idle[:i], c.idle[i+1:]...)
				break
			}
		}
	}
	context.uses++
}

// retain is one more use of a context that is in use.
func (c *cache) retain(context *Context) {
	c.mu.Lock()
	context.uses++
	c.mu.Unlock()
}

func (c *cache) release(context *Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	context.uses--
	switch {
	case context.uses < 0:
		panic("tlsengine: a context was released too often")
	case context.uses == 0:
		c.idle = append(c.idle, context)
		c.trim(contextsKept)
	}
}

// trim frees idle contexts down to n.
func (c *cache) trim(n int) {
	for len(c.idle) > n {
		context := c.idle[0]
		c.idle[0] = nil
		c.idle = c.idle[1:]
		delete(c.byKey, context.key)
		C.engine_context_free(context.c)
		context.c = nil
	}
}

func (c *cache) inUse() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey) - len(c.idle)
}
