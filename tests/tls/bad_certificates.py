"""Certificates that must be refused, of servers and of clients: the code, a text that names the cause, and an alert for the
peer. The test programs say at their end what is left: nothing may be."""

import ssl

from codes import CERTIFICATE, OTHER
from harness import case
from peers import echo, tls_connect, tls_peer

WEAK = "DEFAULT:@SECLEVEL=0"  # lets the peers show keys that nobody should accept

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


@case("certificates: without CA those of the system count, wherever SSL_CERT_FILE says they are")
def system_store(t):
    peer = tls_peer(t, echo, clients=2)
    options = ("--name", "localhost", "--text", "hello")
    client = t.client(peer.port, *options, env=dict(t.environment, SSL_CERT_FILE=t.cert("roots.pem")))
    assert client.fields("^received ")["bytes"] == "5"
    t.client(peer.port, *options).expect("^failed ", CERTIFICATE, "unable to get local issuer certificate|self.signed")


@case("certificates: the given CA take the place of those of the system")
def given_store(t):
    peer = tls_peer(t, echo)
    client = t.client(peer.port, "--ca", t.cert("root-rsa.pem"), "--text", "hello",
                      env=dict(t.environment, SSL_CERT_FILE=t.cert("roots.pem")))
    client.expect("^failed ", CERTIFICATE, "unable to get local issuer certificate")
