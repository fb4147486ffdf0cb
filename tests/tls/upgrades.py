"""STARTTLS, and keys on record."""

import os
import socket
import subprocess

from codes import CERTIFICATE, OTHER
from harness import case, sha256
from peers import echo, python_context, tls_peer


def starttls(option):
    @case(f"STARTTLS: {option}, no byte is lost")
    def check(t):
        context = python_context(t, True, "server-ec")
        data = os.urandom(300_000)

        def serve(connection):
            connection.sendall(b"220 ready\r\n")
            command = b""
            while not command.endswith(b"\r\n"):
                command += connection.recv(1)
            assert command == b"STARTTLS\r\n", command
            if option == "--starttls":
                connection.sendall(b"220 go ahead\r\n")
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(data)
                return tls.recv(100), tls.version()

        peer = t.listen(serve)
        client = t.client(peer.port, option, *t.roots, "--text", "hello", "--expect", len(data))
        found = client.fields("^received ")
        assert found["bytes"] == str(len(data))
        assert found["sha256"] == sha256(data)
        assert peer.result() == (b"hello", "TLSv1.3")
        assert "local=none" in client.one("^connected ")


starttls("--starttls")
starttls("--hold-starttls")


@case("STARTTLS: the name of the certificate is verified")
def starttls_name(t):
    context = python_context(t, True, "other-host")

    def serve(connection):
        connection.sendall(b"220 ready\r\n")
        connection.recv(100)
        connection.sendall(b"220 go ahead\r\n")
        context.wrap_socket(connection, server_side=True).close()

    peer = t.listen(serve)
    client = t.client(peer.port, "--starttls", *t.roots, "--text", "hello")
    client.expect("^failed ", CERTIFICATE, 'not for "127.0.0.1"')


@case("STARTTLS: the server goes on in plain text")
def starttls_plain(t):
    def serve(connection):
        connection.sendall(b"220 ready\r\n")
        connection.recv(100)
        connection.sendall(b"220 go ahead\r\n")
        connection.recv(1000)
        connection.sendall(b"500 what is it that you say?\r\n")
        while connection.recv(1000):
            pass

    peer = t.listen(serve)
    client = t.client(peer.port, "--starttls", *t.roots, "--text", "hello")
    client.expect("^failed ", OTHER, "does not speak TLS")


# ---- Keys on record ----


def keylog(version):
    @case(f"keylog: our client, the same as openssl s_server's, TLS {version}")
    def client(t):
        theirs, ours, environment = t.path("theirs"), t.path("ours"), t.path("environment")
        server = t.start("openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", "1", "-keylogfile", theirs,
                         "-cert", t.cert("server-ec.pem"), "-key", t.cert("server-ec.key"), "-cert_chain",
                         t.cert("server-ec.pem"), "-tls" + version.replace(".", "_"), stderr=subprocess.STDOUT)
        port = int(server.wait_line("^ACCEPT").rsplit(":", 1)[1])
        client = t.client(port, *t.roots, "--name", "localhost", "--text", "hello\n", "--keylog", ours,
                          env=dict(t.environment, SSLKEYLOGFILE=environment))
        assert client.one("^keylog ") == "keylog code=0"
        server.finish()
        lines = [sorted(line for line in open(path) if not line.startswith("#")) for path in (theirs, ours)]
        assert lines[0] == lines[1] and len(lines[0]) == (1 if version == "1.2" else 5), lines
        assert os.stat(ours).st_mode & 0o777 == 0o600
        assert not os.path.exists(environment)

    @case(f"keylog: our server, the same as Python's, TLS {version}")
    def server(t):
        theirs, ours = t.path("theirs"), t.path("ours")
        server = t.server(*t.identity("server-ec"), "--keylog", ours)
        context = python_context(t, False, version=version)
        context.keylog_filename = theirs
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            with context.wrap_socket(connection, server_hostname="localhost") as tls:
                tls.sendall(b"hello")
                assert tls.recv(100) == b"hello"
        lines = [sorted(line for line in open(path) if not line.startswith("#")) for path in (theirs, ours)]
        assert lines[0] == lines[1] and lines[0], lines


for version in ("1.2", "1.3"):
    keylog(version)


@case("keylog: nothing is logged without being told, whatever the environment says")
def no_keylog(t):
    environment = t.path("environment")
    peer = tls_peer(t, echo)
    t.client(peer.port, *t.roots, "--text", "hello", env=dict(t.environment, SSLKEYLOGFILE=environment)).one("^connected")
    assert not os.path.exists(environment)
