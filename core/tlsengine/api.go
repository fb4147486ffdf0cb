package tlsengine

import (
	"unsafe"

	"ohsocket/core/errcode"
)

var errUnfinished = &Error{Code: errcode.Internal, Text: "not there yet", Alert: -1}

type Context struct{}

func NewContext(c *Config) (*Context, error)                            { return nil, errUnfinished }
func (c *Context) Release()                                             {}
func (c *Context) NeedsSystemStore() bool                               { return false }
func LoadSystemStore() error                                            { return errUnfinished }
func SystemStoreLoaded() bool                                           { return false }
func (c *Context) Client(serverName string, port int) (*Session, error) { return nil, errUnfinished }
func (c *Context) Server() (*Session, error)                            { return nil, errUnfinished }

type Status uint8

const (
	Done   Status = iota // the operation has done what it can
	More                 // it needs more input from the peer
	Ended                // Read: the peer has sent close_notify
	Failed               // Err says why; Output may hold an alert to be sent
)

type Output struct{}

func NewOutput() *Output                       { return &Output{} }
func (o *Output) Free()                        {}
func (o *Output) Bytes() (unsafe.Pointer, int) { return nil, 0 }
func (o *Output) Reset()                       {}

type Session struct{}

func (s *Session) Handshake(in unsafe.Pointer, size int, out *Output) (consumed int, st Status) {
	return 0, Failed
}
func (s *Session) Read(in unsafe.Pointer, size int, plain unsafe.Pointer, capacity int, out *Output) (consumed, n int, st Status) {
	return 0, 0, Failed
}
func (s *Session) Pending() bool                                            { return false }
func (s *Session) Write(plain unsafe.Pointer, size int, out *Output) Status { return Failed }
func (s *Session) Shutdown(out *Output) Status                              { return Failed }
func (s *Session) Err() *Error                                              { return errUnfinished }
func (s *Session) Truncated() *Error                                        { return errUnfinished }
func (s *Session) Info() *Info                                              { return nil }
func (s *Session) Close()                                                   {}

type Info struct {
	Protocol                            string
	CipherSuite                         string
	ALPN                                string
	ServerName                          string
	SignatureAlgorithms                 []string
	LocalCertificate, RemoteCertificate []byte
	RemoteChain                         [][]byte
	Resumed                             bool
}

func SetKeylog(path string) error              { return errUnfinished }
func Live() (contexts, sessions, pointers int) { return 0, 0, 0 }
func Version() string                          { return "" }
