"""What spans several connections or changes under them: resumption, names, certificates that are replaced, STARTTLS, keys
on record, the seed's own options."""

import os
import socket
import ssl
import subprocess

from bad_peers import CERTIFICATE, OTHER, echo, tls_connect, tls_peer
from harness import case, fields, sha256
from peers import python_context

# ---- Resumption ----


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


# ---- Names and certificates ----


def shown(t, port, name, *options):
    """The subject that a server shows to a client that names a host."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *options]
    command += ["-servername", name] if name else ["-noservername"]
    client = t.run(*command, stderr=subprocess.STDOUT)
    return client.one("^Peer certificate: ").split("= ")[-1]


@case("names: a server with several certificates shows the one for the host that the client names")
def several(t):
    more = [word for name in ("alpha", "beta", "wild", "server-rsa")
            for word in ("--more", t.cert(name + ".pem"), t.cert(name + ".key"))]
    server = t.server(*t.identity("server-ec"), *more)
    for name, expected in (("alpha.test", "alpha"), ("beta.test", "beta"), ("x.wild.test", "wild"), ("ALPHA.test", "alpha"),
                           ("localhost", "server-ec"), ("unknown.test", "server-ec"), (None, "server-ec")):
        assert shown(t, server.port, name) == expected, (name, shown(t, server.port, name))
    # Of two for the same hosts that of a kind which the client knows.
    for name in ("localhost", None):
        assert shown(t, server.port, name, "-sigalgs", "RSA-PSS+SHA256") == "server-rsa"
    client = t.client(server.port, *t.roots, "--name", "beta.test", "--text", "hello")
    assert client.fields("^received ")["bytes"] == "5"
    assert server.wait_line("name=beta.test .*remote=none")


@case("names: the certificate of a listening server is replaced")
def replaced(t):
    server = t.server(*t.identity("server-ec"))
    with tls_connect(t, server.port) as old:
        server.write(" ".join(["options", *t.identity("alpha")]) + "\n")
        assert "code=0" in server.wait_line("^renewed ")
        assert shown(t, server.port, None) == "alpha"
        # Who has come before goes on.
        old.sendall(b"hello")
        assert old.recv(100) == b"hello"
        assert old.getpeercert()["subject"] == ((("commonName", "server-ec"),),)


@case("names: what the getters say of both certificates")
def certificates(t):
    def hash_of(name):
        der = t.run("openssl", "x509", "-in", t.cert(name + ".leaf"), "-noout", "-fingerprint", "-sha256").lines[0]
        return der.split("=")[1].replace(":", "").lower()

    server = t.server(*t.identity("server-ec"), *t.roots, "--two-way")
    client = t.client(server.port, *t.roots, *t.identity("client-rsa"), "--name", "localhost", "--text", "hello")
    ours, theirs = client.fields("^connected "), fields(server.wait_line("^client 1 connected "))
    assert ours["local"] == theirs["remote"] == hash_of("client-rsa")
    assert ours["remote"] == theirs["local"] == hash_of("server-ec")
    assert ours["name"] == theirs["name"] == "localhost"
    assert ours["sigalgs"].startswith("ECDSA+SHA256:") and theirs["sigalgs"].startswith("ECDSA+SHA256:")


# ---- The seed's own options ----


@case("seed: two-way, checked from the side of openssl s_server")
def two_way(t):
    server = t.start("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", t.cert("server-rsa.leaf"), "-key",
                     t.cert("server-rsa.key"), "-cert_chain", t.cert("server-rsa.pem"), "-Verify", "3",
                     "-verify_return_error", "-CAfile", t.cert("roots.pem"), "-alpn", "h2,http/1.1", "-cipher",
                     "ALL:@SECLEVEL=1", stderr=subprocess.STDOUT)
    port = int(server.wait_line("^ACCEPT").rsplit(":", 1)[1])
    client = t.start_client(port, "--cert", t.cert("client-rsa.pem"), "--key", t.cert("client-rsa.pkcs8-encrypted"),
                            "--password", "open sesame", *t.roots, "--protocols", "1.2", "--client-order", "--sigalgs",
                            "rsa_pss_rsae_sha256:ECDSA+SHA256", "--suite", "AES256-SHA256", "--alpn", "spdy/1", "--alpn",
                            "http/1.1", "--text", "hello, server\n", "--expect", "14")
    server.wait_line("hello, server")
    assert server.wait_line("ALPN protocols advertised by the client").endswith("spdy/1, http/1.1")
    assert server.wait_line("ALPN protocols selected").endswith("http/1.1")
    assert server.wait_line("^Signature Algorithms: ").endswith("RSA-PSS+SHA256:ECDSA+SHA256")
    assert server.wait_line("^Shared ciphers:") == "Shared ciphers:AES256-SHA256"
    assert server.wait_line("^CIPHER is") == "CIPHER is AES256-SHA256"
    server.wait_line("END SSL SESSION PARAMETERS")
    pem = server.lines[server.lines.index("-----BEGIN SSL SESSION PARAMETERS-----"):]
    with open(t.path("session"), "w") as file:
        file.write("\n".join(pem[:pem.index("-----END SSL SESSION PARAMETERS-----") + 1]) + "\n")
    session = t.run("openssl", "sess_id", "-in", t.path("session"), "-noout", "-text")
    assert session.one("Protocol  *:").endswith(" TLSv1.2") and session.one("Cipher  *:").endswith(" AES256-SHA256")
    assert server.wait_line("^subject=").endswith("CN = client-rsa")
    server.write("hello, client\n")
    ours = client.finish().fields("^connected ")
    assert (ours["protocol"], ours["suite"], ours["alpn"]) == ("TLSv1.2", "AES256-SHA256", "http/1.1"), ours


@case("seed: one-way, its suite alone makes it TLS 1.2")
def one_way(t):
    peer = tls_peer(t, lambda tls: (echo(tls), tls.version(), tls.cipher()[0])[1:], "server-rsa",
                    ciphers="ALL:@SECLEVEL=1")
    client = t.client(peer.port, "--ca", t.cert("root-ec.pem"), "--ca", t.cert("root-rsa.pem"), "--suite",
                      "AES256-SHA256", "--text", "hello")
    ours = client.fields("^connected ")
    assert peer.result() == ("TLSv1.2", "AES256-SHA256") == (ours["protocol"], ours["suite"])


@case("suites: the client's order counts if the server is told so")
def order(t):
    suites = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    for options, expected in (([], suites[1]), (["--client-order"], suites[0])):
        server = t.server(*t.identity("server-ec"), "--suite", ":".join(reversed(suites)), *options)
        with tls_connect(t, server.port, ciphers=":".join(suites)) as tls:
            assert tls.cipher()[0] == expected, (options, tls.cipher())


# ---- STARTTLS ----


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
