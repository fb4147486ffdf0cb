"""The same scenarios with Python's own sockets as the peer, on either side and on both."""

import asyncio
import random
import socket
import struct
from typing import Any, Awaitable, Callable, List, Tuple

import pytest

import ohsocket

from conftest import Run

Sent = List[bytes]


class Ours:
    """A connection of ohsocket, in the words of the scenarios."""

    def __init__(self, tcp: Any, server: Any = None) -> None:
        self.tcp, self.server = tcp, server

    async def send(self, data: bytes) -> None:
        await self.tcp.send(data)

    async def receive(self) -> bytes:
        return await self.tcp.receive()  # type: ignore[no-any-return]

    async def end(self) -> None:
        await self.tcp.end()

    async def close(self) -> None:
        await self.tcp.close()

    async def reset(self) -> None:
        self.tcp.abort()


class Theirs:
    """A connection of asyncio's streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> bytes:
        return await self.reader.read(65536)

    async def end(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass

    async def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.close()


Connection = Any
Scenario = Callable[[Connection, Connection], Awaitable[Any]]


async def collect(connection: Connection) -> bytes:
    parts = []
    while True:
        part = await connection.receive()
        if not part:
            return b"".join(parts)
        parts.append(part)


async def request_and_answer(client: Connection, server: Connection) -> Any:
    answers = []
    for i in range(50):
        await client.send(b"%d" % i)
        await server.send(await server.receive() + b"!")
        answers.append(await client.receive())
    return answers


async def half_close(client: Connection, server: Connection) -> Any:
    await client.send(b"question")
    await client.end()
    question = await collect(server)
    await server.send(b"answer")
    await server.end()
    return question, await collect(client)


async def bulk_both_ways(client: Connection, server: Connection) -> Any:
    source = random.Random(3)
    data = source.randbytes(3_000_000)

    async def send(to: Connection) -> None:
        position = 0
        while position < len(data):
            size = source.randrange(1, 200_000)
            await to.send(data[position : position + size])
            position += size
        await to.end()

    *_, one, two = await asyncio.gather(send(client), send(server), collect(client), collect(server))
    return one == two == data


async def end_without_a_byte(client: Connection, server: Connection) -> Any:
    await client.end()
    return await collect(server)


async def reset(client: Connection, server: Connection) -> Any:
    await client.send(b"x")
    got = await server.receive()
    await client.reset()
    try:
        return got, await collect(server)
    except ConnectionResetError:
        return got, "reset"


async def send_to_a_peer_that_has_gone(client: Connection, server: Connection) -> Any:
    await client.send(b"unread")
    await server.receive()
    await client.reset()
    try:
        for _ in range(1000):
            await server.send(b"x" * 1000)
            await asyncio.sleep(0)
        return "no error"
    except (ConnectionResetError, BrokenPipeError):
        return "connection error"


async def close_with_data_in_flight(client: Connection, server: Connection) -> Any:
    data = b"z" * 1_000_000

    async def read() -> bytes:
        received = await collect(server)
        await server.close()
        return received

    reading = asyncio.ensure_future(read())
    await client.send(data)
    await asyncio.gather(client.close(), reading)
    return reading.result() == data


SCENARIOS: List[Tuple[Scenario, Any]] = [
    (request_and_answer, [b"%d!" % i for i in range(50)]),
    (half_close, (b"question", b"answer")),
    (bulk_both_ways, True),
    (end_without_a_byte, b""),
    (reset, (b"x", "reset")),
    (send_to_a_peer_that_has_gone, "connection error"),
    (close_with_data_in_flight, True),
]


async def connect(client_ours: bool, server_ours: bool) -> "tuple[Connection, Connection, Any]":
    accepted: "asyncio.Future[Connection]" = asyncio.get_running_loop().create_future()
    server: Any
    if server_ours:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        address = server.get_local_address()[:2]
        server.on("connect", lambda one: accepted.set_result(Ours(one)))
    else:
        server = await asyncio.start_server(lambda r, w: accepted.set_result(Theirs(r, w)), "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
    client: Connection
    if client_ours:
        client = Ours(ohsocket.TCPSocket())
        await client.tcp.connect(address)
    else:
        client = Theirs(*await asyncio.open_connection(*address))
    return client, await accepted, server


@pytest.mark.parametrize("scenario,expected", SCENARIOS, ids=[one.__name__ for one, _ in SCENARIOS])
@pytest.mark.parametrize("server_ours", [False, True], ids=["their server", "our server"])
@pytest.mark.parametrize("client_ours", [False, True], ids=["their client", "our client"])
def test_the_same_as_asyncio(
    run: Run, scenario: Scenario, expected: Any, client_ours: bool, server_ours: bool
) -> None:
    async def main() -> None:
        client, server_end, server = await connect(client_ours, server_ours)
        assert await scenario(client, server_end) == expected
        await asyncio.gather(client.close(), server_end.close())
        if server_ours:
            await server.close()
        else:
            server.close()
            await server.wait_closed()

    run(main())
