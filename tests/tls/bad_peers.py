"""Peers that do not speak TLS, stop, or go away in the middle of the handshake, and their code each."""

import socket
import ssl

from codes import CANCELED, CERTIFICATE, OTHER, RESET, TIMEOUT
from harness import case, receive_all
from peers import echo, python_context, tls_connect, tls_peer
from proxy import Proxy, reset


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
    t.client(peer.port, *t.roots).expect("^failed ", RESET, "")


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
    assert f"code={RESET}" in server.wait_line("^failed ", 2)


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


@case("close in the handshake: our client")
def close_early(t):
    peer = t.listen(lambda connection: connection.makefile("rb").read())
    client = t.client(peer.port, *t.roots, "--close-early")
    assert client.fields("^failed ")["code"] == str(CANCELED), client.describe()
    peer.wait()


@case("close in the handshake: our server, clients in the middle of theirs")
def close_server(t):
    server = t.server(*t.identity("server-ec"))
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=t.remaining()) for _ in range(10)]
    for client in clients:
        client.sendall(b"\x16\x03\x01\x02\x00\x01")
    # All are accepted when one that has come later has been served.
    with tls_connect(t, server.port) as tls:
        server.wait_line("^client 1 connected")
        server.write("close\n")
        server.wait_line("^closed ")
        for client in clients:
            data, _ = receive_all(client)
            assert data == b""
            client.close()
        tls.sendall(b"hello")
        assert tls.recv(100) == b"hello"
    server.refuse("^failed")


@case("close in the handshake: in every step of it, our client and our server")
def every_step(t):
    context = python_context(t, False)
    server = t.server(*t.identity("server-ec"))
    for steps in range(4):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", server.port), timeout=t.remaining()) as connection:
            for step in range(steps):
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                connection.sendall(outgoing.read())
                if step == 0 and steps > 1:
                    incoming.write(connection.recv(65536))
            if steps >= 2:
                tls.write(b"x")
                connection.sendall(outgoing.read())
                assert server.wait_line(f"^client {steps - 1} connected")
    assert len(server.all("^client . connected")) == 2
    server.wait_line("^failed ", 2)
    for steps in range(3):
        flights = []

        def serve(connection, steps=steps, flights=flights):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = python_context(t, True, "server-ec").wrap_bio(incoming, outgoing, server_side=True)
            incoming.write(connection.recv(65536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            flight = outgoing.read()
            connection.sendall(flight[:len(flight) * steps // 3])
            connection.shutdown(socket.SHUT_WR)
            flights.append(receive_all(connection))

        peer = t.listen(serve)
        t.client(peer.port, *t.roots).expect("^failed ", OTHER, "closed the connection during the handshake")
        peer.result()
