"""Packages that are written for asyncio run over it: websockets 17.4, h11 0.16, h2 4.4, redis 8.1, asyncpg 0.32."""

import asyncio
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
from typing import Any, Callable, Iterator, List, Set, Tuple

import asyncpg
import h2.config
import h2.connection
import h2.events
import h11
import pytest
import redis.asyncio
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

import ohsocket
from ohsocket import as_streams, as_transport

from conftest import Run, pair


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        return int(plain.getsockname()[1])


# ---- websockets ----------------------------------------------------------------------------------


class Echo:
    """What a connection needs of websockets.Server, which listens by itself."""

    def __init__(self) -> None:
        self.handler_tasks: "Set[asyncio.Task[None]]" = set()

    def is_serving(self) -> bool:
        return True

    async def handler(self, connection: ServerConnection) -> None:
        await connection.handshake()
        async for message in connection:
            await connection.send(message)


def test_websockets(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        echo = Echo()
        as_transport(connection, lambda: ServerConnection(ServerProtocol(), echo))  # type: ignore[arg-type]
        _, ours = as_transport(client, lambda: ClientConnection(ClientProtocol(parse_uri("ws://localhost/"))))
        await ours.handshake()
        for message in ("text", b"bytes" * 100_000):
            await ours.send(message)
            assert await ours.recv() == message
        await ours.close()
        await asyncio.gather(*echo.handler_tasks)
        with pytest.raises(websockets.ConnectionClosedOK):
            await ours.recv()
        await server.close()

    run(main())


# ---- h11 and h2 ----------------------------------------------------------------------------------


async def h11_server(connection: ohsocket.TCPSocketConnection) -> None:
    """Answers requests, with keep-alive."""
    reader, writer = as_streams(connection)
    http = h11.Connection(h11.SERVER)
    while http.our_state is not h11.MUST_CLOSE:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            body = b"you want " + event.target
            length = ("Content-Length", str(len(body)))
            for part in (h11.Response(status_code=200, headers=[length]), h11.Data(data=body), h11.EndOfMessage()):
                writer.write(http.send(part) or b"")
            await writer.drain()
        elif isinstance(event, h11.EndOfMessage) and http.our_state is h11.DONE:
            http.start_next_cycle()
        elif isinstance(event, h11.ConnectionClosed):
            break
    writer.close()
    await writer.wait_closed()


def test_h11(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("127.0.0.1", 0))
            reader, writer = await asyncio.open_connection(*server.get_local_address()[:2])
            serving = asyncio.create_task(h11_server(await server.accept()))
            for number in range(3):
                last = b"Connection: close\r\n" if number == 2 else b""
                writer.write(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (number, last))
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200") and b"Content-Length: 11" in head
                assert await reader.readexactly(11) == b"you want /%d" % number
            assert await reader.read() == b""
            writer.close()
            await asyncio.gather(writer.wait_closed(), serving)

    run(main())


class H2(asyncio.Protocol):
    """One end of HTTP/2: a server answers with the path; a client collects what it gets."""

    def __init__(self, is_client: bool) -> None:
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=is_client))
        self.answers: "asyncio.Queue[Tuple[int, bytes]]" = asyncio.Queue()
        self.lost: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        assert transport.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        self.http.initiate_connection()
        self.flush()

    def connection_lost(self, error: Any) -> None:
        self.lost.set_result(None)

    def flush(self) -> None:
        self.transport.write(self.http.data_to_send())

    def get(self, path: str) -> None:
        stream = self.http.get_next_available_stream_id()
        headers = [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.http.send_headers(stream, headers, end_stream=True)
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                path = dict(event.headers)[b":path"]
                self.http.send_headers(event.stream_id, [(":status", "200")])
                self.http.send_data(event.stream_id, path, end_stream=True)
            elif isinstance(event, h2.events.DataReceived):
                self.answers.put_nowait((event.stream_id, event.data))
        self.flush()


def test_h2_over_tls(
    run: Run, server_options: ohsocket.TLSSecureOptions, client_options: ohsocket.TLSSecureOptions
) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            server_options.alpn_protocols = client_options.alpn_protocols = "h2"
            await server.listen(("127.0.0.1", 0), server_options)
            tls = ohsocket.TLSSocket()
            accepting = asyncio.create_task(server.accept())
            await tls.connect(server.get_local_address(), client_options)
            _, one = as_transport(await accepting, lambda: H2(False))
            transport, other = as_transport(tls, lambda: H2(True))
            for path in ("/1", "/2", "/3"):
                other.get(path)
            answers = [await other.answers.get() for _ in range(3)]
            assert answers == [(1, b"/1"), (3, b"/2"), (5, b"/3")]
            transport.close()
            await asyncio.gather(one.lost, other.lost)

    run(main())


# ---- redis and PostgreSQL ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    port = free_port()
    words = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        yield port
    finally:
        process.terminate()
        process.communicate()


class RedisConnection(redis.asyncio.Connection):
    """Its streams come from a socket of ours; nothing else changes."""

    async def _connect(self) -> None:
        tcp = ohsocket.TCPSocket()
        await tcp.connect((self.host, self.port), timeout=5)
        self._reader, self._writer = as_streams(tcp)


def test_redis(run: Run, redis_port: int) -> None:
    async def main() -> None:
        pool = redis.asyncio.ConnectionPool(connection_class=RedisConnection, host="127.0.0.1", port=redis_port)
        client = redis.asyncio.Redis(connection_pool=pool)
        value = os.urandom(1_000_000)
        await client.set("key", value)
        assert await client.get("key") == value
        counts = await asyncio.gather(*(client.incr("count") for _ in range(20)))
        assert sorted(counts) == list(range(1, 21))
        async with client.pubsub() as channel:
            await channel.subscribe("news")
            await channel.get_message(timeout=5)
            await client.publish("news", "hello")
            message = await channel.get_message(timeout=5)
            assert message is not None and message["data"] == b"hello"
        await client.flushall()
        await client.aclose()
        await pool.disconnect()

    run(main())


@pytest.fixture(scope="module")
def postgres_port() -> Iterator[int]:
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    initdb = shutil.which("initdb", path=str(found[-1]) if found else None)
    assert initdb, "PostgreSQL is not installed: .ci/deps python-test"
    programs = pathlib.Path(os.path.realpath(initdb)).parent
    where, port = pathlib.Path(tempfile.mkdtemp()), free_port()
    user: Any = {}
    if os.getuid() == 0:  # which PostgreSQL refuses
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(where, nobody.pw_uid, nobody.pw_gid)
    data = where / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd=where, **user,
    )  # fmt: skip
    process = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-k", where, "-c", "fsync=off"],
        stderr=subprocess.PIPE, text=True, cwd=where, **user,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines: List[str] = []
        for line in process.stderr:
            lines.append(line)
            if "ready to accept connections" in line:
                break
        assert process.poll() is None, lines
        yield port
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(where)


def over_ohsocket(loop: Any) -> "Callable[..., Any]":
    """create_connection of a loop, with a transport of ours."""

    async def create_connection(factory: Any, host: str, port: int, **rest: Any) -> Any:
        assert not any(rest.values()), rest
        tcp = ohsocket.TCPSocket()
        await tcp.connect((host, port))
        return as_transport(tcp, factory)

    return create_connection


def test_asyncpg(postgres_port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.create_connection = over_ohsocket(loop)  # type: ignore[method-assign]
        connection = await asyncpg.connect(
            host="127.0.0.1", port=postgres_port, user="tester", database="postgres", ssl=False
        )
        assert await connection.fetchval("SELECT $1::int + 1", 41) == 42
        await connection.execute("CREATE TEMP TABLE parts (number int, data bytea)")
        rows = [(number, os.urandom(10_000)) for number in range(100)]
        await connection.copy_records_to_table("parts", records=rows)
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM parts ORDER BY number")] == rows
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("SELECT pg_sleep(60)", timeout=0.1)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()

    asyncio.run(asyncio.wait_for(main(), 20))
