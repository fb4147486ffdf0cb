"""readline, readuntil, readexactly and read are those of asyncio.StreamReader, in both styles and over TLS."""

import asyncio
import random
import threading
from typing import Any, Awaitable, List, Tuple

import pytest

import ohsocket
from ohsocket import sync

from conftest import Run, Waiter, close, pair

SEPARATORS = (b"\n", b"\r\n", b"ab", b"\0\0\0")


def test_lines(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"one\ntwo\nthr")
        assert await connection.readline() == b"one\n"
        assert await connection.readline() == b"two\n"
        waiting = asyncio.create_task(connection.readline())
        await client.send(b"ee\nlast")
        assert await waiting == b"three\n"
        await client.end()
        assert not connection.at_eof()
        assert await connection.readline() == b"last"
        assert connection.at_eof()
        assert await connection.readline() == b""
        await connection.send(b"answer\n")  # the peer has ended, this side has not
        assert await client.readline() == b"answer\n"
        await close(connection, client, server)

    run(main())


def test_sizes_separators_and_the_rest(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"12345headers\r\n\r\nbody, rest")
        assert await connection.readexactly(5) == b"12345"
        assert await connection.readexactly(0) == b""
        assert await connection.readuntil(b"\r\n\r\n") == b"headers\r\n\r\n"
        assert await connection.readuntil((b";", b", ", b"y")) == b"body"
        assert await connection.read(2) == b", "
        assert await connection.read(0) == b""
        await client.end()
        assert await connection.read() == b"rest"
        assert await connection.read() == b"" == await connection.read(10)
        await close(connection, client, server)

    run(main())


def test_the_end_comes_first(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"123")
        await client.end()
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await connection.readexactly(5)
        assert (caught.value.partial, caught.value.expected) == (b"123", 5)
        await connection.send(b"abc")
        await connection.end()
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await client.readuntil(b"\0")
        assert (caught.value.partial, caught.value.expected) == (b"abc", None)
        await close(connection, client, server)
        with pytest.raises(asyncio.IncompleteReadError):
            await connection.readexactly(1)

    run(main())


def test_limits(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"x" * 20 + b"\nshort\n")
        with pytest.raises(asyncio.LimitOverrunError) as caught:
            await connection.readuntil(limit=10)
        assert caught.value.consumed == 20  # and nothing is lost
        assert await connection.readexactly(caught.value.consumed) == b"x" * 20
        assert await connection.readline() == b"\n"
        with pytest.raises(ValueError, match="longer than limit"):
            await connection.readline(limit=2)  # dropped
        await client.send(b"y" * 20)
        with pytest.raises(ValueError, match="exceed the limit"):
            await connection.readline(limit=10)
        await client.send(b"next\n")
        assert await connection.readline() == b"next\n"
        await client.send(b"z" * 65536 + b"\n" + b"z" * 65537 + b"\n.")
        assert len(await connection.readline()) == 65537  # the default
        with pytest.raises(ValueError):
            await connection.readline()
        assert (await connection.readuntil(b"."))[-1:] == b"."
        await close(connection, client, server)

    run(main())


def test_bad_arguments(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        for separator in (b"", (), (b"a", b"")):
            with pytest.raises(ValueError, match="separator"):
                await connection.readuntil(separator)
        with pytest.raises(ValueError):
            await connection.readexactly(-1)
        with pytest.raises(ohsocket.SocketError):
            await ohsocket.TCPSocket().readline()
        connection.on("message", lambda info: None)
        with pytest.raises(RuntimeError, match="message listeners"):
            await connection.readline()
        await close(connection, client, server)

    run(main())


@pytest.mark.parametrize("what", ["readexactly", "readuntil", "readline", "read"])
def test_a_cancelled_read_loses_nothing(run: Run, what: str) -> None:
    reads = {
        "readexactly": lambda stream: stream.readexactly(10),
        "readuntil": lambda stream: stream.readuntil(b"!"),
        "readline": lambda stream: stream.readline(),
        "read": lambda stream: stream.read(),
    }  # fmt: skip

    async def main() -> None:
        server, client, connection = await pair()
        for part in (b"01", b"23", b"45"):
            reading = asyncio.create_task(reads[what](connection))
            await client.send(part)
            while not connection._buffer.endswith(part):
                await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert await connection.readexactly(3) == b"012"
        assert await connection.receive() == b"345"
        await close(connection, client, server)

    run(main())


def test_one_read_at_a_time(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        reading = asyncio.create_task(connection.readline())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another read is waiting"):
            await connection.readexactly(1)
        await client.send(b"part")
        while not connection._buffer:
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another read is waiting"):
            await connection.receive()
        await client.send(b"\n")
        assert await reading == b"part\n"
        await close(connection, client, server)

    run(main())


def test_what_a_read_has_left_goes_to_receive_and_listeners(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"a\nb\nc\n")
        assert await connection.readline() == b"a\n"
        assert await connection.receive() == b"b\nc\n"
        await client.send(b"d\ne\n")
        assert await connection.readline() == b"d\n"
        await client.send(b"f\n")
        got = Waiter()
        connection.on("message", got)
        while b"".join(info.message for info in got.values) != b"e\nf\n":
            await got.wait(len(got.values) + 1)
        await close(connection, client, server)

    run(main())


def test_a_reset_in_the_middle_of_a_line(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"whole\npart")
        assert await connection.readline() == b"whole\n"
        client.abort()
        with pytest.raises(ConnectionResetError):
            await connection.readline()
        assert await connection.read(10) == b"part"
        with pytest.raises(ConnectionResetError):
            await connection.read(10)
        await close(connection, client, server)

    run(main())


def test_back_pressure_of_a_large_read(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        data = random.Random(1).randbytes(3_000_000)
        sending = asyncio.create_task(client.send(data))
        assert await connection.readexactly(len(data) - 5) == data[:-5]
        assert await connection.readexactly(5) == data[-5:]
        await sending
        await close(connection, client, server)

    run(main())


def test_tls(
    run: Run, server_options: ohsocket.TLSSecureOptions, client_options: ohsocket.TLSSecureOptions
) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as client:
            await server.listen(("127.0.0.1", 0), server_options)
            accepting = asyncio.create_task(server.accept())
            await client.connect(server.get_local_address(), client_options)
            connection = await accepting
            await client.send(b"line\n12345" + b"x" * 100_000 + b"\0rest")
            assert await connection.readline() == b"line\n"
            assert await connection.readexactly(5) == b"12345"
            assert await connection.readuntil(b"\0", 100_000) == b"x" * 100_000 + b"\0"
            await client.end()
            assert await connection.read() == b"rest"
            await close(connection, client)

    run(main())


def test_bytes_that_a_read_has_left_keep_tls_from_beginning(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await connection.send(b"go on\nearly")
        assert await client.readline() == b"go on\n"
        with pytest.raises(ohsocket.SocketError, match="nobody has received"):
            ohsocket.TLSSocket(client)
        await close(connection, client, server)

    run(main())


Read = Tuple[str, Any]


async def _outcome(read: Awaitable[bytes]) -> Any:
    try:
        return await read
    except asyncio.IncompleteReadError as error:
        return ("incomplete", error.partial, error.expected)
    except asyncio.LimitOverrunError as error:
        return ("overrun", error.args[0], error.consumed)
    except ValueError as error:
        return ("value", str(error))


def _reads(randomly: random.Random) -> List[Read]:
    reads: List[Read] = []
    for _ in range(40):
        what = randomly.choice(["readline", "readuntil", "readexactly", "read"])
        argument = {
            "readline": None,
            "readuntil": randomly.choice(SEPARATORS),
            "readexactly": randomly.randrange(1, 60),
            "read": randomly.choice([1, 7, 100]),
        }[what]
        reads.append((what, argument))
    return reads


async def _ours(stream: Any, read: Read, limit: int) -> Any:
    what, argument = read
    if what == "readline":
        return await _outcome(stream.readline(limit))
    if what == "readuntil":
        return await _outcome(stream.readuntil(argument, limit))
    return await _outcome(getattr(stream, what)(argument))


async def _asyncios(stream: asyncio.StreamReader, read: Read) -> Any:
    what, argument = read
    return await _outcome(getattr(stream, what)(*([] if argument is None else [argument])))


@pytest.mark.parametrize("seed", range(20))
def test_the_same_as_asyncio(run: Run, seed: int) -> None:
    """Bytes that were all there before the first read: where they are cut makes no difference."""

    async def main() -> None:
        randomly = random.Random(seed)
        data = b"".join(
            randomly.choice(SEPARATORS + (b"a", b"b", b"xyz", b"\r", b"\0")) for _ in range(400)
        )
        limit = randomly.choice([10, 25, 1000])
        theirs = asyncio.StreamReader(limit=limit)
        theirs.feed_data(data)
        theirs.feed_eof()
        server, client, connection = await pair()
        await client.send(data)  # one segment, so one message
        await client.end()
        for read in _reads(randomly):
            assert await _ours(connection, read, limit) == await _asyncios(theirs, read), read
        await close(connection, client, server)

    run(main())


@pytest.mark.parametrize("seed", range(10))
def test_cut_anywhere(run: Run, seed: int) -> None:
    """Reads that are never too long, of bytes that arrive in pieces."""

    async def main() -> None:
        randomly = random.Random(seed)
        lines = [randomly.randbytes(randomly.randrange(50)).replace(b"\n", b"") for _ in range(100)]
        data = b"\n".join(lines) + b"\n"
        server, client, connection = await pair()

        async def send() -> None:
            start = 0
            while start < len(data):
                size = randomly.randrange(1, 60)
                await client.send(data[start : start + size])
                start += size
                if randomly.random() < 0.5:
                    await asyncio.sleep(0)
            await client.end()

        sending = asyncio.create_task(send())
        for line in lines:
            assert await connection.readline() == line + b"\n"
        assert await connection.readline() == b""
        await sending
        await close(connection, client, server)

    run(main())


def test_blocking() -> None:
    def client(address: Any) -> None:
        with sync.TCPSocket() as tcp:
            tcp.connect(address)
            tcp.send(b"one\ntwo")
            assert tcp.readline() == b"ok\n"
            tcp.send(b"\n12345;rest")
            tcp.end()
            assert tcp.read() == b"bye"

    with sync.TCPSocketServer() as server:
        server.listen(("127.0.0.1", 0))
        thread = threading.Thread(target=client, args=(server.get_local_address(),))
        thread.start()
        with server.accept(timeout=5) as connection:
            assert connection.readline(timeout=5) == b"one\n"
            with pytest.raises(TimeoutError):
                connection.readline(timeout=0.01)
            connection.send(b"ok\n")
            assert connection.readline(timeout=5) == b"two\n"
            assert connection.readexactly(5, timeout=5) == b"12345"
            with pytest.raises(asyncio.LimitOverrunError):
                connection.readuntil(b"t", limit=1, timeout=5)
            assert connection.readuntil(b";", timeout=5) == b";"
            with pytest.raises(asyncio.IncompleteReadError) as caught:
                connection.readexactly(10, timeout=5)
            assert caught.value.partial == b"rest"
            assert connection.readline() == b"" and connection.at_eof()
            connection.send(b"bye")
        thread.join()
