package errcode

import "slices"

// An Entry describes one code.
type Entry struct {
	Code     Code
	Name     string // of the constant in C: "SOCKET_ERROR_CONNREFUSED"
	Text     string // for people, without the code
	Category Category
}

// others lists the codes that carry no errno.
var others = [...]Entry{
	{OK, "SOCKET_OK", "Success", CategoryNone},
	{Permission, "SOCKET_ERROR_PERMISSION", "Permission denied", CategoryPermission},
	{Parameter, "SOCKET_ERROR_PARAMETER", "Parameter error", CategoryUsage},
	{Internal, "SOCKET_ERROR_INTERNAL", "System internal error", CategoryInternal},
	{Forked, "SOCKET_ERROR_FORKED", "The process was forked after the library was loaded; load it after the fork, or exec", CategoryUsage},
	{Resolve, "SOCKET_ERROR_RESOLVE", "The host name could not be resolved", CategoryResolve},
	{Other, "SOCKET_ERROR_OTHER", "Unknown other error", CategoryUsage},
	{Socks5Connect, "SOCKET_ERROR_SOCKS5_CONNECT", "Socks5 failed to connect to the proxy server", CategoryUnreachable},
	{Socks5Credentials, "SOCKET_ERROR_SOCKS5_CREDENTIALS", "Socks5 username or password is invalid", CategoryPermission},
	{Socks5Remote, "SOCKET_ERROR_SOCKS5_REMOTE", "Socks5 failed to connect to the remote server", CategoryUnreachable},
	{Socks5Method, "SOCKET_ERROR_SOCKS5_METHOD", "Socks5 failed to negotiate the authentication method", CategoryPermission},
	{Socks5Send, "SOCKET_ERROR_SOCKS5_SEND", "Socks5 failed to send the message", CategoryIO},
	{Socks5Receive, "SOCKET_ERROR_SOCKS5_RECEIVE", "Socks5 failed to receive the message", CategoryIO},
	{Socks5Serialize, "SOCKET_ERROR_SOCKS5_SERIALIZE", "Socks5 serialization error", CategoryIO},
	{Socks5Deserialize, "SOCKET_ERROR_SOCKS5_DESERIALIZE", "Socks5 deserialization error", CategoryIO},
	{TLSSession, "SOCKET_ERROR_TLS_SESSION", "There is no TLS session", CategoryTLS},
	{TLSRead, "SOCKET_ERROR_TLS_READ", "Reading on the TLS socket failed", CategoryTLS},
	{TLSWrite, "SOCKET_ERROR_TLS_WRITE", "Writing on the TLS socket failed", CategoryTLS},
	{TLSCertificate, "SOCKET_ERROR_TLS_CERTIFICATE", "Verifying the X.509 certificate failed", CategoryTLS},
	{TLSSystemCall, "SOCKET_ERROR_TLS_SYSTEM_CALL", "TLS failed: its options, the handshake, or a stream that was cut", CategoryTLS},
	{TLSClose, "SOCKET_ERROR_TLS_CLOSE", "Closing the TLS connection failed", CategoryTLS},
	{TLSNotBound, "SOCKET_ERROR_TLS_NOT_BOUND", "The TLS socket is not bound", CategoryUsage},
	{TLSBadFD, "SOCKET_ERROR_TLS_BADFD", "The file descriptor of the TLS socket is invalid", CategoryUsage},
	{TLSNotConnected, "SOCKET_ERROR_TLS_NOT_CONNECTED", "The TLS socket is not connected", CategoryUsage},
}

// table holds all codes in ascending order, index the place of each in it.
var table, index = func() ([]Entry, map[Code]int) {
	entries := slices.Clone(others[:])
	for n, e := range errnos {
		if e.name == "" {
			continue
		}
		entries = append(entries,
			Entry{Code(Client) + Code(n), "SOCKET_ERROR_" + e.name, e.text, e.category},
			Entry{Code(Server) + Code(n), "SOCKET_ERROR_SERVER_" + e.name, e.text, e.category})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return int(a.Code - b.Code) })
	places := make(map[Code]int, len(entries))
	for i, e := range entries {
		places[e.Code] = i
	}
	return entries, places
}()

// unknown stands for every code that is not in the table.
var unknown = Entry{Name: "SOCKET_ERROR_UNKNOWN", Text: "Unknown error", Category: CategoryInternal}

// Table returns a copy of all entries, success included, in ascending order
// of their codes.
func Table() []Entry { return slices.Clone(table) }

func (c Code) entry() *Entry {
	if i, ok := index[c]; ok {
		return &table[i]
	}
	return &unknown
}
