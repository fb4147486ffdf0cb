"""Back-pressure, bounded memory and cancellation: nothing lost, nothing hung."""

import asyncio
import random
import socket

import pytest

import ohsocket

from conftest import Run, Waiter, close, pair, standstill


def test_send_waits_for_a_peer_that_does_not_read(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(400):
                await client.send(b"x" * 50_000)
                sent += 50_000
            await client.end()

        sending = asyncio.ensure_future(send())
        stuck, queued = await standstill(lambda: (sent, client.get_send_queue_length()))
        assert 0 < stuck < 20_000_000
        assert queued < 200_000
        received = sum([len(part) async for part in connection])
        await sending
        assert received == sent == 20_000_000
        await close(client, connection, server)

    run(main())


def test_all_queues_together_are_bounded(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        other = ohsocket.TCPSocket()
        await other.connect(server.get_local_address()[:2])
        reader = await server.accept()
        refusals = ohsocket.get_stats().total_queue_refusals
        ohsocket.set_total_queue_limit(1_000_000)
        with pytest.raises(BlockingIOError):
            for _ in range(500):
                client.send_nowait(b"x" * 100_000)
        stats = ohsocket.get_stats()
        assert 900_000 < stats.total_queue_bytes <= stats.total_queue_limit == 1_000_000
        assert stats.total_queue_refusals > refusals
        # The other goes on in pieces that are within its free share, and waits with others.
        await other.send(b"y" * 1000)
        assert await reader.receive() == b"y" * 1000
        waiting = asyncio.ensure_future(other.send(b"y" * 300_000))
        drained = Waiter()
        client.on("drain", drained)
        await standstill(lambda: ohsocket.get_stats().loop_iterations)
        assert not waiting.done()
        assert not drained.values
        while ohsocket.get_stats().total_queue_bytes:
            await connection.receive()
        await drained.wait()
        await waiting
        size = 0
        while size < 300_000:
            size += len(await reader.receive())
        ohsocket.set_total_queue_limit(0)
        client.abort()
        await close(other, reader, connection, client, server)

    try:
        run(main())
    finally:
        ohsocket.set_total_queue_limit(0)


def test_bad_total_queue_limits() -> None:
    for bad in (-1, (1 << 48) + 1):
        with pytest.raises(ValueError):
            ohsocket.set_total_queue_limit(bad)
    with pytest.raises(TypeError):
        ohsocket.set_total_queue_limit("1")  # type: ignore[arg-type]
    assert ohsocket.get_stats().total_queue_limit == 0


def test_a_slow_reader_keeps_memory_bounded(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        before = ohsocket.get_stats().bytes_received

        async def send() -> None:
            for _ in range(200):
                await client.send(b"x" * 100_000)
            await client.end()

        sending = asyncio.ensure_future(send())
        assert await connection.receive()
        # Nobody takes anything: what the library has read is bounded.
        assert await standstill(lambda: ohsocket.get_stats().bytes_received) - before < 3_000_000
        total = 0
        async for part in connection:
            total += len(part)
        await sending
        assert 19_000_000 < total < 20_000_000
        await close(client, connection, server)

    run(main())


def test_send_nowait_refuses_and_drain_follows(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(ohsocket.Option.SEND_QUEUE_LIMIT, 1_000_000)
        drained = Waiter()
        client.on("drain", drained)
        sent = 0
        with pytest.raises(BlockingIOError) as caught:
            while True:
                client.send_nowait(b"x" * 100_000)
                sent += 100_000
        assert isinstance(caught.value, ohsocket.SocketError)
        assert caught.value.category == ohsocket.Category.AGAIN
        assert 900_000 <= client.get_send_queue_length() <= 1_000_000
        received = 0
        while not drained.values:
            received += len(await connection.receive())
        client.send_nowait(b"x")
        while received < sent + 1:
            received += len(await connection.receive())
        await close(client, connection, server)

    run(main())


def test_drain_overtakes_messages_that_a_pause_holds_back(run: Run) -> None:
    """Otherwise who pauses until drain would wait for ever."""

    async def main() -> None:
        server, client, connection = await pair()
        connection.set_option(ohsocket.Option.SEND_QUEUE_LIMIT, 500_000)
        drained = Waiter()
        received = 0

        def on_message(info: ohsocket.SocketMessageInfo) -> None:
            nonlocal received
            received += len(info.message)
            if not drained.values and connection.get_send_queue_length() == 0:
                connection.pause()
                with pytest.raises(BlockingIOError):
                    while True:
                        connection.send_nowait(b"x" * 100_000)

        def on_drain() -> None:
            drained(len(connection._inbox))
            connection.resume()

        connection.on("drain", on_drain)
        await client.send(b"y" * 1_000_000)  # several messages of one batch
        connection.on("message", on_message)
        while not drained.values:
            await client.receive()
        assert drained.values[0] > 0, "messages were held back"
        while received < 1_000_000:
            await asyncio.sleep(0)
        client.abort()
        await server.close()

    run(main())


def test_sends_that_wait_for_room_go_in_their_order(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(ohsocket.Option.SEND_QUEUE_LIMIT, 200_000)
        blocks = [bytes([i]) * 150_000 for i in range(60)]
        tasks = [asyncio.ensure_future(client.send(block)) for block in blocks]
        await standstill(lambda: sum(task.done() for task in tasks))
        assert not tasks[-1].done()
        received = bytearray()
        while len(received) < 60 * 150_000:
            received += await connection.receive()
        assert bytes(received) == b"".join(blocks)
        await asyncio.gather(*tasks)
        await close(client, connection, server)

    run(main())


def test_a_waiting_send_fails_with_the_connection(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        sends = [asyncio.ensure_future(client.send(b"x" * 30_000_000)) for _ in range(3)]
        assert await standstill(client.get_send_queue_length) > 0
        connection.abort()
        results = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(one, (ConnectionError, ohsocket.CancelledError)) for one in results), results
        assert any(isinstance(one, ConnectionResetError) for one in results)
        await close(server)

    run(main())


def test_cancelled_connect(run: Run) -> None:
    async def main() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            with socket.create_connection(full.getsockname()):
                async with ohsocket.TCPSocket() as tcp, ohsocket.TCPSocketServer() as server:
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(tcp.connect(full.getsockname()), 0.05)
                    assert not tcp.get_state().is_connected
                    # The same socket can be used at once.
                    await server.listen(("127.0.0.1", 0))
                    await tcp.connect(server.get_local_address())
                    await (await server.accept()).close()

    run(main())


def test_cancelled_receive_accept_and_close(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        for waiting in (connection.receive(), server.accept(), client.receive()):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(waiting, 0.01)
        await client.send(b"x")
        assert await connection.receive() == b"x"
        connection.on("message", lambda info: None)
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await close(client, connection, server)  # the close has gone on, this joins it
        assert not client.get_state().is_connected

    run(main())


def test_ten_thousand_messages_with_cancellation_at_random_points(run: Run) -> None:
    """A receive that is cancelled loses nothing; a send that is cancelled was taken or waits for room,
    which it does not here."""

    async def main() -> None:
        server, client, connection = await pair()
        source = random.Random(1)
        count = 10_000

        async def patiently(make: "object") -> "object":
            """Cancels the operation again and again until it is done."""
            while True:
                task = asyncio.ensure_future(make())  # type: ignore[operator]
                for _ in range(source.randrange(4)):
                    await asyncio.sleep(0)
                if not task.done() and source.random() < 0.5:
                    task.cancel()
                try:
                    return await task
                except asyncio.CancelledError:
                    continue

        async def send() -> None:
            for i in range(count):
                task = asyncio.ensure_future(client.send(b"%05d\n" % i))
                await asyncio.sleep(0)  # it has begun, so it has been taken
                if source.random() < 0.3:
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await client.end()

        async def receive() -> bytes:
            parts = []
            while True:
                part = await patiently(connection.receive)
                if not part:
                    return b"".join(parts)  # type: ignore[arg-type]
                parts.append(part)

        _, received = await asyncio.gather(send(), receive())
        assert received == b"".join(b"%05d\n" % i for i in range(count))
        await close(client, connection, server)

    run(main())


def test_accept_with_cancellation_loses_no_client(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        source = random.Random(2)
        clients = [ohsocket.TCPSocket() for _ in range(100)]
        accepted = []

        async def accept() -> None:
            while len(accepted) < len(clients):
                task = asyncio.ensure_future(server.accept())
                for _ in range(source.randrange(3)):
                    await asyncio.sleep(0)
                if source.random() < 0.5:
                    task.cancel()
                try:
                    accepted.append(await task)
                except asyncio.CancelledError:
                    pass

        async def connect() -> None:
            for client in clients:
                await client.connect(server.get_local_address())

        await asyncio.gather(accept(), connect())
        assert [one.client_id for one in accepted] == list(range(1, 101))
        await close(*clients, *accepted, server)

    run(main())


def test_two_receivers_share(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        first = asyncio.ensure_future(connection.receive())
        second = asyncio.ensure_future(connection.receive())
        await asyncio.sleep(0)
        await client.send(b"1")
        await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        await client.send(b"2")
        assert sorted(await asyncio.gather(first, second)) == [b"1", b"2"]
        await close(client, connection, server)

    run(main())


def test_small_sends_of_woken_tasks_leave_together(run: Run) -> None:
    """The kernel sees one segment for the sends that one batch of events has caused."""

    async def main() -> None:
        server, client, connection = await pair()

        async def answer() -> None:
            async for data in connection:
                for byte in data:
                    await connection.send(bytes([byte]))

        answering = asyncio.ensure_future(answer())
        for _ in range(20):
            await client.send(b"0123456789")
            assert await client.receive() == b"0123456789"
        await client.end()
        await answering
        await close(client, connection, server)

    run(main())
