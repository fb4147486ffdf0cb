"""Which certificate is shown and what the getters say; the seed's own options."""

import subprocess

from harness import case
from peers import common_name, echo, tls_connect, tls_peer
from process import fields


def shown(t, port, name, *options):
    """The subject that a server shows to a client that names a host."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *options]
    command += ["-servername", name] if name else ["-noservername"]
    client = t.run(*command, stderr=subprocess.STDOUT)
    return common_name(client.one("^Peer certificate: "))


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
    for side in ours, theirs:  # before it, what OpenSSL 3.5 has more
        assert "ECDSA+SHA256" in side["sigalgs"].split(":")


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
    assert common_name(server.wait_line("^subject=")) == "client-rsa"
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
