"""A socket as a transport of asyncio. What asyncio's own does too is tested on both."""

import asyncio
import contextlib
import socket
from typing import Any, AsyncIterator, Callable, List, Optional, Tuple

import pytest

import ohsocket
from ohsocket import Option, as_streams, as_transport, sync

from conftest import Run, Waiter, close, pair

Peer = Tuple[asyncio.StreamReader, asyncio.StreamWriter]
Both = pytest.mark.parametrize("by", ["asyncio", "ohsocket"])


class Recorder(asyncio.Protocol):
    """Writes down what its transport calls."""

    def __init__(self, stays_open: bool = False) -> None:
        self.calls: List[Any] = []
        self.data = bytearray()
        self.stays_open = stays_open
        self.changed = asyncio.Event()
        self.transport: Any = None

    def _note(self, call: Any) -> None:
        self.calls.append(call)
        self.changed.set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._note("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.changed.set()

    def eof_received(self) -> bool:
        self._note("eof")
        return self.stays_open

    def connection_lost(self, error: Optional[BaseException]) -> None:
        self._note(("lost", None if error is None else type(error)))
        self.error = error

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    async def until(self, ready: Callable[[], Any]) -> None:
        while not ready():
            self.changed.clear()
            await self.changed.wait()

    async def lost(self) -> Optional[BaseException]:
        await self.until(lambda: hasattr(self, "error"))
        return self.error


@contextlib.asynccontextmanager
async def connected(by: str, protocol: Any) -> AsyncIterator[Tuple[Any, Any, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A protocol connected to a plain peer: transport, protocol, and the streams of the peer."""
    peers: "asyncio.Queue[Peer]" = asyncio.Queue()
    server = await asyncio.start_server(lambda *peer: peers.put_nowait(peer), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    if by == "asyncio":
        transport, protocol = await asyncio.get_running_loop().create_connection(lambda: protocol, *address)
    else:
        tcp = ohsocket.TCPSocket()
        await tcp.connect(address)
        transport, protocol = as_transport(tcp, lambda: protocol)
    reader, writer = await peers.get()
    try:
        yield transport, protocol, reader, writer
    finally:
        for one in (transport, writer.transport):
            if not one.is_closing():  # asyncio's own has an AttributeError otherwise
                one.abort()
        server.close()
        await protocol.lost()


@Both
def test_the_calls_of_a_connection(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            assert protocol.transport is transport and protocol.calls == ["made"]
            assert transport.is_reading() and not transport.is_closing()
            transport.write(b"a")
            transport.write(bytearray(b"b"))
            # asyncio's own never comes to rest with an empty one at the end, from Python 3.12 on.
            transport.writelines([b"c", memoryview(b"d"), b""] if by == "ohsocket" else [b"c", memoryview(b"d")])
            assert await reader.readexactly(4) == b"abcd"
            writer.write(b"answer")
            await protocol.until(lambda: protocol.data == b"answer")
            writer.write_eof()
            assert await protocol.lost() is None
            assert protocol.calls == ["made", "eof", ("lost", None)]
            assert transport.is_closing()
            if by == "ohsocket":  # uvloop raises an AttributeError
                assert not transport.is_reading()
                transport.write(b"nobody")
            assert await reader.read() == b""

    run(main())


@Both
def test_a_protocol_that_stays_open_after_the_end(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder(stays_open=True)) as (transport, protocol, reader, writer):
            writer.write_eof()
            await protocol.until(lambda: "eof" in protocol.calls)
            transport.write(b"still here")
            transport.close()
            assert await reader.read() == b"still here"
            assert await protocol.lost() is None
            assert protocol.calls == ["made", "eof", ("lost", None)]

    run(main())


@Both
def test_write_eof(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            assert transport.can_write_eof()
            transport.write(b"all")
            transport.write_eof()
            transport.write_eof()
            with pytest.raises(RuntimeError, match="write_eof"):
                transport.write(b"more")
            assert await reader.read() == b"all"
            writer.write(b"late answer")
            await protocol.until(lambda: protocol.data == b"late answer")
            transport.close()
            assert await protocol.lost() is None

    run(main())


@Both
def test_close_sends_what_is_queued_and_hears_nothing_more(run: Run, by: str) -> None:
    data = bytes(range(256)) * 20_000

    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            transport.write(data)
            transport.close()
            transport.close()
            if by == "ohsocket":  # asyncio's own would answer with a reset, and the rest would be lost
                writer.write(b"unheard")
            assert await reader.readexactly(len(data)) == data
            assert await reader.read() == b""
            assert await protocol.lost() is None
            assert protocol.data == b""
            assert [call for call in protocol.calls if call not in ("pause", "resume")] == ["made", ("lost", None)]

    run(main())


@Both
def test_abort(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            transport.abort()
            assert transport.is_closing() and protocol.calls == ["made"]  # not before abort has returned
            assert await protocol.lost() is None
            assert protocol.calls == ["made", ("lost", None)]

    run(main())


@Both
def test_a_reset(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
            )
            writer.transport.abort()
            assert isinstance(await protocol.lost(), ConnectionResetError)

    run(main())


@Both
def test_back_pressure(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            transport.set_write_buffer_limits(high=10_000, low=1000)
            assert transport.get_write_buffer_limits() == (1000, 10_000)
            sent = 0
            while "pause" not in protocol.calls:
                transport.write(b"x" * 100_000)
                sent += 100_000
                await asyncio.sleep(0)
            assert transport.get_write_buffer_size() > 10_000
            transport.write(b"x")
            assert protocol.calls.count("pause") == 1 and "resume" not in protocol.calls
            assert len(await reader.readexactly(sent + 1)) == sent + 1
            await protocol.until(lambda: "resume" in protocol.calls)
            assert transport.get_write_buffer_size() <= 1000
            assert protocol.calls == ["made", "pause", "resume"]
            with pytest.raises(ValueError):
                transport.set_write_buffer_limits(high=1, low=2)
            transport.set_write_buffer_limits()
            assert transport.get_write_buffer_limits() == (16384, 65536)

    run(main())


@Both
def test_pause_reading_inside_data_received(run: Run, by: str) -> None:
    class Pausing(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    async def main() -> None:
        async with connected(by, Pausing()) as (transport, protocol, reader, writer):
            writer.write(b"1")
            await protocol.until(lambda: protocol.data)
            assert not transport.is_reading()
            transport.pause_reading()
            writer.write(b"2")
            writer.write_eof()
            await writer.drain()
            transport.write(b"?")
            assert await reader.readexactly(1) == b"?"
            assert protocol.data == b"1" and "eof" not in protocol.calls
            transport.resume_reading()
            await protocol.until(lambda: protocol.data == b"12")
            transport.resume_reading()
            await protocol.until(lambda: "eof" in protocol.calls)

    run(main())


@Both
def test_a_buffered_protocol(run: Run, by: str) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.recorder = Recorder()
            self.connection_made = self.recorder.connection_made  # type: ignore[method-assign]
            self.connection_lost = self.recorder.connection_lost  # type: ignore[method-assign]
            self.eof_received = self.recorder.eof_received  # type: ignore[method-assign]
            self.lost = self.recorder.lost
            self.buffer = bytearray(3)

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.recorder.data_received(self.buffer[:nbytes])

    async def main() -> None:
        async with connected(by, Buffered()) as (_, protocol, reader, writer):
            writer.write(b"0123456789")
            await protocol.recorder.until(lambda: protocol.recorder.data == b"0123456789")

    run(main())


@Both
@pytest.mark.parametrize("where", ["data_received", "eof_received"])
def test_a_protocol_that_raises(by: str, where: str) -> None:
    class Raising(Recorder):
        def data_received(self, data: bytes) -> None:
            if where == "data_received":
                raise KeyError("a fault of the protocol")

        def eof_received(self) -> bool:
            raise KeyError("a fault of the protocol")

    async def main() -> None:
        reports: List[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reports.append(what))
        async with connected(by, Raising()) as (transport, protocol, reader, writer):
            writer.write(b"x")
            writer.write_eof()
            assert isinstance(await protocol.lost(), KeyError)
        assert isinstance(reports[0]["exception"], KeyError)
        assert reports[0]["transport"] is transport

    asyncio.run(asyncio.wait_for(main(), 10))


@Both
def test_wrong_data(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            for wrong in ("text", 5):
                with pytest.raises(TypeError):
                    transport.write(wrong)

    run(main())


@Both
def test_another_protocol_takes_over(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            writer.write(b"1")
            await protocol.until(lambda: protocol.data)
            other = Recorder()
            transport.set_protocol(other)
            assert transport.get_protocol() is other
            writer.write(b"2")
            await other.until(lambda: other.data == b"2")
            assert protocol.data == b"1"
            transport.abort()
            await other.lost()
            protocol.error = None

    run(main())


@Both
def test_extra_info(run: Run, by: str) -> None:
    async def main() -> None:
        async with connected(by, Recorder()) as (transport, protocol, reader, writer):
            assert transport.get_extra_info("peername") == writer.get_extra_info("sockname")
            assert transport.get_extra_info("sockname") == writer.get_extra_info("peername")
            plain = transport.get_extra_info("socket")
            assert (plain.family, plain.type) == (socket.AF_INET, socket.SOCK_STREAM)
            assert plain.getpeername() == writer.get_extra_info("sockname")
            assert plain.getsockname() == writer.get_extra_info("peername")
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            assert plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
            assert plain.fileno() >= 0
            assert transport.get_extra_info("ssl_object") is None
            assert transport.get_extra_info("no such", 1) == 1

    run(main())


def test_more_than_the_queue_of_the_library_holds(run: Run) -> None:
    """asyncio's transports have no limit, so this has none."""
    data = bytes(range(256)) * 50_000

    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(Option.SEND_QUEUE_LIMIT, 10_000)
        transport, protocol = as_transport(client, Recorder)
        for start in range(0, len(data), 9000):
            transport.write(data[start : start + 9000])
        assert protocol.calls == ["made", "pause"]
        transport.write_eof()
        assert await connection.read() == data
        await protocol.until(lambda: "resume" in protocol.calls)
        await connection.send(b"answer")
        await protocol.until(lambda: protocol.data == b"answer")
        transport.close()
        await connection.close()
        assert await protocol.lost() is None
        await server.close()

    run(main())


@pytest.mark.parametrize("eof", [False, True])
def test_close_behind_a_full_queue(run: Run, eof: bool) -> None:
    data = bytes(range(256)) * 50_000

    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(Option.SEND_QUEUE_LIMIT, 10_000)
        transport, protocol = as_transport(client, Recorder)
        for start in range(0, len(data), 9000):
            transport.write(data[start : start + 9000])
        if eof:
            transport.write_eof()
        transport.close()
        await connection.send(b"unheard")
        assert await connection.read() == data
        assert await protocol.lost() is None and protocol.data == b""
        await close(connection, server)

    run(main())


@pytest.mark.parametrize("ended", [False, True])
def test_what_came_before_goes_to_the_protocol(run: Run, ended: bool) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"line\nrest")
        assert await connection.readline() == b"line\n"
        await client.send(b" and more")
        await connection._change()
        if ended:
            await client.end()
            while not connection._ended:
                await connection._change()
        transport, protocol = as_transport(connection, lambda: Recorder(stays_open=True))
        await protocol.until(lambda: protocol.data == b"rest and more")
        if ended:
            await protocol.until(lambda: "eof" in protocol.calls)
        transport.write(b"answer")
        assert await client.receive() == b"answer"
        transport.close()
        await close(client, server)
        assert await protocol.lost() is None

    run(main())


def test_closing_inside_connection_made(run: Run) -> None:
    class Refusing(Recorder):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.write(b"go away")
            transport.close()

    async def main() -> None:
        server, client, connection = await pair()
        transport, protocol = as_transport(connection, Refusing)
        assert await client.read() == b"go away"
        assert await protocol.lost() is None
        await close(client, server)

    run(main())


def test_sockets_that_cannot_be_transports(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        with pytest.raises(ohsocket.SocketError):
            as_transport(ohsocket.TCPSocket(), Recorder)
        with pytest.raises(TypeError, match="TCP or TLS socket for asyncio"):
            as_transport(sync.TCPSocket(), Recorder)  # type: ignore[arg-type]
        client.on("message", print)
        with pytest.raises(RuntimeError, match="in use"):
            as_transport(client, Recorder)
        reading = asyncio.create_task(connection.readline())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="in use"):
            as_transport(connection, Recorder)
        await client.send(b"\n")
        await reading
        await close(client, connection, server)

    run(main())


def test_streams(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        reader, writer = as_streams(client)
        other_reader, other_writer = as_streams(connection, limit=100)
        writer.write(b"x" * 50 + b"\n")
        await writer.drain()
        assert await other_reader.readline() == b"x" * 50 + b"\n"
        writer.write(b"x" * 200 + b"\n")
        with pytest.raises(ValueError):
            await other_reader.readline()
        data = b"y" * 3_000_000

        async def send() -> None:
            for start in range(0, len(data), 50_000):
                other_writer.write(data[start : start + 50_000])
                await other_writer.drain()
            other_writer.write_eof()

        sending = asyncio.create_task(send())
        assert await reader.read() == data
        await sending
        writer.close()
        other_writer.close()
        await asyncio.gather(writer.wait_closed(), other_writer.wait_closed())
        await server.close()

    run(main())


def test_streams_over_tls(
    run: Run, server_options: ohsocket.TLSSecureOptions, client_options: ohsocket.TLSSecureOptions
) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            server_options.alpn_protocols = client_options.alpn_protocols = "h2"
            await server.listen(("127.0.0.1", 0), server_options)
            tls = ohsocket.TLSSocket()
            accepting = asyncio.create_task(server.accept())
            await tls.connect(server.get_local_address(), client_options)
            reader, writer = as_streams(tls)
            other_reader, other_writer = as_streams(await accepting)
            session = writer.get_extra_info("ssl_object")
            assert session.selected_alpn_protocol() == "h2" and session.version() == "TLSv1.3"
            assert writer.get_extra_info("cipher")[:2] == session.cipher()[:2]
            assert session.getpeercert(binary_form=True)[:1] == b"\x30"
            assert other_writer.get_extra_info("ssl_object").getpeercert(binary_form=True) is None
            assert not writer.can_write_eof()
            data = b"z" * 1_000_000 + b"\n"
            writer.write(data)
            assert await other_reader.readexactly(len(data)) == data
            other_writer.write(b"done\n")
            other_writer.close()
            assert await reader.read() == b"done\n"
            writer.close()
            await asyncio.gather(writer.wait_closed(), other_writer.wait_closed())

    run(main())


def test_close_without_waiting(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        data = b"x" * 1_000_000
        sending = asyncio.create_task(connection.readexactly(len(data)))
        await client.send(data)
        closed = Waiter()
        client.on("close", closed)
        await client.close(wait=False)
        assert closed.values == []  # the peer has not ended
        assert await sending == data and await connection.read() == b""
        await connection.close(wait=False)
        await closed.wait()
        await client.close(wait=False)  # of what is closed already: nothing
        await server.close(wait=False)

    run(main())


def test_what_was_sent_before_the_loop_ends_arrives() -> None:
    """A reset would take it from a peer that has not read it yet."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        data = b"x" * 100_000

        async def main() -> None:
            tcp = ohsocket.TCPSocket()
            await tcp.connect(listening.getsockname())
            plain, _ = listening.accept()
            plains.append(plain)
            plain.sendall(b"never read")
            await tcp.send(data)
            await tcp.close(wait=False)
            plain.shutdown(socket.SHUT_WR)

        plains: "List[socket.socket]" = []
        asyncio.run(main())
        with plains[0] as plain:
            received = b""
            while len(received) < len(data):
                received += plain.recv(1 << 20)
            assert received == data and plain.recv(1) == b""


def test_blocking_close_without_waiting() -> None:
    with sync.TCPSocketServer() as server, sync.TCPSocket() as client:
        server.listen(("127.0.0.1", 0))
        client.connect(server.get_local_address())
        with server.accept(timeout=5) as connection:
            client.send(b"last")
            client.close(wait=False)
            assert connection.read(timeout=5) == b"last"
