"""Connections that break after the handshake: what came before is delivered, then comes the error, and never an end."""

import socket

import proxy
from codes import OTHER, READ, RESET
from harness import case, make_stream
from peers import tls_connect, tls_peer
from proxy import Proxy

BREAKS = {
    "reset in the middle of a record": (lambda record: (record[:2000], proxy.RESET), RESET, ""),
    "end in the middle of a record": (lambda record: (record[:2000], proxy.END), OTHER, "without close_notify"),
    "end behind a record": (lambda record: (record, proxy.END), OTHER, "without close_notify"),
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
