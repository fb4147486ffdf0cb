"""Peers that must be refused, mistakes in the options, and connections that break: each with its code and a text that
names the cause, on both sides. The test programs say at their end what is left: nothing may be."""

import socket
import ssl
import subprocess

from harness import case, make_stream
from peers import python_context
from proxy import END, RESET, Proxy, reset

RESET_CODE, TIMEOUT, READ, CERTIFICATE, OTHER = 2303204, 2303210, 2303502, 2303504, 2303505
WEAK = "DEFAULT:@SECLEVEL=0"


def tls_peer(t, serve, cert="server-ec", clients=1, **options):
    """A server of Python: serve(connection) after the handshake."""
    context = python_context(t, True, cert, **options)

    def handle(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            return serve(tls)

    return t.listen(handle, clients)


def echo(tls):
    while data := tls.recv(65536):
        tls.sendall(data)
    return tls


def tls_connect(t, port, name="localhost", **options):
    context = python_context(t, False, **options)
    connection = socket.create_connection(("127.0.0.1", port), timeout=t.remaining())
    return context.wrap_socket(connection, server_hostname=name)


# ---- Certificates ----

BAD_CERTIFICATES = {
    "expired": "certificate has expired",
    "future": "certificate is not yet valid",
    "self-signed": "self.signed certificate",
    "untrusted": "self.signed certificate in certificate chain",
    "leaf-only": "unable to get local issuer certificate",
    "weak": "key too (weak|small)",
}


def bad_server(version, cert, name, why):
    @case(f"bad peer: our client, TLS {version}, server {cert} as {name or 'its address'}")
    def check(t):
        peer = tls_peer(t, echo, cert, version=version, ciphers=WEAK)
        client = t.client(peer.port, *t.roots, *(["--name", name] if name else []), "--text", "secret")
        client.expect("^failed ", CERTIFICATE, why)
        client.refuse("^connected")
        told = peer.wait()[0]
        assert isinstance(told, ssl.SSLError) and "ALERT" in str(told).upper(), told


def bad_client(version, cert, why):
    @case(f"bad peer: our server, TLS {version}, client {cert or 'without a certificate'}")
    def check(t):
        server = t.server(*t.identity("server-ec"), *t.roots, "--two-way")
        try:
            with tls_connect(t, server.port, cert=cert, version=version, ciphers=WEAK) as tls:
                tls.sendall(b"secret")
                answer = tls.recv(100)
            raise AssertionError(f"the client heard {answer}")
        except ssl.SSLError as error:
            assert "ALERT" in str(error).upper(), error
        server.wait_line("^failed ")
        server.expect("^failed ", CERTIFICATE, why)
        server.refuse("^client")


def refused_client(version, cert, code, why):
    @case(f"bad peer: our client, TLS {version}, shows {cert or 'no certificate'} and is refused")
    def check(t):
        peer = tls_peer(t, echo, version=version, two_way=True, ciphers=WEAK)
        client = t.client(peer.port, *t.roots, *(t.identity(cert) if cert else []), "--text", "secret")
        # In TLS 1.3 the client is done before the server has seen its certificate.
        client.expect("^failed " if version == "1.2" else "^error ", code, why)
        client.refuse("^end")
        assert isinstance(peer.wait()[0], ssl.SSLError)


for version in ("1.2", "1.3"):
    for cert, why in BAD_CERTIFICATES.items():
        bad_server(version, cert, "localhost", why)
        bad_client(version, "client-" + cert, why)
    bad_server(version, "other-host", "localhost", 'not for "localhost"')
    bad_server(version, "other-host", None, 'not for "127.0.0.1"')
    bad_server(version, "server-ec", "192.0.2.7", 'not for "192.0.2.7"')
    bad_server(version, "wild", "a.b.wild.test", 'not for "a.b.wild.test"')
    bad_server(version, "client-ec", "localhost", "unsuitable certificate purpose|unsupported certificate purpose")
    bad_client(version, None, "no certificate")
    bad_client(version, "server-ec", "unsuitable certificate purpose|unsupported certificate purpose")
    refused_client(version, "client-expired", CERTIFICATE, "alert 45 certificate_expired")
    refused_client(version, "client-untrusted", CERTIFICATE, "alert 48 unknown_ca")
refused_client("1.2", None, OTHER, "alert 40 handshake_failure")
refused_client("1.3", None, CERTIFICATE, "alert 116 certificate_required")


@case("bad peer: our client accepts anybody when it is told to")
def unverified(t):
    peer = tls_peer(t, echo, "self-signed")
    client = t.client(peer.port, "--no-verify", "--text", "hello")
    assert client.fields("^received ")["bytes"] == "5"


@case("bad peer: a wildcard is for one label")
def wildcard(t):
    peer = tls_peer(t, echo, "wild")
    client = t.client(peer.port, *t.roots, "--name", "a.wild.test", "--text", "hello")
    assert client.fields("^received ")["bytes"] == "5"


# ---- Options ----

SERVER = ["--cert", "server-ec.pem", "--key", "server-ec.key"]
BAD_OPTIONS = {
    "wrong key": (["--cert", "server-ec.pem", "--key", "server-rsa.key"], CERTIFICATE, "key does not belong"),
    "wrong key of the same kind": (["--cert", "server-ec.pem", "--key", "client-ec.key"], CERTIFICATE, "key does not belong"),
    "wrong password": (["--cert", "server-rsa.pem", "--key", "server-rsa.pkcs8-encrypted", "--password", "wrong"], OTHER,
                       "password of the private key is wrong"),
    "wrong password, PKCS#1": (["--cert", "client-rsa.pem", "--key", "client-rsa.pkcs1-encrypted", "--password", "wrong"],
                               OTHER, "password of the private key is wrong"),
    "no password": (["--cert", "server-rsa.pem", "--key", "server-rsa.pkcs8-encrypted"], OTHER, "no password was given"),
    "empty password": (["--cert", "server-rsa.pem", "--key", "server-rsa.pkcs8-encrypted", "--password", ""], OTHER,
                       "password"),
    "garbage certificate": (["--cert", "garbage.pem", "--key", "server-ec.key"], CERTIFICATE, "certificate 1 cannot be read"),
    "no PEM as certificate": (["--cert", "not.pem", "--key", "server-ec.key"], CERTIFICATE, "no certificate in PEM form"),
    "garbage key": (["--cert", "server-ec.pem", "--key", "garbage.key"], OTHER, "private key cannot be read"),
    "no PEM as key": (["--cert", "server-ec.pem", "--key", "not.pem"], OTHER, "no private key in PEM form"),
    "certificate without key": (["--cert", "server-ec.pem"], OTHER, "key"),
    "key without certificate": (["--key", "server-ec.key"], CERTIFICATE, "certificate"),
    "weak key": (["--cert", "weak.pem", "--key", "weak.key"], CERTIFICATE, "the key of 1024 bits is too weak"),
    "garbage CA": ([*SERVER, "--ca", "garbage.pem"], CERTIFICATE, "certificate 1 cannot be read"),
    "no PEM as CA": ([*SERVER, "--ca", "not.pem"], CERTIFICATE, "no certificate in PEM form"),
    "unknown suite": ([*SERVER, "--suite", "AES256-SHA256:NO-SUCH-SUITE"], OTHER, '"NO-SUCH-SUITE" is not a cipher suite'),
    "suite of the other version": ([*SERVER, "--suite", "TLS_AES_128_GCM_SHA256", "--protocols", "1.2"], OTHER, "cipherSuite"),
    "unknown signature algorithm": ([*SERVER, "--sigalgs", "ECDSA+SHA256:nonsense"], OTHER,
                                    '"nonsense" is not a signature algorithm'),
}


def bad_options(name, options, code, why):
    words = lambda t: [t.cert(w) if "." in w and not w[0].isdigit() else w for w in options]

    @case(f"bad options: {name}, client")
    def client(t):
        t.client(1, *words(t)).expect("^refused ", code, why)

    @case(f"bad options: {name}, server")
    def server(t):
        t.run(t.build / "tls/tls_server", *words(t), clean=True).expect("^refused ", code, why)

    @case(f"bad options: {name}, server that listens and goes on with what it had")
    def reload(t):
        server = t.server(*t.identity("server-ec"))
        server.write(" ".join(["options", *words(t)]) + "\n")
        server.wait_line("^renewed ")
        server.expect("^renewed ", code, why)
        with tls_connect(t, server.port) as tls:
            tls.sendall(b"hello")
            assert tls.recv(100) == b"hello"


for name, (options, code, why) in BAD_OPTIONS.items():
    if name != "empty password":
        bad_options(name, options, code, why)


@case("bad options: a server without a certificate")
def no_certificate(t):
    t.run(t.build / "tls/tls_server", clean=True).expect("^refused ", OTHER, "needs a key and a certificate")


KEYS = [("rsa", "pkcs1", False), ("rsa", "pkcs1-encrypted", True), ("rsa", "pkcs8-encrypted", True), ("ec", "sec1", False),
        ("ec", "sec1-encrypted", True), ("ed", "pkcs8-encrypted", True)]


def key_form(kind, form, encrypted):
    @case(f"keys: {kind} as {form}")
    def check(t):
        peer = tls_peer(t, lambda tls: (echo(tls), tls.getpeercert())[1], two_way=True)
        password = ["--password", "open sesame"] if encrypted else []
        t.client(peer.port, *t.roots, "--cert", t.cert(f"client-{kind}.pem"), "--key", t.cert(f"client-{kind}.{form}"),
                 *password, "--text", "hello").one("^connected ")
        assert peer.result()["subject"] == ((("commonName", f"client-{kind}"),),)


for form in KEYS:
    key_form(*form)

# ---- Nothing in common ----


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


# ---- Peers that do not speak TLS, or stop ----


@case("no TLS: our client, a server of plain text")
def plain_server(t):
    peer = t.listen(lambda connection: connection.sendall(b"220 mail.test ESMTP, and some more of it\r\n"))
    t.client(peer.port, "--text", "hello").expect("^failed ", OTHER, "does not speak TLS")


@case("no TLS: our server, a client of plain text")
def plain_client(t):
    server = t.server(*t.identity("server-ec"))
    for said, why in ((b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "http request"), (b"HELO client.test\r\n" * 5, "wrong version number")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=t.remaining()) as connection:
            connection.sendall(said)
            while connection.recv(1000):
                pass
        assert why in server.wait_line("^failed ", 1 if "http" in why else 2)
    server.refuse("^client")


@case("stalls: our client, a server that says nothing")
def silent_server(t):
    peer = t.listen(lambda connection: connection.makefile("rb").read())
    client = t.client(peer.port, *t.roots, "--timeout", "300")
    client.expect("^failed ", TIMEOUT, "")
    peer.wait()


@case("stalls: our client, a server that stops in the middle of its flight")
def stopping_server(t):
    peer = tls_peer(t, echo)
    proxy = Proxy(t, peer.port, lambda from_client, number, record: record if from_client or number == 0 else b"")
    t.client(proxy.port, *t.roots, "--timeout", "300").expect("^failed ", TIMEOUT, "")


@case("stalls: our server drops clients that are too slow, and hurts nobody else")
def slow_clients(t):
    server = t.server(*t.identity("server-ec"), "--handshake", "400")
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=t.remaining()) for _ in range(20)]
    for connection in slow[:10]:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # the beginning of a ClientHello
    with tls_connect(t, server.port) as tls:
        for connection in slow:
            try:
                assert connection.recv(100) == b""
            except ConnectionResetError:
                pass
        tls.sendall(b"still here")
        assert tls.recv(100) == b"still here"
    server.wait_line("^failed ", 20)
    failures = server.all("^failed ")
    assert len(failures) == 20 and all(f"code={TIMEOUT}" in line for line in failures), server.describe()
    for connection in slow:
        connection.close()


@case("breaks in the handshake: our client, the server closes")
def closing_server(t):
    peer = t.listen(lambda connection: connection.recv(5000) and None)
    t.client(peer.port, *t.roots).expect("^failed ", OTHER, "closed the connection during the handshake")


@case("breaks in the handshake: our client, the server resets")
def resetting_server(t):
    peer = t.listen(lambda connection: reset(connection) if connection.recv(1) else None)
    t.client(peer.port, *t.roots).expect("^failed ", RESET_CODE, "")


@case("breaks in the handshake: our server, the client closes or resets")
def leaving_client(t):
    server = t.server(*t.identity("server-ec"))
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"\x16\x03\x01")
    server.wait_line("^failed ")
    server.expect("^failed ", OTHER, "closed the connection during the handshake")
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"\x16\x03\x01")
    # Nobody can see from outside when the library has read it; the answer to a whole client is behind it.
    with tls_connect(t, server.port):
        pass
    reset(connection)
    assert f"code={RESET_CODE}" in server.wait_line("^failed ", 2)


@case("breaks in the handshake: a byte is changed")
def tampered_handshake(t):
    for version in ("1.2", "1.3"):
        peer = tls_peer(t, echo, version=version)

        def spoil(from_client, number, record):
            return record[:-1] + bytes([record[-1] ^ 1]) if not from_client and len(record) > 500 else record

        client = t.client(Proxy(t, peer.port, spoil).port, *t.roots, "--text", "hello")
        client.refuse("^connected")
        assert client.fields("^failed ")["code"] in (str(OTHER), str(CERTIFICATE)), client.describe()
        assert isinstance(peer.wait()[0], ssl.SSLError)


# ---- Connections that break ----

BREAKS = {
    "reset in the middle of a record": (lambda record: (record[:2000], RESET), RESET_CODE, ""),
    "end in the middle of a record": (lambda record: (record[:2000], END), OTHER, "without close_notify"),
    "end behind a record": (lambda record: (record, END), OTHER, "without close_notify"),
    "byte changed": (lambda record: record[:700] + bytes([record[700] ^ 4]) + record[701:], READ, "bad record mac|decryption failed"),
    "record repeated": (lambda record: record + record, READ, "bad record mac|decryption failed"),
    "record left out": (lambda record: b"", READ, "bad record mac|decryption failed"),
}


def breaks(version, name, spoil, code, why):
    whole = name in ("end behind a record", "record repeated")

    def spoiler(target):
        # The messages of the test are the only records of their size: hello 300, then 4000, then 300.
        return lambda from_client, number, record: (
            spoil(record) if from_client == target and len(record) > 3000 else record)

    expected = 300 + (4000 if whole else 0)

    @case(f"breaks: {name}, TLS {version}, our client")
    def client(t):
        def serve(tls):
            tls.sendall(bytes(300))
            tls.sendall(bytes(4000))
            tls.sendall(bytes(300))
            try:
                tls.recv(1)
            except OSError:
                pass

        peer = tls_peer(t, serve, version=version)
        client = t.client(Proxy(t, peer.port, spoiler(False)).port, *t.roots, "--until-end")
        client.expect("^error ", code, why)
        client.refuse("^end")
        assert client.fields("^received ")["bytes"] == str(expected), client.describe()
        assert client.one("^closed ") == f"closed code={code}"

    @case(f"breaks: {name}, TLS {version}, our server")
    def server(t):
        server = t.server(*t.identity("server-ec"), "--sink")
        with tls_connect(t, Proxy(t, server.port, spoiler(True)).port, version=version) as tls:
            for size in (300, 4000, 300):
                tls.sendall(bytes(size))
            try:
                tls.recv(1)
            except OSError:
                pass
            server.wait_line("^client 1 closed ")
        server.expect("^client 1 error ", code, why)
        server.refuse("^client 1 end")
        assert server.fields("^client 1 received ")["bytes"] == str(expected), server.describe()


for version in ("1.2", "1.3"):
    for name, entry in BREAKS.items():
        breaks(version, name, *entry)


@case("breaks: the peer ends without close_notify after a megabyte, all of which is delivered")
def truncated(t):
    data = make_stream(7, 1 << 20)

    def serve(tls):
        tls.sendall(data)
        connection = socket.socket(fileno=tls.detach())
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(t.remaining())
        while connection.recv(1000):
            pass
        connection.close()

    peer = tls_peer(t, serve)
    client = t.client(peer.port, *t.roots, "--until-end")
    client.expect("^error ", OTHER, "without close_notify")
    assert client.fields("^received ")["bytes"] == str(len(data))
