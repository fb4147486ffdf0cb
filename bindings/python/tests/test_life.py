"""Garbage, the end of loops, several loops and threads."""

import asyncio
import contextvars
import copy
import gc
import pickle
import socket
import threading
import warnings
import weakref
from typing import Any

import pytest
import uvloop

import ohsocket
from ohsocket import callback, sync

from conftest import Run, Waiter, close, pair


def test_an_open_socket_nobody_has_is_a_resource_warning(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        client = ohsocket.TCPSocket()
        await client.connect(server.get_local_address())
        connection = await server.accept()
        with pytest.warns(ResourceWarning, match=r"unclosed <ohsocket.TCPSocket \d+ open 127.0.0.1:"):
            del client
            gc.collect()
        assert await connection.receive() == b""  # it was released
        await close(connection, server)

    run(main())


def test_an_open_socket_with_listeners_stays(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        kept = []
        closed = Waiter()

        def on_client(client: ohsocket.TCPSocketConnection) -> None:
            kept.append(weakref.ref(client))
            client.on("message", lambda info: client.send_nowait(info.message))
            client.on("close", closed)

        server.on("connect", on_client)
        client = ohsocket.TCPSocket()
        await client.connect(server.get_local_address())
        for _ in range(3):
            gc.collect()
            await client.send(b"x")
            assert await client.receive() == b"x"
        await close(client, server)
        await closed.wait()
        gc.collect()
        assert kept[0]() is None

    run(main())


def test_what_opens_waits_for_the_close_before_it(run: Run) -> None:
    """ORDER-7: and the close is over, although the socket is open again."""

    async def main() -> None:
        server, client, connection = await pair()
        address = server.get_local_address()
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        _, again, _, _ = await asyncio.gather(client.connect(address), server.accept(), connection.close(), closing)
        await client.send("hello")
        assert await again.receive() == b"hello"
        udp = ohsocket.UDPSocket()
        await udp.bind(("127.0.0.1", 0))
        for one, name in ((udp, "bind"), (server, "listen")):
            port = one.get_local_address().port
            closing = asyncio.ensure_future(one.close())
            await asyncio.sleep(0)
            await asyncio.gather(getattr(one, name)(("127.0.0.1", port)), closing)
            assert one.get_local_address().port == port
        await close(client, again, server, udp)

    run(main())


def test_closed_and_unopened_sockets_are_no_warning(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await close(client, connection, server)
        ohsocket.TCPSocket(), ohsocket.UDPSocket(), ohsocket.TCPSocketServer()
        del server, client, connection
        gc.collect()

    run(main())


def test_a_block_left_by_an_exception_closes(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with ohsocket.TCPSocketServer() as server:
                await server.listen(("127.0.0.1", 0))
                raise ZeroDivisionError
        with pytest.raises(ohsocket.SocketError):
            server.get_local_address()

    run(main())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("tidy", [True, False], ids=["shutdown_asyncgens", "bare close"])
def test_a_loop_that_closes_with_open_sockets(new_loop: Any, tidy: bool) -> None:
    async def main() -> Any:
        server, client, connection = await pair()
        connection.on("message", lambda info: None)
        await client.send(b"x")
        return server, client, connection

    before = ohsocket.get_stats().loops
    loop = new_loop()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        sockets = loop.run_until_complete(main())
        if tidy:
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        client = sockets[1]
        # All have ended with the loop, though somebody has them, and what would end them does nothing.
        ours = [str(one.message) for one in seen if "ohsocket" in str(one.message)]
        assert ohsocket.get_stats().loops == before
        for one in sockets:
            one.abort()
            asyncio.run(one.close())
        with pytest.raises(RuntimeError, match="belongs to another asyncio loop"):
            client.pause()
        seen.clear()
    assert len(ours) == 3, ours
    assert all(one.startswith("unclosed <ohsocket.") for one in ours)


def test_operations_that_wait_when_the_loop_ends_are_cancelled() -> None:
    async def main() -> None:
        async def wait(client: ohsocket.TCPSocket) -> None:
            async with client:
                await client.receive()

        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        arrived = Waiter()

        def on_client(connection: ohsocket.TCPSocketConnection) -> None:
            connection.on("message", lambda info: None)
            arrived()

        server.on("connect", on_client)
        client = ohsocket.TCPSocket()
        await client.connect(server.get_local_address())
        await arrived.wait()
        tasks.append(asyncio.ensure_future(wait(client)))
        await asyncio.sleep(0)  # it has begun to wait
        await server.close()

    tasks: "list[asyncio.Task[None]]" = []
    asyncio.run(main())
    assert tasks[0].cancelled()


def test_loops_one_after_the_other(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"x")
        assert await connection.receive() == b"x"
        await close(client, connection, server)

    for _ in range(5):
        asyncio.run(main())
    run(main())


def test_a_socket_of_another_loop() -> None:
    """Its methods say so instead of hanging."""

    async def other(client: ohsocket.TCPSocket) -> None:
        for wrong in (client.receive, lambda: client.send(b"x"), client.close, client.end):
            with pytest.raises(RuntimeError, match="belongs to another asyncio loop"):
                await wrong()
        with pytest.raises(RuntimeError, match="belongs to another asyncio loop"):
            client.pause()
        with pytest.raises(RuntimeError, match="belongs to another asyncio loop"):
            client.on("message", print)
        with pytest.raises(RuntimeError, match="belongs to another asyncio loop"):
            client.off("message")

    async def main() -> None:
        server, client, connection = await pair()
        thread_failed = []

        def in_thread() -> None:
            try:
                asyncio.run(other(client))
            except BaseException as error:
                thread_failed.append(error)

        await asyncio.get_running_loop().run_in_executor(None, in_thread)
        assert thread_failed == []
        await client.send(b"x")
        assert await connection.receive() == b"x"
        await close(client, connection, server)

    asyncio.run(main())


def test_a_loop_in_each_thread() -> None:
    failures = []

    def work(number: int) -> None:
        async def main() -> None:
            server, client, connection = await pair()
            for i in range(200):
                await client.send(b"%d %d" % (number, i))
                assert await connection.receive() == b"%d %d" % (number, i)
            await close(client, connection, server)

        def blocking() -> None:
            with sync.TCPSocketServer() as server, sync.TCPSocket() as client:
                server.listen(("127.0.0.1", 0))
                client.connect(server.get_local_address())
                with server.accept(5) as connection:
                    for i in range(200):
                        client.send(b"%d" % i)
                        assert connection.receive(5) == b"%d" % i
                    client.abort()

        try:
            asyncio.run(main()) if number % 2 else blocking()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_send_nowait_from_another_thread(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()

        def send() -> None:
            for i in range(1000):
                client.send_nowait(b"%04d" % i)

        sending = asyncio.get_running_loop().run_in_executor(None, send)
        received = b""
        while len(received) < 4000:
            received += await connection.receive()
        await sending
        assert received == b"".join(b"%04d" % i for i in range(1000))
        await close(client, connection, server)

    run(main())


def test_all_styles_in_one_thread() -> None:
    """asyncio beside the loop of the thread."""

    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("127.0.0.1", 0))
            done = []
            tcp = callback.TCPSocket()
            tcp.connect(server.get_local_address(), lambda error: done.append(error) or tcp.abort())
            ohsocket.run()
            assert done == [None]
            connection = await server.accept()
            with pytest.raises(ConnectionResetError):
                await connection.receive()
            await connection.close()

    asyncio.run(main())


def test_a_thread_that_ends_with_an_open_socket() -> None:
    def work() -> None:
        udp = sync.UDPSocket()
        udp.bind(("127.0.0.1", 0))

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        del thread
        gc.collect()
    assert [one.category for one in seen if "unclosed <ohsocket.UDPSocket" in str(one.message)] == [
        ResourceWarning
    ]


def test_a_thread_that_ends_with_a_socket_that_others_have() -> None:
    made: "list[sync.TCPSocket]" = []

    def work() -> None:
        tcp = sync.TCPSocket()
        tcp.connect(listening.getsockname())
        made.append(tcp)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        with pytest.warns(ResourceWarning, match="unclosed <ohsocket.TCPSocket"):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        plain, _ = listening.accept()
        with plain, pytest.raises(ConnectionResetError):
            plain.settimeout(5)
            plain.recv(1)
    made[0].abort()
    made[0].close()


@pytest.mark.parametrize("left_by", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_a_block_that_is_cancelled_aborts(left_by: "type[BaseException]") -> None:
    """Otherwise it would wait for a peer that does not close."""
    aborts = not issubclass(left_by, Exception)

    def check(plain: socket.socket, leave: Any) -> None:
        with plain:
            plain.settimeout(5)
            with pytest.raises(left_by):
                leave()
            if aborts:
                with pytest.raises(ConnectionResetError):
                    plain.recv(1)
            else:
                assert plain.recv(1) == b""

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def blocking() -> None:
            with tcp:
                raise left_by

        async def main() -> None:
            async with ohsocket.TCPSocket() as tcp:
                tcp.set_option(ohsocket.Option.CLOSE_TIMEOUT, 1 if not aborts else 60_000)
                await tcp.connect(listening.getsockname())
                raise left_by

        tcp = sync.TCPSocket()
        tcp.set_option(ohsocket.Option.CLOSE_TIMEOUT, 1 if not aborts else 60_000)
        tcp.connect(listening.getsockname())
        check(listening.accept()[0], blocking)
        with pytest.raises(left_by):
            asyncio.run(main())
        check(listening.accept()[0], lambda: (_ for _ in ()).throw(left_by))


def test_records_of_a_closed_socket_are_dropped(run: Run) -> None:
    """Many messages in one batch; the listener of the first closes the socket of the others."""

    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        plain = [socket.create_connection(server.get_local_address()[:2]) for _ in range(20)]
        connections = [await server.accept() for _ in plain]
        got = []
        closed = Waiter()

        def listener(info: ohsocket.SocketMessageInfo) -> None:
            got.append(info)
            for connection in connections:
                if not connection.get_state().is_close:
                    connection.abort()

        for connection in connections:
            connection.on("message", listener)
            connection.on("close", closed)
        connections[0].pause()
        for one in plain:
            one.sendall(b"x")
        connections[0].resume()
        await closed.wait(20)
        assert len(got) == 1
        for one in plain:
            one.close()
        await server.close()

    run(main())


def test_release_inside_a_listener(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        done = Waiter()

        def listener(info: ohsocket.SocketMessageInfo) -> None:
            connection.abort()
            connection.off("message")
            done()

        connection.on("message", listener)
        await client.send(b"x")
        await done.wait()
        with pytest.raises(ConnectionResetError):
            await client.receive()
        await server.close()
        await client.close()

    run(main())


def test_a_socket_is_neither_copied_nor_pickled() -> None:
    """A copy would give the handle back a second time."""
    with ohsocket.sync.TCPSocketServer() as server:
        server.listen(("127.0.0.1", 0))
        for copier in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="TCPSocketServer can be neither copied nor pickled"):
                copier(server)
        assert server.get_local_address().port > 0


def test_listeners_run_in_the_context_of_their_socket(run: Run) -> None:
    """Not in that of the task that has made the first socket; a connection has that of its server."""
    name: "contextvars.ContextVar[str]" = contextvars.ContextVar("name", default="nobody")

    async def main() -> None:
        seen: "dict[str, str]" = {}
        name.set("server")
        server = ohsocket.TCPSocketServer()
        arrived = Waiter()

        def on_client(connection: ohsocket.TCPSocketConnection) -> None:
            seen["connect"] = name.get()
            connection.on("message", lambda _: seen.update(connection=name.get()))
            connection.on("message", lambda info: connection.send_nowait(info.message))
            arrived(connection)

        server.on("connect", on_client)
        await server.listen(("127.0.0.1", 0))
        name.set("client")
        client, answers = ohsocket.TCPSocket(), Waiter()
        name.set("later")
        client.on("message", lambda info: answers(name.get()))
        await client.connect(server.get_local_address())
        await client.send(b"x")
        assert await answers.wait() == ["client"]
        assert seen == {"connect": "server", "connection": "server"}
        await close(client, *arrived.values, server)

    run(main())
