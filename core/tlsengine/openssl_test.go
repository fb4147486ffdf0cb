package tlsengine

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ohsocket/core/errcode"
)

// openssl runs the command on input and returns what it prints.
func openssl(t testing.TB, input []byte, arguments ...string) []byte {
	t.Helper()
	command := exec.Command("openssl", arguments...)
	var problems bytes.Buffer
	command.Stdin, command.Stderr = bytes.NewReader(input), &problems
	output, err := command.Output()
	require.NoError(t, err, "openssl %v: %s", arguments, &problems)
	return output
}

// sClient connects openssl s_client to p and types lines: the second of each pair when what was
// read from the client ends with the first. It returns what the client printed.
func (p *peer) sClient(t *testing.T, arguments []string, lines [][2]string) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, root().pem, 0o600))
	command := exec.Command("openssl", append([]string{"s_client", "-connect", listener.Addr().String(), "-CAfile", ca,
		"-verify_return_error", "-servername", "test.host"}, arguments...)...)
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	keyboard, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	defer command.Wait()
	defer command.Process.Kill()

	connection, err := listener.Accept()
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	input := make([]byte, 20_000)
	for len(lines) > 0 || p.status == More || p.status == Done {
		if len(lines) > 0 && p.Info() != nil && bytes.HasSuffix(p.plain, []byte(lines[0][0])) {
			_, err := io.WriteString(keyboard, lines[0][1]+"\n")
			require.NoError(t, err)
			lines = lines[1:]
			if len(lines) == 0 {
				break
			}
		}
		n, err := connection.Read(input)
		require.NoError(t, err, "%s", &printed)
		p.wire = append(p.wire, input[:n]...)
		_, err = connection.Write(p.run(t))
		require.NoError(t, err)
		require.NotEqual(t, Failed, p.status, "%v", p.Err())
	}
	p.write(t, []byte("farewell"))
	_, err = connection.Write(p.take())
	require.NoError(t, err)
	require.Equal(t, Done, p.Shutdown(p.out))
	_, err = connection.Write(p.take())
	require.NoError(t, err)
	// Until the client has seen the end and closed.
	_, _ = io.Copy(io.Discard, connection)
	require.NoError(t, command.Wait(), "%s", &printed)
	return printed.String()
}

func TestKeyUpdateOfOpenSSL(t *testing.T) {
	clean(t)
	p := server(t, serving())
	// K: new keys for both directions; k: for its own.
	printed := p.sClient(t, []string{"-tls1_3"}, [][2]string{{"", "one"}, {"one\n", "K"}, {"one\n", "two"}, {"two\n", "k"}, {"two\n", "three"}, {"three\n", ""}})
	require.Equal(t, "one\ntwo\nthree\n", string(p.plain))
	require.Contains(t, printed, "KEYUPDATE")
	require.Contains(t, printed, "farewell")
}

func TestRenegotiationIsRefused(t *testing.T) {
	clean(t)
	p := server(t, serving())
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	command := exec.Command("openssl", "s_client", "-connect", listener.Addr().String(), "-tls1_2")
	keyboard, err := command.StdinPipe()
	require.NoError(t, err)
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	require.NoError(t, command.Start())
	connection, err := listener.Accept()
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	input, asked := make([]byte, 20_000), false
	for {
		n, err := connection.Read(input)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		p.wire = append(p.wire, input[:n]...)
		_, err = connection.Write(p.run(t))
		require.NoError(t, err)
		if p.Info() != nil && !asked {
			asked = true
			_, err = io.WriteString(keyboard, "R\n")
			require.NoError(t, err)
		}
	}
	require.Error(t, command.Wait())
	require.Contains(t, printed.String(), "RENEGOTIATING")
	require.Contains(t, printed.String(), "no renegotiation")
}

// A ticket in several records: what is written meanwhile comes after it.
func TestWriteWithinAMessageOfTheHandshake(t *testing.T) {
	for name, much := range map[string]bool{"a little": false, "too much": true} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			directory := t.TempDir()
			file := func(name string, data []byte) string {
				name = filepath.Join(directory, name)
				require.NoError(t, os.WriteFile(name, data, 0o600))
				return name
			}
			identity, mine := root().issue(subject{}), root().issue(subject{})
			// The certificate of the client makes the ticket larger than a record.
			command := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-naccept", "1", "-Verify", "1",
				"-verify_return_error", "-CAfile", file("ca", root().pem), "-cert", file("cert", identity.Certificate),
				"-key", file("key", identity.Key), "-max_send_frag", "512", "-num_tickets", "1")
			printed, err := command.StdoutPipe()
			require.NoError(t, err)
			keyboard, err := command.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			defer command.Wait()
			defer command.Process.Kill()
			lines := bufio.NewScanner(printed)
			until := func(prefix string) string {
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), prefix) {
						return strings.TrimSpace(strings.TrimPrefix(lines.Text(), prefix))
					}
				}
				t.Fatalf("no %q", prefix)
				return ""
			}
			connection, err := net.Dial("tcp4", until("ACCEPT "))
			require.NoError(t, err)
			defer connection.Close()
			require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
			record := func() []byte {
				header := make([]byte, 5)
				_, err := io.ReadFull(connection, header)
				require.NoError(t, err)
				body := make([]byte, int(header[3])<<8|int(header[4]))
				_, err = io.ReadFull(connection, body)
				require.NoError(t, err)
				return append(header, body...)
			}
			send := func(bytes []byte) {
				_, err := connection.Write(bytes)
				require.NoError(t, err)
			}
			config := trusting()
			config.Identities = []Identity{mine}
			c := client(t, config, "test.host")
			for send(c.run(t)); c.Info() == nil; send(c.run(t)) {
				c.wire = append(c.wire, record()...)
			}

			c.wire = record()
			require.Empty(t, c.run(t))
			require.Zero(t, resumptions.count, "the ticket came in one record")
			require.False(t, c.Deferred())
			c.write(t, []byte("one "))
			require.True(t, c.Deferred())
			c.write(t, []byte("two\n"))
			if much {
				require.Equal(t, Failed, c.Write(make([]byte, 2<<20), c.out))
				fails(t, c.Err(), errcode.TLSWrite, "the peer does not end a message of the handshake")
				return
			}
			require.Equal(t, Done, c.Shutdown(c.out))
			require.Equal(t, Failed, c.Write(c.buffer[:1], c.out))
			require.Empty(t, c.take())
			for resumptions.count == 0 {
				c.wire = record()
				send(c.run(t))
			}
			require.False(t, c.Deferred())
			until("one two")
			require.NoError(t, keyboard.Close())
		})
	}
}
