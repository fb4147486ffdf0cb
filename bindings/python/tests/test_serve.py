"""serve(): a task for each client."""

import asyncio
from typing import Any, List

import pytest

import ohsocket
from ohsocket import serve, sync

from conftest import Run, close


async def echo(connection: Any) -> None:
    while line := await connection.readline():
        await connection.send(line)


async def listening() -> ohsocket.TCPSocketServer:
    server = ohsocket.TCPSocketServer()
    await server.listen(("127.0.0.1", 0))
    return server


async def clients(server: ohsocket.TCPSocketServer, count: int) -> "List[ohsocket.TCPSocket]":
    sockets = [ohsocket.TCPSocket() for _ in range(count)]
    for one in sockets:
        await one.connect(server.get_local_address())
    return sockets


async def ask(client: ohsocket.TCPSocket) -> None:
    await client.send(b"?\n")
    assert await client.readline() == b"?\n"


def test_many_clients_and_the_end(run: Run) -> None:
    async def main() -> None:
        server = await listening()
        serving = asyncio.create_task(serve(server, echo))
        some = await clients(server, 20)
        await asyncio.gather(*map(ask, some))
        await server.close()
        await asyncio.gather(*map(ask, some))  # they may finish
        assert not serving.done()
        await close(*some)
        await serving

    run(main())


def test_over_tls(
    run: Run, server_options: ohsocket.TLSSecureOptions, client_options: ohsocket.TLSSecureOptions
) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as client:
            await server.listen(("127.0.0.1", 0), server_options)
            serving = asyncio.create_task(serve(server, echo))
            await client.connect(server.get_local_address(), client_options)
            await client.send(b"?\n")
            assert await client.readline() == b"?\n"
            await client.close()
            await server.close()
            await serving

    run(main())


def test_a_handler_that_fails_ends_its_own_client(run: Run) -> None:
    async def main() -> None:
        errors: List[Any] = []

        async def handler(connection: ohsocket.TCPSocketConnection) -> None:
            if await connection.readline() == b"fail\n":
                raise KeyError(connection.client_id)
            await connection.send(b"good\n")

        server = await listening()
        serving = asyncio.create_task(
            serve(server, handler, on_error=lambda connection, error: errors.append((connection.client_id, error)))
        )
        one, two = await clients(server, 2)
        await one.send(b"fail\n")
        assert await one.read() == b""
        await two.send(b"go on\n")
        assert await two.read() == b"good\n"
        await close(one, two, server)
        await serving
        assert [(number, type(error)) for number, error in errors] == [(1, KeyError)]

    run(main())


def test_without_on_error_the_loop_is_told() -> None:
    reports: List[Any] = []

    async def handler(connection: ohsocket.TCPSocketConnection) -> None:
        raise KeyError("a fault of the handler")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reports.append(what["exception"]))
        server = await listening()
        serving = asyncio.create_task(serve(server, handler))
        (client,) = await clients(server, 1)
        assert await client.read() == b""
        await close(client, server)
        await serving

    asyncio.run(main())
    assert [type(error) for error in reports] == [KeyError]


def test_a_limit_of_clients(run: Run) -> None:
    async def main() -> None:
        running, most = 0, 0

        async def handler(connection: ohsocket.TCPSocketConnection) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await echo(connection)
            running -= 1

        async def whole(client: ohsocket.TCPSocket) -> None:
            await ask(client)
            await client.close()

        server = await listening()
        serving = asyncio.create_task(serve(server, handler, limit=3))
        some = await clients(server, 12)
        await asyncio.gather(*map(whole, some))
        assert most == 3
        full = await clients(server, 3)
        await asyncio.gather(*map(ask, full))
        await server.close()  # while it is full
        await close(*full)
        await serving

    run(main())


def test_cancelling_gives_the_handlers_time(run: Run) -> None:
    async def main() -> None:
        server = await listening()
        address = server.get_local_address()
        serving = asyncio.create_task(serve(server, echo))
        (client,) = await clients(server, 1)
        await ask(client)
        serving.cancel()
        await ask(client)
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(ConnectionRefusedError):
            await client.connect(address)

    run(main())


@pytest.mark.parametrize("again", [False, True])
def test_the_end_of_the_grace(run: Run, again: bool) -> None:
    async def main() -> None:
        ended: List[str] = []

        async def handler(connection: ohsocket.TCPSocketConnection) -> None:
            try:
                await echo(connection)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        server = await listening()
        serving = asyncio.create_task(serve(server, handler, grace=60 if again else 0.01))
        (client,) = await clients(server, 1)
        await ask(client)
        serving.cancel()
        if again:
            await ask(client)
            serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert ended == ["cancelled"]
        with pytest.raises(ConnectionResetError):
            await client.receive()
        await client.close()

    run(main())


def test_bad_arguments(run: Run) -> None:
    async def main() -> None:
        server = await listening()
        with pytest.raises(ValueError, match="limit"):
            await serve(server, echo, limit=0)
        with pytest.raises(TypeError, match="of asyncio"):
            await serve(sync.TCPSocketServer(), echo)  # type: ignore[type-var]
        await server.close()
        with pytest.raises(ohsocket.SocketError):
            await serve(ohsocket.TCPSocketServer(), echo)

    run(main())
