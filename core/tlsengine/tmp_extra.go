package tlsengine

func (c *Context) Retain()                       {}
func (c *Context) Info() *Info                   { return nil }
func (s *Session) EnabledCipherSuites() []string { return nil }
