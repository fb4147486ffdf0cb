"""Sockets with callbacks, and run()."""

import os
import signal
import socket
import sys
import threading
import time

import pytest

import ohsocket
from ohsocket import callback


def test_echo() -> None:
    server = callback.construct_tcp_socket_server_instance()
    tcp = callback.construct_tcp_socket_instance()
    seen = []

    def on_client(connection: callback.TCPSocketConnection) -> None:
        connection.on("message", lambda info: connection.send(info.message, lambda error: seen.append(error)))

    def on_connected(error: "ohsocket.SocketError | None") -> None:
        assert error is None
        tcp.send("hello")

    def on_message(info: ohsocket.SocketMessageInfo) -> None:
        seen.append(info.message)
        tcp.close(lambda error: seen.append("closed"))
        server.close()

    server.on("connect", on_client)
    server.listen(("127.0.0.1", 0))
    tcp.on("message", on_message)
    tcp.on("close", lambda: seen.append("close event"))
    tcp.connect(server.get_local_address(), on_connected, timeout=6)
    ohsocket.run()
    assert [one for one in seen if one is not None] == [b"hello", "close event", "closed"]
    assert None in seen  # the completion of the send, some time after it


def test_objects_live_as_long_as_they_are_open() -> None:
    """Nobody but the loop has them."""
    done = []

    def start() -> None:
        server = callback.TCPSocketServer()

        def on_client(connection: callback.TCPSocketConnection) -> None:
            connection.on("message", lambda info: (connection.send(info.message), connection.close()))
            server.close()

        server.on("connect", on_client)
        server.listen(("127.0.0.1", 0))
        tcp = callback.TCPSocket()
        tcp.on("message", lambda info: done.append(info.message))
        tcp.connect(server.get_local_address(), lambda error: tcp.send(b"x"))

    start()
    ohsocket.run()
    assert done == [b"x"]


def test_a_failed_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        address = one.getsockname()
    errors = []
    tcp = callback.TCPSocket()
    tcp.connect(address, errors.append)
    assert errors == []
    ohsocket.run()
    assert isinstance(errors[0], ConnectionRefusedError)
    assert "connect 127.0.0.1" in str(errors[0])


def test_without_a_callback_a_failure_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        address = one.getsockname()
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: seen.append(type(what.exc_value)))
    tcp = callback.TCPSocket()
    tcp.connect(address)
    ohsocket.run()
    assert seen == [ohsocket.ConnectionRefusedError]


def test_close_twice_and_never_opened() -> None:
    calls = []
    udp = callback.construct_udp_socket_instance()
    with pytest.raises(ohsocket.SocketError):
        udp.close()
    udp.bind(("127.0.0.1", 0))
    udp.close(calls.append)
    udp.close(calls.append)
    ohsocket.run()
    udp.close(calls.append)
    ohsocket.run()
    assert calls == [None, None, None]


def test_udp_and_send_errors() -> None:
    one, two = callback.UDPSocket(), callback.UDPSocket()
    seen = []
    one.bind(("127.0.0.1", 0))
    two.bind(("127.0.0.1", 0))

    def on_message(info: ohsocket.SocketMessageInfo) -> None:
        seen.append(info.message)
        one.close()
        two.close()

    one.on("message", on_message)
    two.send(b"x" * 65508, one.get_local_address(), lambda error: seen.append(error and error.code))
    two.send(b"x", one.get_local_address())
    ohsocket.run()
    assert sorted(seen, key=str) == [2301090, b"x"]


def test_refused_send_and_drain() -> None:
    server = callback.TCPSocketServer()
    tcp = callback.TCPSocket()
    held: "list[callback.TCPSocketConnection]" = []
    received = []
    sent = []

    def fill(error: "ohsocket.SocketError | None" = None) -> None:
        try:
            while len(sent) < 500:
                tcp.send(b"x" * 100_000)
                sent.append(100_000)
        except BlockingIOError:
            if not received:
                held[0].on("message", lambda info: received.append(len(info.message)))
            return
        tcp.close()
        server.close()

    server.on("connect", lambda connection: (held.append(connection), fill()))
    server.listen(("127.0.0.1", 0))
    tcp.on("drain", fill)
    tcp.connect(server.get_local_address())
    ohsocket.run()
    assert sum(sent) == sum(received) == 50_000_000


def test_ctrl_c_ends_run() -> None:
    udp = callback.UDPSocket()
    udp.bind(("127.0.0.1", 0))
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ohsocket.run()
    assert time.monotonic() - began < 2
    timer.join()
    udp.close()
    ohsocket.run()


def test_end_and_half_open() -> None:
    server = callback.TCPSocketServer()
    tcp = callback.TCPSocket()
    seen = []

    def on_client(connection: callback.TCPSocketConnection) -> None:
        connection.on("message", lambda info: seen.append(info.message))
        # What is sent in the listener of the end still goes out, then the library closes.
        connection.on("end", lambda: connection.send(b"answer"))
        connection.on("close", server.close)

    server.on("connect", on_client)
    server.listen(("127.0.0.1", 0))
    tcp.on("message", lambda info: seen.append(info.message))
    tcp.connect(server.get_local_address(), lambda _: (tcp.send(b"x"), tcp.end(seen.append)))
    ohsocket.run()
    assert set(seen) == {b"x", None, b"answer"}
