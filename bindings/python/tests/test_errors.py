"""Exceptions and bad arguments."""

import asyncio
import builtins
import pickle
import socket

import pytest

import ohsocket
from ohsocket import sync

from conftest import Run, pair

CLASSES = [
    (2301111, builtins.ConnectionRefusedError, 111),
    (2301104, builtins.ConnectionResetError, 104),
    (2303204, builtins.ConnectionResetError, 104),
    (2301103, builtins.ConnectionAbortedError, 103),
    (2301032, builtins.BrokenPipeError, 32),
    (2303208, builtins.BrokenPipeError, 108),
    (2301110, builtins.TimeoutError, 110),
    (2303210, builtins.TimeoutError, 110),
    (2301013, builtins.PermissionError, 13),
    (2303113, builtins.PermissionError, 13),
    (201, builtins.PermissionError, None),
    (2301011, builtins.BlockingIOError, 11),
    (2303214, builtins.BlockingIOError, 114),
    (401, ValueError, None),
    (2300003, RuntimeError, None),
    (2300004, socket.gaierror, None),
    (2303504, ohsocket.CertificateError, None),
    (2303501, ohsocket.TLSError, None),
    (2301125, ohsocket.CancelledError, 125),
    (2301009, ohsocket.SocketError, 9),
]


@pytest.mark.parametrize("code,kind,errno", CLASSES)
def test_classes(code: int, kind: type, errno: "int | None") -> None:
    from ohsocket._errors import error_of

    error = error_of(-code, "detail")
    assert isinstance(error, kind) and isinstance(error, ohsocket.SocketError)
    assert isinstance(error, OSError)
    assert (error.code, error.errno, error.detail) == (code, errno, "detail")
    assert error.name.startswith("SOCKET_ERROR_") and str(code) in str(error)
    assert error.strerror and "detail" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) and copy.code == code


def test_refused(run: Run) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
        async with ohsocket.TCPSocket() as tcp:
            with pytest.raises(ConnectionRefusedError) as caught:
                await tcp.connect(("127.0.0.1", port))
            assert isinstance(caught.value, ohsocket.SocketError)
            assert caught.value.code == 2301111 and caught.value.errno == 111
            assert str(caught.value) == (
                f"[SOCKET_ERROR_CONNREFUSED 2301111] connect 127.0.0.1:{port}: Connection refused"
            )
            assert not tcp.get_state().is_bound

    run(main())


def test_timeout(run: Run) -> None:
    """A listener with a full backlog takes no more: the connect waits until its time is over."""

    async def main() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            with socket.create_connection(full.getsockname()):
                async with ohsocket.TCPSocket() as tcp:
                    with pytest.raises(TimeoutError) as caught:
                        await tcp.connect(full.getsockname(), timeout=0.05)
                    assert isinstance(caught.value, ohsocket.SocketError)
                    assert caught.value.code == 2301110
                    with pytest.raises(TimeoutError):
                        await tcp.connect(ohsocket.TCPConnectOptions(full.getsockname(), timeout=50))

    run(main())


def test_resolve(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocket() as tcp:
            with pytest.raises(socket.gaierror) as caught:
                await tcp.connect(("no-such-host.invalid", 80))
            assert isinstance(caught.value, ohsocket.ResolveError)

    run(main())


def test_in_use(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as one, ohsocket.TCPSocketServer() as two:
            await one.listen(("127.0.0.1", 0))
            with pytest.raises(ohsocket.SocketError) as caught:
                await two.listen(one.get_local_address())
            assert (caught.value.code, caught.value.errno) == (2303198, 98)
            assert caught.value.category == ohsocket.Category.ADDRESS
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.listen(("127.0.0.1", 0))
            assert caught.value.code == 2303122

    run(main())


BAD_ADDRESSES = [
    ("127.0.0.1\0x", 80),
    ("127.0.0.1", -1),
    ("127.0.0.1", 65536),
    ("127.0.0.1", 2**32 + 80),
    ("", 80),
    ohsocket.NetAddress("127.0.0.1", 80, 9),
    ohsocket.NetAddress("127.0.0.1", 80, -(2**40)),
    ("x" * 100 + ".\u00e4" * 100, 80),
]


@pytest.mark.parametrize("address", BAD_ADDRESSES, ids=repr)
def test_bad_addresses(run: Run, address: "tuple[str, int]") -> None:
    async def main() -> None:
        async with ohsocket.TCPSocket() as tcp, ohsocket.TCPSocketServer() as server:
            for operation in (tcp.bind, tcp.connect, server.listen):
                with pytest.raises(ValueError) as caught:
                    await operation(address)
                assert isinstance(caught.value, ohsocket.ParameterError)
                assert caught.value.code == 401

    run(main())


@pytest.mark.parametrize("address", [None, 80, "127.0.0.1", ("127.0.0.1",), (80, "x"), b"127.0.0.1"])
def test_what_is_no_address_is_a_type_error(run: Run, address: object) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="an address is"):
            await ohsocket.TCPSocket().connect(address)  # type: ignore[arg-type]

    run(main())


def test_bad_numbers(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        for timeout in (0, -1, 86401, float("nan")):
            with pytest.raises(ohsocket.ParameterError, match="timeout"):
                await ohsocket.TCPSocket().connect(("127.0.0.1", 1), timeout=timeout)
        with pytest.raises(ohsocket.ParameterError):
            await ohsocket.TCPSocketServer().listen(("127.0.0.1", 0), backlog=65536)
        with pytest.raises(ohsocket.ParameterError):
            client.set_option(ohsocket.Option.IDLE_TIMEOUT, 2**64)
        with pytest.raises(ohsocket.ParameterError):
            client.set_option(ohsocket.Option.IDLE_TIMEOUT, -1)
        with pytest.raises(ohsocket.ParameterError):
            client.get_option(99)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            client.set_option(ohsocket.Option.IDLE_TIMEOUT, "1")  # type: ignore[arg-type]
        with pytest.raises(ohsocket.ParameterError):
            client.set_extra_options(receive_buffer_size=2**32)
        with pytest.raises(ohsocket.ParameterError):
            client.set_extra_options(socket_linger=ohsocket.SocketLinger(True, 65536))
        with pytest.raises(TypeError, match="no such option: keepalive"):
            client.set_extra_options(keepalive=True)  # type: ignore[call-arg]
        with pytest.raises(ohsocket.SocketError) as caught:
            client.set_extra_options(socket_timeout=-1)
        assert caught.value.code == 2301033
        await asyncio.gather(client.close(), connection.close(), server.close())

    run(main())


def test_close_of_what_is_not_open(run: Run) -> None:
    """It does nothing: `finally: await tcp.close()`. In compatibility mode it is an error, as on OpenHarmony."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as one:
            nobody = one.getsockname()
        tcps = [ohsocket.TCPSocket(), ohsocket.TLSSocket()]
        for tcp in tcps:
            await tcp.close()
            with pytest.raises(ConnectionRefusedError):
                await tcp.connect(nobody)
            await tcp.close()
            await tcp.close()
        await ohsocket.UDPSocket().close()
        await ohsocket.TCPSocketServer().close()
        before = ohsocket.set_compat(True)
        try:
            tcp = ohsocket.TCPSocket()
        finally:
            ohsocket.set_compat(before)
        with pytest.raises(ohsocket.SocketError) as caught:
            await tcp.close()
        assert caught.value.code == 2300999
        await tcps[0].close()  # it has kept its mode

    run(main())


def test_wrong_state(run: Run) -> None:
    async def main() -> None:
        tcp = ohsocket.TCPSocket()
        for operation, code in (
            (tcp.send(b"x"), 2301009), (tcp.receive(), 2301107), (tcp.end(), 2301009)
        ):  # fmt: skip
            with pytest.raises(ohsocket.SocketError) as caught:
                await operation
            assert caught.value.code == code
        with pytest.raises(ohsocket.SocketError) as caught:
            tcp.abort()
        assert caught.value.code == 2300999
        with pytest.raises(ohsocket.SocketError) as caught:
            tcp.set_extra_options(keep_alive=True)
        assert caught.value.code == 2301009
        with pytest.raises(ohsocket.SocketError) as caught:
            ohsocket.TCPSocketServer().set_extra_options(keep_alive=True)
        assert caught.value.code == 2303109
        server, client, connection = await pair()
        with pytest.raises(ohsocket.SocketError) as caught:
            await client.connect(server.get_local_address())
        assert caught.value.code == 2301106
        await asyncio.gather(client.close(), connection.close(), server.close())

    run(main())


def test_what_the_texts_say(run: Run) -> None:
    async def main() -> None:
        tcp = ohsocket.TCPSocket()
        for operation in (tcp.send(b"x"), tcp.end()):
            with pytest.raises(ohsocket.SocketError, match="the socket is not open"):
                await operation
        server, client, connection = await pair()
        await asyncio.gather(client.close(), connection.close(), server.close())
        with pytest.raises(BrokenPipeError):
            await client.send(b"x")
        with pytest.raises(ohsocket.SocketError, match="the socket is not open") as caught:
            client.get_local_address()  # nothing was sent here
        assert caught.value.code == 2301009
        async with client:
            pass
        with pytest.raises(ohsocket.SocketError, match="the socket was given back; make a new one"):
            await client.connect(("127.0.0.1", 1))
        with pytest.raises(ohsocket.ParameterError, match="nobody listens on port 0"):
            await tcp.connect(("127.0.0.1", 0))
        with pytest.raises(ohsocket.ParameterError, match="not an address"):
            await tcp.connect(("", 1))
        with pytest.raises(ConnectionRefusedError) as refused:
            await tcp.connect(("127.0.0.1", 1))
        text = "ConnectionRefusedError(2301111, 'connect 127.0.0.1:1: Connection refused')"
        assert repr(refused.value) == text

    run(main())


def test_compat() -> None:
    assert ohsocket.set_compat(True) is False
    try:
        tcp = sync.TCPSocket()
        with pytest.raises(ohsocket.SocketError) as caught:
            tcp.connect(("127.0.0.1", 1))
        assert caught.value.code == 2301115  # as every failed connect of OpenHarmony's
    finally:
        assert ohsocket.set_compat(False) is True
    with pytest.raises(ohsocket.ConnectionRefusedError):
        sync.TCPSocket().connect(("127.0.0.1", 1))


def test_without_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no asyncio loop is running"):
        ohsocket.TCPSocket()


def test_a_failing_listener_is_reported_and_breaks_nothing() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reported = []
        loop.set_exception_handler(lambda _, context: reported.append(context))
        server, client, connection = await pair()
        got = []

        def failing(info: ohsocket.SocketMessageInfo) -> None:
            raise ZeroDivisionError(info.message)

        connection.on("message", failing)
        await client.send(b"1")
        while not reported:
            await asyncio.sleep(0)
        connection.on("message", lambda info: got.append(info.message))
        await client.send(b"2")
        while not got:
            await asyncio.sleep(0)
        assert got == [b"2"] and len(reported) == 2
        assert isinstance(reported[0]["exception"], ZeroDivisionError)
        assert reported[0]["socket"] is connection
        assert "message listener" in reported[0]["message"]
        await asyncio.gather(client.close(), connection.close(), server.close())

    asyncio.run(main())
