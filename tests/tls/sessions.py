"""Sessions that are resumed, and those that must not be."""

import socket
import ssl
import subprocess

from codes import CERTIFICATE
from harness import case
from peers import echo, python_context, tls_peer
from process import fields


def resumption(version):
    @case(f"resumption: our client, openssl s_server, TLS {version}")
    def openssl_server(t):
        server = t.start("openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", "2", "-cert",
                         t.cert("server-ec.pem"), "-key", t.cert("server-ec.key"), "-cert_chain", t.cert("server-ec.pem"),
                         "-tls" + version.replace(".", "_"), "-msg", stderr=subprocess.STDOUT)
        port = int(server.wait_line("^ACCEPT").rsplit(":", 1)[1])
        client = t.client(port, *t.roots, "--name", "localhost", "--text", "hello\n", "--repeat", "2")
        assert [fields(line)["resumed"] for line in client.all("^connected ")] == ["0", "1"], client.describe()
        certificates = fields(client.all("^connected ")[1])
        assert certificates["remote"] == fields(client.all("^connected ")[0])["remote"] != "none"
        server.finish()
        # The server has sent its certificate in the first handshake only.
        assert len(server.all(r"^>>> .*Handshake.*, Certificate$")) == 1, server.describe()

    @case(f"resumption: our client, Python, TLS {version}")
    def python_server(t):
        context = python_context(t, True, "server-ec", version=version)

        def serve(connection):
            with context.wrap_socket(connection, server_side=True) as tls:
                echo(tls)
                return tls.session_reused

        peer = t.listen(serve, clients=5)
        t.client(peer.port, *t.roots, "--text", "hello", "--repeat", "3")
        assert peer.wait(3) == [False, True, True], peer.results
        # None of it is for another process, and none if it is not wanted.
        t.client(peer.port, *t.roots, "--text", "hello", "--repeat", "2", "--no-resumption")
        assert peer.wait(5)[3:] == [False, False], peer.results

    @case(f"resumption: our client does not resume under another name, which the certificate has not, TLS {version}")
    def wrong_name(t):
        peer = tls_peer(t, echo, version=version, clients=2)
        client = t.client(peer.port, *t.roots, "--name", "localhost", "--text", "hello", "--repeat", "2", "--then-name",
                          "other.test")
        assert len(client.all("^connected ")) == 1
        client.expect("^failed ", CERTIFICATE, 'not for "other.test"')

    @case(f"resumption: our client does not resume when it trusts others, TLS {version}")
    def wrong_ca(t):
        peer = tls_peer(t, echo, version=version, clients=2)
        client = t.client(peer.port, *t.roots, "--text", "hello", "--repeat", "2", "--then-ca", t.cert("root-rsa.pem"))
        assert len(client.all("^connected ")) == 1
        client.expect("^failed ", CERTIFICATE, "unable to get")

    @case(f"resumption: our client does not resume what it has not verified, TLS {version}")
    def unverified(t):
        context = python_context(t, True, "self-signed", version=version)

        def serve(connection):
            with context.wrap_socket(connection, server_side=True) as tls:
                echo(tls)
                return tls.session_reused

        peer = t.listen(serve, clients=2)
        t.client(peer.port, "--no-verify", "--text", "hello", "--repeat", "2")
        assert peer.wait(2) == [False, False]

    @case(f"resumption: our server, openssl s_client, TLS {version}")
    def openssl_client(t):
        server = t.server(*t.identity("server-ec"), "--greeting", "hello\n")
        session = t.path("session")
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls" + version.replace(".", "_"),
                   "-CAfile", t.cert("roots.pem")]
        for how, expected in (("-sess_out", "New"), ("-sess_in", "Reused")):
            client = t.start(*command, how, session, stderr=subprocess.STDOUT)
            client.wait_line("^hello")  # the tickets have come before
            client.write("Q\n")
            assert client.finish().one("^(New|Reused), TLSv").startswith(expected), client.describe()
        resumed = [fields(server.wait_line("^client . connected ", i))["resumed"] for i in (1, 2)]
        assert resumed == ["0", "1"], server.describe()

    @case(f"resumption: our server, a session of a time when it did not ask for a certificate, TLS {version}")
    def other_options(t):
        server = t.server(*t.identity("server-ec"))
        context = python_context(t, False, version=version)

        def connect(session=None):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=t.remaining())
            with context.wrap_socket(connection, server_hostname="localhost", session=session) as tls:
                tls.sendall(b"hello")
                assert tls.recv(100) == b"hello"
                return tls.session, tls.session_reused

        session, _ = connect()
        assert connect(session)[1]
        session, _ = connect(session) if version == "1.3" else (session, None)
        server.write(" ".join(["options", *t.identity("server-ec"), *t.roots, "--two-way"]) + "\n")
        assert "code=0" in server.wait_line("^renewed ")
        try:
            connect(session)
            raise AssertionError("a client without a certificate was let in")
        except ssl.SSLError:
            pass
        server.wait_line("^failed ")
        server.expect("^failed ", CERTIFICATE, "no certificate")


for version in ("1.2", "1.3"):
    resumption(version)


@case("resumption: openssl s_client -reconnect, our server")
def reconnect(t):
    server = t.server(*t.identity("server-ec"))
    client = t.run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-reconnect",
                   stderr=subprocess.STDOUT)
    assert len(client.all("^New, ")) == 1 and len(client.all("^Reused, ")) == 5, client.describe()
