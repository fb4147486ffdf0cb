package tlsengine

// #include "engine.h"
import "C"

import (
	"container/list"
	"net/netip"
	"sync"
	"unsafe"

	pointer "github.com/mattn/go-pointer"
)

const (
	resumptionsKept = 1024 // sessions in all
	resumptionsEach = 4    // of one server
)

// resumptionKey says for which connects a client's session may be resumed: those with the same
// options, the same verified name and port.
type resumptionKey struct {
	context contextKey
	host    string
	ip      netip.Addr
	port    int
}

// resumptionCache keeps the sessions of clients, the last used longest.
type resumptionCache struct {
	mu    sync.Mutex
	byKey map[resumptionKey]*list.Element
	order list.List // of *resumptionEntry, the last used first
	count int
}

type resumptionEntry struct {
	key      resumptionKey
	sessions []*C.SSL_SESSION // the newest last
}

var resumptions = resumptionCache{byKey: map[resumptionKey]*list.Element{}}

// add keeps a session and takes the reference to it.
func (c *resumptionCache) add(key resumptionKey, session *C.SSL_SESSION) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.byKey[key]
	if element == nil {
		element = c.order.PushFront(&resumptionEntry{key: key})
		c.byKey[key] = element
	}
	c.order.MoveToFront(element)
	entry := element.Value.(*resumptionEntry)
	if C.SSL_SESSION_get_protocol_version(session) < C.TLS1_3_VERSION {
		c.drop(entry, len(entry.sessions)) // can be used again and again, the newest is enough
	} else {
		c.drop(entry, max(len(entry.sessions)-resumptionsEach+1, 0))
	}
	entry.sessions = append(entry.sessions, session)
	c.count++
	for c.count > resumptionsKept {
		c.remove(c.order.Back())
	}
}

// take returns a session to try, with a reference, nil if there is none. Those of TLS 1.3 are for
// one use: an observer that sees a ticket twice knows that it is the same client.
func (c *resumptionCache) take(key resumptionKey) *C.SSL_SESSION {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.byKey[key]
	if element == nil {
		return nil
	}
	c.order.MoveToFront(element)
	entry := element.Value.(*resumptionEntry)
	for len(entry.sessions) > 0 {
		last := len(entry.sessions) - 1
		session := entry.sessions[last]
		if C.engine_session_has_expired(session) == 0 {
			if C.SSL_SESSION_get_protocol_version(session) < C.TLS1_3_VERSION {
				return C.SSL_SESSION_dup(session)
			}
			entry.sessions = entry.sessions[:last]
			c.count--
			if last == 0 {
				c.remove(element)
			}
			return session
		}
		C.SSL_SESSION_free(session)
		entry.sessions = entry.sessions[:last]
		c.count--
	}
	c.remove(element)
	return nil
}

// drop frees the n oldest sessions of an entry.
func (c *resumptionCache) drop(entry *resumptionEntry, n int) {
	for _, session := range entry.sessions[:n] {
		C.SSL_SESSION_free(session)
	}
	entry.sessions = append(entry.sessions[:0], entry.sessions[n:]...)
	c.count -= n
}

func (c *resumptionCache) remove(element *list.Element) {
	entry := element.Value.(*resumptionEntry)
	c.drop(entry, len(entry.sessions))
	delete(c.byKey, entry.key)
	c.order.Remove(element)
}

// forget frees what is kept for a key.
func (c *resumptionCache) forget(key resumptionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.byKey[key]; element != nil {
		c.remove(element)
	}
}

// ohsocketResumableSession takes a session that OpenSSL has for owner, in the middle of one of
// owner's operations.
//
//export ohsocketResumableSession
func ohsocketResumableSession(owner unsafe.Pointer, session *C.SSL_SESSION) {
	defer func() {
		if recover() != nil {
			return // a panic must not pass through OpenSSL
		}
	}()
	s, _ := pointer.Restore(owner).(*Session)
	if s == nil {
		C.SSL_SESSION_free(session)
		return
	}
	if s.info == nil {
		s.resumable = append(s.resumable, session)
		return
	}
	resumptions.add(s.resumption, session)
}

// keepResumable keeps what came during the handshake, now that it has succeeded.
func (s *Session) keepResumable() {
	for _, session := range s.resumable {
		resumptions.add(s.resumption, session)
	}
	s.resumable = nil
}

func (s *Session) dropResumable() {
	for _, session := range s.resumable {
		C.SSL_SESSION_free(session)
	}
	s.resumable = nil
}
