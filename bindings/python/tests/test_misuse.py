"""Wrong arguments and calls in wrong places: refused before anything has happened, with a text that helps."""

import asyncio
import builtins
import functools
import gc
import os
import pathlib
import socket
import subprocess
import sys
from typing import Any

import pytest

import ohsocket
from ohsocket import Option, TLSIdentity, TLSSecureOptions, callback, sync

from conftest import DEADLINE, Run, Waiter, close, pair, standstill

# ---- A sync method in a listener ---------------------------------------------------------------


@pytest.mark.parametrize("what", ["send", "receive", "end", "close", "connect", "accept", "datagram"])
def test_a_sync_method_in_a_listener_does_nothing(what: str) -> None:
    with sync.TCPSocketServer() as server, sync.TCPSocket() as client, sync.TCPSocket() as other:
        with sync.UDPSocket() as udp:
            udp.bind(("127.0.0.1", 0))
            server.listen(("127.0.0.1", 0))
            client.connect(server.get_local_address())
            connection = server.accept(5)
            raised = []

            def listener(info: object) -> None:
                operations = {
                    "send": lambda: connection.send(b"x"),
                    "receive": client.receive,
                    "end": connection.end,
                    "close": connection.close,
                    "connect": lambda: other.connect(server.get_local_address()),
                    "accept": server.accept,
                    "datagram": lambda: udp.send(b"x", udp.get_local_address()),
                }
                try:
                    operations[what]()
                except RuntimeError as error:
                    raised.append(str(error))

            connection.on("message", listener)
            client.send(b"x")
            for waiting in (client, udp):
                with pytest.raises(TimeoutError):
                    waiting.receive(timeout=0.1)  # neither data nor an end
            assert len(raised) == 1 and "a listener cannot wait" in raised[0]
            assert connection.get_state().is_connected
            assert not other.get_state().is_connected
            with connection:
                client.abort()


# ---- Sending -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1:9", ("127.0.0.1", 99999), 9])
def test_a_datagram_to_no_address_leaves_nothing(run: Run, address: Any) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as udp:
            await udp.bind(("127.0.0.1", 0))
            for send in (udp.send, udp.send_nowait):
                with pytest.raises((TypeError, ohsocket.ParameterError), match="address"):
                    done = send(b"x", address)
                    if done is not None:
                        await done
            with pytest.raises((TypeError, ohsocket.ParameterError), match="address"):
                await udp.send(ohsocket.UDPSendOptions(b"x", address))

    run(main())  # nothing was reported to the loop: run looks
    gc.collect()


def test_send_nowait_does_not_overtake(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(Option.SEND_QUEUE_LIMIT, 200_000)
        drained = Waiter()
        client.on("drain", drained)
        blocks = [bytes([65 + i]) * 150_000 for i in range(40)]
        sends = [asyncio.ensure_future(client.send(block)) for block in blocks]
        await standstill(lambda: sum(one.done() for one in sends))
        assert not sends[-1].done()
        with pytest.raises(BlockingIOError):
            client.send_nowait(b"!")  # though the queue may have room for so little
        received = bytearray()
        sent_late = False
        while len(received) < 40 * 150_000 + sent_late:
            received += await connection.receive()
            if drained.values and not sent_late:
                drained.values.clear()
                try:
                    client.send_nowait(b"!")
                    sent_late = True
                except BlockingIOError:
                    pass  # another drain event follows
        while not sent_late:
            await drained.wait()
            client.send_nowait(b"!")
            sent_late = True
            received += await connection.receive()
        assert bytes(received) == b"".join(blocks) + b"!"
        await asyncio.gather(*sends)
        await close(client, connection, server)

    run(main())


# ---- Listeners and completions -----------------------------------------------------------------


def test_a_listener_that_raises_cancelled_error_takes_nothing_from_the_next() -> None:
    async def main() -> None:
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what["exception"]))
        server, client, connection = await pair()
        got = Waiter()

        def failing(info: object) -> None:
            raise asyncio.CancelledError

        connection.on("message", failing)
        connection.on("message", got)
        await client.send(b"x")
        assert [info.message for info in await got.wait()] == [b"x"]
        connection.off("message", got)
        await client.send(b"y")  # the only listener has a path of its own
        while len(reported) < 2:
            await asyncio.sleep(0)
        assert [type(one) for one in reported] == [asyncio.CancelledError] * 2
        await close(client, connection, server)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_what_a_completion_raises_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: seen.append(type(what.exc_value)))

    def failing(error: object) -> None:
        raise asyncio.CancelledError if error is None else ZeroDivisionError

    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        tcp = callback.TCPSocket()
        tcp.set_option(Option.CLOSE_TIMEOUT, 1)
        tcp.on("connect", lambda: tcp.close(failing))
        tcp.connect(address, failing)
        ohsocket.run()
    tcp.off("connect")
    tcp.connect(address, failing)  # nobody listens any more
    ohsocket.run()
    assert seen == [asyncio.CancelledError, asyncio.CancelledError, ZeroDivisionError]


def test_a_completion_that_is_no_function() -> None:
    tcp: Any = callback.TCPSocket()
    for operation in (
        lambda: tcp.connect(("127.0.0.1", 1), 5),
        lambda: tcp.close(5),
        lambda: tcp.end(5),
        lambda: tcp.send(b"x", 5),
        lambda: callback.UDPSocket().send(b"x", ("127.0.0.1", 1), 5),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="a callback is a function"):
            operation()


def test_async_listeners(run: Run) -> None:
    class Callable:
        async def __call__(self, info: object) -> None:
            pass

    async def coroutine(number: int, info: object) -> None:
        pass

    async def main() -> None:
        for listener in (Callable(), functools.partial(coroutine, 1)):
            with pytest.raises(TypeError, match="a listener is a plain function"):
                ohsocket.TCPSocket().on("message", listener)

    run(main())


def test_after_ones_own_close(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        udp = ohsocket.UDPSocket()
        await udp.bind(("127.0.0.1", 0))
        await close(client, connection, server, udp)
        assert await client.receive() == b"" == await connection.receive()
        for waiting, code in ((udp.receive, 2301009), (server.accept, 2303109)):
            with pytest.raises(ohsocket.SocketError) as caught:
                await waiting()
            assert caught.value.code == code
        assert [one async for one in server] == [one async for one in udp] == []
        async with client:
            pass
        with pytest.raises(ohsocket.SocketError, match="given back"):
            await client.connect(("127.0.0.1", 1))

    run(main())


# ---- Texts -------------------------------------------------------------------------------------


def test_what_is_wrong_is_said(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        with pytest.raises(ohsocket.ParameterError, match="no option 99"):
            client.set_option(99, 1)  # type: ignore[arg-type]
        with pytest.raises(ohsocket.ParameterError, match="no option 99"):
            client.get_option(99)  # type: ignore[arg-type]
        with pytest.raises(ohsocket.ParameterError, match="CLOSE_TIMEOUT is out of range: -1"):
            client.set_option(Option.CLOSE_TIMEOUT, -1)
        for size in (-1, 262145):
            with pytest.raises(ohsocket.ParameterError, match="receive_buffer_size is out of range"):
                client.set_extra_options(receive_buffer_size=size)
        with pytest.raises(ohsocket.ParameterError, match="goes on with a .*TCPSocket, not <ohsocket.TCPSocketConn"):
            ohsocket.TLSSocket(connection)  # type: ignore[arg-type]
        with pytest.raises(ohsocket.ParameterError, match="goes on with a ohsocket._asyncio.TCPSocket"):
            ohsocket.TLSSocket(sync.TCPSocket())  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="goes on with"):
            ohsocket.TLSSocket("x")  # type: ignore[arg-type]
        for kind in (ohsocket.TCPSocketConnection, ohsocket.TLSSocketConnection, sync.TCPSocketConnection):
            with pytest.raises(ohsocket.ParameterError, match="comes from a server"):
                kind()
        for wrong in (5.0, "5", None):
            with pytest.raises(TypeError, match="a descriptor is an int or a socket.socket"):
                ohsocket.TCPSocket().adopt(wrong)  # type: ignore[arg-type]
        await client.send(b"x")
        assert await connection.receive() == b"x"
        await close(client, connection, server)

    run(main())


def test_a_refused_argument_is_named() -> None:
    """DONE-7, in the names of this package."""
    local = ("127.0.0.1", 0)
    tcp, udp, tls = sync.TCPSocket(), sync.UDPSocket(), sync.TLSSocket()
    server, tls_server = sync.TCPSocketServer(), sync.TLSSocketServer()

    def secure(**options: Any) -> None:
        tls.set_secure_options(TLSSecureOptions(**options))

    long = "x" * 1_100_000
    cases: "list[tuple[Any, str]]" = [
        (lambda: tcp.bind(("127.0.0.1", 65536)), "port is not from 0"),
        (lambda: tcp.bind(("", 0)), "host is empty"),
        (lambda: tcp.bind(("example.org", 0)), 'address "example.org": not a numeric'),
        (lambda: tcp.connect(("two words", 1)), 'address "two words": neither'),
        (lambda: tcp.connect(("127.0.0.1", 1), timeout=-1), "timeout is out of range"),
        (lambda: tcp.connect(ohsocket.TCPConnectOptions(("127.0.0.1", 1), -1)), "timeout is out of range: -1"),
        (lambda: tls.connect(ohsocket.TLSConnectOptions(("127.0.0.1", 1), timeout=-1)), "timeout is out of range: -1"),
        (lambda: server.listen(local, backlog=65536), "backlog is out of range"),
        (lambda: tcp.adopt(-1), "adopt: descriptor is -1"),
        (lambda: udp.set_extra_options(ohsocket.TCPExtraOptions(keep_alive=True)), "keep_alive is not for"),  # type: ignore[arg-type]
        (lambda: tcp.set_extra_options(tcp_no_delay=2), "tcp_no_delay is 2"),
        (lambda: tcp.set_extra_options(socket_linger=ohsocket.SocketLinger(True, -1)), r"socket_linger\.linger is out"),
        (lambda: tls.send(b""), "empty send over TLS"),
        (lambda: secure(protocols="SSLv3"), "protocols: no such protocol: 'SSLv3'"),
        (lambda: secure(server_name="two words"), 'server_name: "two words"'),
        (lambda: secure(server_name="a\0b"), "server_name has a NUL"),
        (lambda: secure(alpn_protocols=["h2", ""]), "alpn_protocols has an empty name"),
        (lambda: secure(alpn_protocols=["h2", "x" * 256]), r"alpn_protocols\[1\] is longer"),
        (lambda: secure(alpn_protocols=["h2"] * 101), "number of alpn_protocols is 101"),
        (lambda: secure(ca=["x"] * 1001), "number of ca is 1001"),
        (lambda: secure(cipher_suite=long), "cipher_suite is longer"),
        (lambda: secure(cert=long, key="x"), ": cert is longer"),
        (lambda: secure(cert="x", key=long), ": key is longer"),
        (lambda: secure(more_identities=[TLSIdentity("x\0", "x")]), r"more_identities\[0\]\.cert has a NUL"),
    ]
    for call, text in cases:
        with pytest.raises(ohsocket.ParameterError, match=text):
            call()
    others: "list[tuple[Any, int, str]]" = [
        (lambda: tcp.bind(("fe80::1%nosuch0", 0)), 2301019, "no interface of that zone"),
        (lambda: tcp.connect(("fe80::1%nosuch0", 1)), 2301019, "no interface of that zone"),
        (lambda: udp.send(b"x", ("127.0.0.1", 0)), 2301022, "port 0"),
        (lambda: tcp.set_extra_options(socket_timeout=-1), 2301033, "socket_timeout is out of range: -1"),
        (lambda: secure(cert="x", key="x"), 2303505, ": key: no private key"),
        (lambda: secure(cipher_suite="NO-SUCH"), 2303505, ': cipher_suite: "NO-SUCH"'),
        (lambda: secure(signature_algorithms="NO-SUCH"), 2303505, ': signature_algorithms: "NO-SUCH"'),
        (lambda: tls_server.listen(local, TLSSecureOptions()), 2303505, ": cert, key: a server needs"),
        (lambda: secure(more_identities=[TLSIdentity("x", "x")]), 2303505, r": more_identities\[0\]\.key: "),
    ]
    for call, code, text in others:
        with pytest.raises(ohsocket.SocketError, match=text) as caught:
            call()
        assert caught.value.code == code, text


@pytest.mark.parametrize("ca", ["", [], b"", [""], ()], ids=repr)
def test_an_empty_ca_is_not_the_store_of_the_system(run: Run, ca: Any) -> None:
    async def main() -> None:
        with pytest.raises(ohsocket.ParameterError, match="ca is empty"):
            ohsocket.TLSSocket().set_secure_options(TLSSecureOptions(ca=ca))

    run(main())


def test_no_secrets_in_texts(run: Run) -> None:
    identity = TLSIdentity("a certificate", "SECRET key", "SECRET password")
    options = TLSSecureOptions(key="SECRET key", password="SECRET password", more_identities=[identity])
    target = ohsocket.TLSConnectOptions(("127.0.0.1", 1), options)
    for text in (repr(options), str(options), repr(identity), str([identity]), repr(target)):
        assert "SECRET" not in text
    assert "a certificate" in repr(identity)

    async def main() -> None:
        tls = ohsocket.TLSSocket()
        for wrong in ({"key": "SECRET"}, TLSSecureOptions(key=["SECRET"])):  # type: ignore[arg-type]
            with pytest.raises(TypeError) as caught:
                tls.set_secure_options(wrong)  # type: ignore[arg-type]
            assert "SECRET" not in str(caught.value)

    run(main())


# ---- Names and addresses -----------------------------------------------------------------------


def test_a_star_import_shadows_nothing(tmp_path: pathlib.Path) -> None:
    names: "dict[str, Any]" = {}
    exec("from ohsocket import *", names)
    names.pop("__builtins__")
    assert "TCPSocket" in names and "SocketError" in names
    assert not set(names) & set(dir(builtins))
    assert "CancelledError" not in names
    # They are attributes, for mypy too.
    assert issubclass(ohsocket.TimeoutError, builtins.TimeoutError)
    user = tmp_path / "user.py"
    user.write_text("import ohsocket\nerrors = (ohsocket.TimeoutError, ohsocket.CancelledError)\n")
    words = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(user)]
    environment = {**os.environ, "MYPYPATH": str(pathlib.Path(ohsocket.__file__).parent.parent)}
    checked = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_addresses_of_every_form(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as one, ohsocket.UDPSocket() as two:
            await one.bind(["127.0.0.1", 0])
            await two.bind(("127.0.0.1", 0))
            await one.send(b"question", two.get_local_address())
            message, info = await two.receive()
            await two.send(b"answer", info)
            two.send_nowait(b"again", info)
            assert (await one.receive()).message == b"answer"
            assert (await one.receive()).message == b"again"
        if not socket.has_ipv6:
            return
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
            for address in (listening.getsockname(), list(listening.getsockname()), list(listening.getsockname()[:2])):
                async with ohsocket.TCPSocket() as tcp:
                    await tcp.connect(address)
                    listening.accept()[0].close()
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("::1", 0, 0, 0))
            assert server.get_local_address().family == ohsocket.Family.IPV6

    run(main())
