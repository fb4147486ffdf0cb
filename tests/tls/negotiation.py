"""What both sides have to agree on: nothing in common is an error with its cause on both sides."""

import subprocess

from codes import OTHER
from harness import case
from peers import echo, tls_connect, tls_peer


def openssl_server(t, *options, cert="server-ec"):
    server = t.start("openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", t.cert(cert + ".leaf"), "-key",
                     t.cert(cert + ".key"), "-cert_chain", t.cert(cert + ".pem"), *options, stderr=subprocess.STDOUT)
    return int(server.wait_line("^ACCEPT").rsplit(":", 1)[1])


NOTHING_IN_COMMON = {
    "suite, TLS 1.2": (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                       ["--suite", "ECDHE-ECDSA-AES256-GCM-SHA384"], "alert 40 handshake_failure", "no shared cipher"),
    "suite, TLS 1.3": (["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], ["--suite", "TLS_AES_128_GCM_SHA256"],
                       "alert 40 handshake_failure", "no shared cipher"),
    "version, ours 1.3": (["-tls1_2"], ["--protocols", "1.3"], "alert 70 protocol_version", "unsupported protocol"),
    "version, ours 1.2": (["-tls1_3"], ["--protocols", "1.2"], "alert 70 protocol_version", "unsupported protocol"),
    "version, ours by its suites": (["-tls1_3"], ["--suite", "ECDHE-ECDSA-AES128-GCM-SHA256"], "alert 70 protocol_version",
                                    "unsupported protocol"),
    "signature algorithm, TLS 1.2": (["-tls1_2", "-sigalgs", "ECDSA+SHA384"], ["--sigalgs", "ECDSA+SHA256"],
                                     "alert 40 handshake_failure", "no shared|no suitable"),
    "signature algorithm, TLS 1.3": (["-tls1_3", "-sigalgs", "RSA-PSS+SHA384"], ["--sigalgs", "RSA-PSS+SHA256"],
                                     "alert 40 handshake_failure", "no shared|no suitable"),
    "ALPN, TLS 1.2": (["-tls1_2", "-alpn", "h2,foo"], ["--alpn", "http/1.1", "--alpn", "spdy/1"],
                      "alert 120 no_application_protocol", "no application protocol"),
    "ALPN, TLS 1.3": (["-tls1_3", "-alpn", "h2,foo"], ["--alpn", "http/1.1", "--alpn", "spdy/1"],
                      "alert 120 no_application_protocol", "no application protocol"),
}


def nothing_in_common(name, theirs, ours, client_text, server_text):
    cert = "server-rsa" if "RSA" in theirs[-1] else "server-ec"

    @case(f"nothing in common: {name}, our client")
    def client(t):
        client = t.client(openssl_server(t, *theirs, cert=cert), *t.roots, *ours, "--text", "hello")
        client.expect("^failed ", OTHER, client_text)
        client.refuse("^connected")

    @case(f"nothing in common: {name}, our server")
    def server(t):
        server = t.server(*t.identity(cert), *ours)
        client = t.run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *theirs, stderr=subprocess.STDOUT)
        assert client.popen.returncode != 0 and client.all("alert"), client.describe()
        server.wait_line("^failed ")
        server.expect("^failed ", OTHER, server_text)
        server.refuse("^client")


for name, entry in NOTHING_IN_COMMON.items():
    nothing_in_common(name, *entry)


@case("ALPN: our client, a server that knows nothing of it")
def alpn_client(t):
    peer = tls_peer(t, lambda tls: (echo(tls), tls.selected_alpn_protocol())[1])
    client = t.client(peer.port, *t.roots, "--alpn", "h2", "--text", "hello")
    assert client.fields("^connected ")["alpn"] == "" and peer.result() is None
    assert client.fields("^received ")["bytes"] == "5"


@case("ALPN: our server, a client that knows nothing of it")
def alpn_server(t):
    server = t.server(*t.identity("server-ec"), "--alpn", "h2")
    with tls_connect(t, server.port) as tls:
        tls.sendall(b"hello")
        assert tls.recv(100) == b"hello" and tls.selected_alpn_protocol() is None
    assert " alpn= " in server.wait_line("^client 1 connected ")


@case("ALPN: the server's order counts")
def alpn_order(t):
    server = t.server(*t.identity("server-ec"), "--alpn", "b", "--alpn", "a")
    with tls_connect(t, server.port, alpn=["a", "x", "b"]) as tls:
        assert tls.selected_alpn_protocol() == "b"
    assert " alpn=b " in server.wait_line("^client 1 connected ")
