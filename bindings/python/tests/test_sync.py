"""Sockets whose methods wait."""

import os
import signal
import socket
import sys
import threading
import time
from typing import Iterator

import pytest

from ohsocket import Option, SocketError, sync


@pytest.fixture
def pair() -> "Iterator[tuple[sync.TCPSocketServer, sync.TCPSocket, sync.TCPSocketConnection]]":
    with sync.construct_tcp_socket_server_instance() as server:
        server.listen(("127.0.0.1", 0))
        with sync.construct_tcp_socket_instance() as client:
            client.connect(server.get_local_address(), timeout=6)
            with server.accept(timeout=5) as connection:
                yield server, client, connection
                client.set_option(Option.ALLOW_HALF_OPEN, 0)  # closes with the connection


Pair = "tuple[sync.TCPSocketServer, sync.TCPSocket, sync.TCPSocketConnection]"


def test_send_receive_end(pair: Pair) -> None:
    server, client, connection = pair
    client.send("hello")
    assert connection.receive(timeout=5) == b"hello"
    connection.send(b"1")
    connection.end()
    assert list(client) == [b"1"]
    client.send(b"after the peer's end")
    assert connection.receive(timeout=5) == b"after the peer's end"
    client.close()
    assert connection.receive() == b""


def test_a_send_that_returned_is_with_the_kernel(pair: Pair) -> None:
    """The peer is a thread with a plain socket: nobody runs the loop after send returned."""
    server, *_ = pair
    received = []

    def read() -> None:
        with socket.create_connection(server.get_local_address()[:2]) as plain:
            while part := plain.recv(65536):
                received.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    data = os.urandom(8_000_000)
    with server.accept(timeout=5) as connection:
        connection.send(data)
        assert connection.get_send_queue_length() == 0
    reader.join()
    assert b"".join(received) == data


def test_timeouts(pair: Pair) -> None:
    server, client, connection = pair
    for wait in (client.receive, server.accept):
        began = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            wait(timeout=0.05)
        assert isinstance(caught.value, SocketError) and caught.value.code == 2301110
        assert 0.04 < time.monotonic() - began < 2
    with pytest.raises(TimeoutError):
        client.receive(timeout=0)
    with pytest.raises(TimeoutError):
        client.send(b"x" * 20_000_000, timeout=0.05)  # nobody reads
    assert client.get_send_queue_length() > 0
    client.abort()


def test_errors(pair: Pair) -> None:
    server, client, connection = pair
    with socket.create_server(("127.0.0.1", 0)) as one:
        address = one.getsockname()
    with sync.TCPSocket() as tcp, pytest.raises(ConnectionRefusedError):
        tcp.connect(address)
    client.abort()
    with pytest.raises(ConnectionResetError):
        connection.receive()
    with pytest.raises(ConnectionError):
        connection.send(b"x")
    sync.TCPSocket().close()  # it is not open


def test_reset_while_sending(pair: Pair) -> None:
    server, client, connection = pair
    killer = threading.Timer(0.05, lambda: None)
    plain = socket.create_connection(server.get_local_address()[:2])
    accepted = server.accept(timeout=5)
    killer = threading.Timer(0.05, plain.close)  # with unread data: a reset
    killer.start()
    with pytest.raises(ConnectionError):
        accepted.send(b"x" * 20_000_000)
    killer.join()
    accepted.abort()


def test_send_to_a_peer_that_has_gone(pair: Pair) -> None:
    """The kernel takes the first bytes and refuses the others at once."""
    server, client, connection = pair
    plain = socket.create_connection(server.get_local_address()[:2])
    accepted = server.accept(timeout=5)
    plain.close()
    with pytest.raises(ConnectionError):
        accepted.send(b"x" * 20_000_000)
    accepted.abort()


def test_udp() -> None:
    with sync.construct_udp_socket_instance() as one, sync.UDPSocket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        two.send(b"x", one.get_local_address())
        message, remote = one.receive(timeout=5)
        assert (message, remote.port) == (b"x", two.get_local_address().port)
        two.connect(one.get_local_address())
        two.send("y")
        assert next(iter(one)).message == b"y"
        with pytest.raises(SocketError) as caught:
            two.send(b"x" * 65508)
        assert caught.value.code == 2301090


def test_listeners_are_called_while_a_method_waits(pair: Pair) -> None:
    server, client, connection = pair
    got = []
    connection.on("message", lambda info: got.append(info.message))
    client.send(b"x")
    with pytest.raises(TimeoutError):
        client.receive(timeout=0.1)
    assert got == [b"x"]


def test_a_listener_cannot_wait(pair: Pair) -> None:
    server, client, connection = pair
    failures = []

    def listener(info: object) -> None:
        try:
            client.receive()
        except RuntimeError as error:
            failures.append(str(error))

    connection.on("message", listener)
    client.send(b"x")
    with pytest.raises(TimeoutError):
        client.receive(timeout=0.1)
    assert failures and "a listener cannot wait" in failures[0]


def test_server_iteration(pair: Pair) -> None:
    server, *_ = pair
    with sync.TCPSocket() as another:
        another.connect(server.get_local_address())
        for accepted in server:
            assert accepted.client_id == 2
            accepted.close()
            break


@pytest.mark.parametrize("what", ["receive", "accept", "connect", "send", "close"])
def test_ctrl_c_works_at_once(pair: Pair, what: str) -> None:
    server, client, connection = pair
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), sync.TCPSocket() as another:
            plain = socket.create_connection(server.get_local_address()[:2])
            accepted = server.accept(timeout=5)
            accepted.set_option(Option.CLOSE_TIMEOUT, 60_000)
            waits = {
                "receive": client.receive,
                "accept": server.accept,
                "connect": lambda: another.connect(full.getsockname(), timeout=60),
                "send": lambda: client.send(b"x" * 20_000_000),
                "close": accepted.close,  # the peer does not
            }
            timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
            began = time.monotonic()
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                waits[what]()
            assert time.monotonic() - began < 2
            timer.join()
            plain.close()
            accepted.close()  # one that is going on is joined
            if what == "send":
                client.abort()
            client.close()


def test_an_exception_in_a_listener_goes_to_unraisablehook(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client, connection = pair
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: seen.append(repr(what.exc_value)))
    got = []
    connection.on("message", lambda info: 1 // 0)
    connection.on("message", lambda info: got.append(info.message))
    client.send(b"x")
    with pytest.raises(TimeoutError):
        client.receive(timeout=0.1)
    assert got == [b"x"]
    assert len(seen) == 1 and "ZeroDivisionError" in seen[0]


def test_a_keyboard_interrupt_in_a_listener_leaves_the_rest_for_later(pair: Pair) -> None:
    server, client, connection = pair
    others = []
    for _ in range(5):
        other = sync.TCPSocket()
        other.connect(server.get_local_address())
        others.append(other)
    accepted = [server.accept() for _ in range(5)]
    got = []

    def listener(info: object) -> None:
        got.append(info)
        if len(got) == 2:
            raise KeyboardInterrupt

    for one in accepted:
        one.on("message", listener)
    for other in others:
        other.send(b"x")
    with pytest.raises(KeyboardInterrupt):
        client.receive(timeout=5)
    with pytest.raises(TimeoutError):
        client.receive(timeout=0.1)
    assert len(got) == 5
    for one in others:
        one.end()
    for one in accepted:
        one.close()
    for one in others:
        one.close()


def test_another_thread(pair: Pair) -> None:
    server, client, connection = pair
    errors = []

    def use() -> None:
        for wrong in (client.receive, lambda: client.send(b"x"), client.close, client.pause):
            try:
                wrong()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert errors == ["ohsocket: the socket belongs to another thread"] * 4
