// Command go_peer is a TLS server or client of Go's standard library, which has nothing of OpenSSL:
//
//	go_peer server|client OPTIONS
//
// OPTIONS are in JSON, and so are the lines that it prints; as peer.js.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

type options struct {
	Cert, Key, CA, Version, Text string
	Port                         int
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go_peer server|client OPTIONS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		say(map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

func run(role, text string) error {
	var o options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	if role == "server" {
		return serve(config)
	}
	return connect(config, &o)
}

func (o *options) config() (*tls.Config, error) {
	versions := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	c := &tls.Config{MinVersion: versions[o.Version], MaxVersion: versions[o.Version], ServerName: "localhost"}
	if o.Cert != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificates in " + o.CA)
		}
		c.RootCAs, c.ClientCAs, c.ClientAuth = pool, pool, tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// serve sends back what one client says.
func serve(config *tls.Config) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	plain, err := listener.Accept()
	if err != nil {
		return err
	}
	connection := tls.Server(plain, config)
	defer connection.Close()
	if err := connection.Handshake(); err != nil {
		return err
	}
	say(agreed(connection, ""))
	_, err = io.Copy(connection, connection)
	return err
}

func connect(config *tls.Config, o *options) error {
	connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port), config)
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, o.Text); err != nil {
		return err
	}
	echo := make([]byte, len(o.Text))
	if _, err := io.ReadFull(connection, echo); err != nil {
		return err
	}
	say(agreed(connection, string(echo)))
	return nil
}

func agreed(connection *tls.Conn, echo string) map[string]any {
	state := connection.ConnectionState()
	client := ""
	if len(state.PeerCertificates) > 0 {
		client = state.PeerCertificates[0].Subject.CommonName
	}
	return map[string]any{
		"protocol": strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1),
		"suite":    nameInOpenSSL(state.CipherSuite), "client": client, "echo": echo,
	}
}

// nameInOpenSSL turns TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 into ECDHE-RSA-AES128-GCM-SHA256. Those
// of TLS 1.3 have one name only.
func nameInOpenSSL(suite uint16) string {
	name := tls.CipherSuiteName(suite)
	if !strings.Contains(name, "_WITH_") {
		return name
	}
	return strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_", "AES", "POLY1305_SHA256", "POLY1305", "_", "-").Replace(name)
}

func say(value map[string]any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
