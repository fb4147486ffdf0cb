"""Bytes: all of them arrive, in order, whatever the sizes, whoever closes and whoever does not read."""

import os
import socket
import threading

from harness import case, make_stream, receive_all, sha256, wait_until_full
from peers import echo, tls_connect, tls_peer
from process import fields

LARGE = int(os.environ.get("TLS_BYTES", 64 << 20))


def same(line, other):
    line, other = fields(line), fields(other)
    assert (line["bytes"], line["sha256"]) == (other["bytes"], other["sha256"]), (line, other)
    return line


def full_duplex(version):
    @case(f"data: {LARGE >> 20} MB each way at once, TLS {version}", deadline=30 + (LARGE >> 20), alone=True)
    def check(t):
        server = t.server(*t.identity("server-ec"), "--protocols", version, "--bytes", LARGE)
        client = t.client(server.port, *t.roots, "--bytes", LARGE, "--expect", LARGE)
        server.wait_line("^client 1 closed ")
        same(client.one("^sent "), server.one("^client 1 received "))
        assert same(client.one("^received "), server.one("^client 1 sent "))["bytes"] == str(LARGE)
        assert client.one("^closed ") == "closed code=0" and server.one("^client 1 closed ").endswith("code=0")


for version in ("1.2", "1.3"):
    full_duplex(version)


def sizes(version):
    @case(f"data: sends of every size around a record, TLS {version}")
    def around(t):
        server = t.server(*t.identity("server-ec"), "--protocols", version)
        for portion in (16383, 16384, 16385, 65535, 65536, 65537):
            client = t.client(server.port, *t.roots, "--bytes", 400_000, "--portion", portion)
            assert same(client.one("^sent "), client.one("^received "))["bytes"] == "400000"
        peer = tls_peer(t, echo, version=version, clients=2)
        for portion in (16385, 65537):
            client = t.client(peer.port, *t.roots, "--bytes", 400_000, "--portion", portion)
            assert same(client.one("^sent "), client.one("^received "))["bytes"] == "400000"

    @case(f"data: records of one byte, both ways, TLS {version}")
    def single(t):
        data = os.urandom(4000)

        def serve(tls):
            for i in range(len(data)):
                tls.send(data[i:i + 1])
            heard = b""
            while len(heard) < 3000:
                heard += tls.recv(65536)
            return sha256(heard)

        peer = tls_peer(t, serve, version=version)
        client = t.client(peer.port, *t.roots, "--bytes", 3000, "--portion", 1, "--window", 1, "--expect", len(data))
        found = client.fields("^received ")
        assert (found["bytes"], found["sha256"]) == ("4000", sha256(data)), found
        assert peer.result() == client.fields("^sent ")["sha256"]

    @case(f"data: close with eight megabytes queued, our client and a slow reader, TLS {version}")
    def queue_client(t):
        def serve(tls):
            wait_until_full(t, tls)
            heard = []
            while part := tls.recv(16384):
                heard.append(part)
            return sha256(b"".join(heard))

        # A reader that ends by close_notify: Python raises at an end without it.
        peer = tls_peer(t, serve, version=version)
        client = t.client(peer.port, *t.roots, "--queue", 8 << 20, "--no-read")
        assert peer.result() == client.fields("^sent ")["sha256"] == sha256(make_stream(1, 8 << 20))
        assert client.one("^flushed ") == "flushed code=0"

    @case(f"data: close with eight megabytes queued, our server and a slow reader, TLS {version}")
    def queue_server(t):
        server = t.server(*t.identity("server-ec"), "--queue", 8 << 20)
        with tls_connect(t, server.port, version=version) as tls:
            server.wait_line("^client 1 sent ")
            wait_until_full(t, tls)
            data, error = receive_all(tls)
            assert error is None
        assert sha256(data) == fields(server.wait_line("^client 1 sent "))["sha256"]
        assert server.wait_line("^client 1 closed ").endswith("code=0")

    @case(f"data: a client that never reads sends a megabyte and closes, our client, TLS {version}")
    def never_reads(t):
        # The server's tickets, and 100 KB, are unread when the client closes.
        def serve(tls):
            tls.sendall(bytes(100_000))
            wait_until_full(t, tls)
            data, error = receive_all(tls)
            return sha256(data), error

        peer = tls_peer(t, serve, version=version)
        client = t.client(peer.port, *t.roots, "--bytes", 1 << 20, "--expect", "0", "--no-read")
        assert peer.result() == (client.fields("^sent ")["sha256"], None)
        assert client.one("^closed ") == "closed code=0"

    @case(f"data: a client that never reads sends a megabyte and closes, our server, TLS {version}")
    def never_read(t):
        data = os.urandom(1 << 20)
        server = t.server(*t.identity("server-ec"), "--sink")
        tls = tls_connect(t, server.port, version=version)
        tls.sendall(data)
        connection = socket.socket(fileno=tls.detach())  # no close_notify, the tickets unread
        connection.shutdown(socket.SHUT_WR)
        server.wait_line("^client 1 closed ")
        connection.close()
        found = server.fields("^client 1 received ")
        assert (found["bytes"], found["sha256"]) == (str(len(data)), sha256(data))

    @case(f"data: the client ends its direction, all comes back, TLS {version}")
    def half_close(t):
        server = t.server(*t.identity("server-ec"), "--half-open", "--protocols", version)
        client = t.client(server.port, *t.roots, "--bytes", 3_000_000, "--end")
        assert same(client.one("^sent "), client.one("^received "))["bytes"] == "3000000"
        server.wait_line("^client 1 closed ")
        assert server.one("^client 1 end") and client.one("^end") and client.one("^closed ") == "closed code=0"
        assert server.one("^client 1 closed ").endswith("code=0")


for version in ("1.2", "1.3"):
    sizes(version)


@case("data: sixteen megabytes to and from Python at once")
def python_duplex(t):
    size = 16 << 20
    out = make_stream(5, 1 << 20) * 16

    def serve(tls):
        heard = []

        def read():
            left = size
            while left > 0 and (part := tls.recv(65536)):
                heard.append(part)
                left -= len(part)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        tls.sendall(out)
        reader.join(t.remaining())
        return sha256(b"".join(heard))

    # One side at a time may use Python's object, the other waits: an echo of two threads is none, so it is a pair.
    peer = tls_peer(t, serve)
    client = t.client(peer.port, *t.roots, "--bytes", size, "--expect", size)
    assert client.fields("^received ")["sha256"] == sha256(out)
    assert peer.result() == client.fields("^sent ")["sha256"]
