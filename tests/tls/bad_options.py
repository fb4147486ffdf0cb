"""Mistakes in the options: an error of the call itself, whose text names the option. And the forms of keys that are none."""

from codes import CERTIFICATE, OTHER
from harness import case
from peers import echo, tls_connect, tls_peer

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
    "suite of the other version": ([*SERVER, "--suite", "TLS_AES_128_GCM_SHA256", "--protocols", "1.2"], OTHER, "cipher_suite"),
    "unknown signature algorithm": ([*SERVER, "--sigalgs", "ECDSA+SHA256:nonsense"], OTHER,
                                    '"nonsense" is not a signature algorithm'),
}


def bad_options(name, options, code, why):
    def words(t):
        return [t.cert(w) if "." in w and not w[0].isdigit() else w for w in options]

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
