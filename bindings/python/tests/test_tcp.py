"""TCP clients, servers and connections on asyncio and uvloop."""

import asyncio
import errno
import socket

import pytest

import ohsocket

from conftest import Run, Waiter, close, left_in_the_kernel, pair, standstill


def test_send_and_receive(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview"), "str \u00e4"):
            await client.send(data)
            expected = data.encode() if isinstance(data, str) else bytes(data)
            assert await connection.receive() == expected
        await connection.send("\u00e4", encoding="utf-16-le")
        assert await client.receive() == "\u00e4".encode("utf-16-le")
        await connection.send(ohsocket.TCPSendOptions("\u00e4", "latin-1"))
        assert await client.receive() == b"\xe4"
        await close(client, connection, server)

    run(main())


def test_wrong_data_is_a_type_error(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        with pytest.raises(TypeError, match="bytes-like or str, not int"):
            await client.send(3)  # type: ignore[arg-type]
        with pytest.raises(LookupError):
            await client.send("x", encoding="no such encoding")
        await close(client, connection, server)

    run(main())


def test_the_readme_client(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            server.on("connect", lambda client: client.on("message", lambda info: echo(client, info)))
            await server.listen(("127.0.0.1", 0))
            async with ohsocket.construct_tcp_socket_instance() as tcp:
                await tcp.bind(("127.0.0.1", 0))
                await tcp.connect(("127.0.0.1", server.get_local_address().port), timeout=6.0)
                await tcp.send(b"hello")
                async for message in tcp:
                    assert message == b"hello"
                    break

    def echo(client: ohsocket.TCPSocketConnection, info: ohsocket.SocketMessageInfo) -> None:
        assert info.remote_info.size == len(info.message) == 5
        client.send_nowait(info.message)

    run(main())


def test_iteration_ends_with_the_peer_and_the_answer_still_goes(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.send(b"x" * 100_000)
        await client.end()
        received = b"".join([data async for data in connection])
        assert received == b"x" * 100_000
        await connection.send(b"answer")  # the peer has ended, not this side
        assert await client.receive() == b"answer"
        await close(connection, client, server)
        assert await client.receive() == b""

    run(main())


def test_events_in_order(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        client = ohsocket.TCPSocket()
        seen = []
        closed = Waiter()
        for name in ("connect", "message", "end", "error", "close"):
            client.on(name, lambda *value, name=name: seen.append(name))
        client.on("close", closed)
        server.on("connect", lambda connection: (connection.send_nowait(b"x"), keep.append(connection)))
        keep: "list[ohsocket.TCPSocketConnection]" = []
        await server.listen(("localhost", 0))
        await client.connect(server.get_local_address())
        assert seen == ["connect"]
        while "message" not in seen:
            await asyncio.sleep(0)
        await keep[0].close()
        await closed.wait()
        assert seen == ["connect", "message", "end", "close"]
        await server.close()

    run(main())


def test_listeners(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        calls = []
        done = Waiter()

        def first(info: ohsocket.SocketMessageInfo) -> None:
            calls.append(("first", info.message))

        def second(info: ohsocket.SocketMessageInfo) -> None:
            calls.append(("second", info.message))
            done()

        connection.on("message", first)
        connection.on("message", second)
        connection.on("message", first)  # the same one twice is one
        await client.send(b"1")
        await done.wait(1)
        connection.off("message", first)
        connection.off("message", first)  # harmless
        await client.send(b"2")
        await done.wait(2)
        assert calls == [("first", b"1"), ("second", b"1"), ("second", b"2")]
        connection.off("message")
        await client.send(b"3")  # kept for the next listener
        connection.on("message", second)
        await done.wait(3)
        assert calls[-1] == ("second", b"3")
        with pytest.raises(ohsocket.ParameterError, match="'massage' is not an event of TCPSocket"):
            client.on("massage", first)
        with pytest.raises(ohsocket.ParameterError):
            client.off("massage")
        with pytest.raises(TypeError, match="a listener is a function"):
            client.on("message", None)  # type: ignore[arg-type]

        async def coroutine() -> None: ...

        with pytest.raises(TypeError, match="plain function"):
            client.on("message", coroutine)
        with pytest.raises(RuntimeError, match="message listeners"):
            await connection.receive()
        await close(client, connection, server)

    run(main())


def test_a_listener_removed_by_the_one_before_is_not_called(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        calls = []
        done = Waiter()

        def second(info: object) -> None:
            calls.append("second")

        def first(info: object) -> None:
            calls.append("first")
            connection.off("message", second)
            done()

        connection.on("message", first)
        connection.on("message", second)
        await client.send(b"1")
        await done.wait()
        assert calls == ["first"]
        await close(client, connection, server)

    run(main())


def test_remote_info(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        got = Waiter()
        connection.on("message", got)
        await client.send(b"12345")
        (info,) = await got.wait()
        port = client.get_local_address().port
        assert info == (b"12345", ("127.0.0.1", "IPv4", port, 5))
        assert info.remote_info.size == 5
        await client.send(b"12")
        assert (await got.wait(2))[1].remote_info == ("127.0.0.1", "IPv4", port, 2)
        await close(client, connection, server)

    run(main())


def test_getters(run: Run) -> None:
    async def main() -> None:
        unopened = ohsocket.TCPSocket()
        assert unopened.get_state() == (False, False, False)
        for getter in (unopened.get_local_address, unopened.get_remote_address, unopened.get_socket_fd):
            with pytest.raises(ohsocket.SocketError) as caught:
                getter()
            assert (caught.value.code, caught.value.errno) == (2301009, errno.EBADF)
        server, client, connection = await pair()
        assert client.get_state() == ohsocket.SocketStateBase(True, False, True)
        assert server.get_state().is_bound
        assert client.get_remote_address() == server.get_local_address()
        assert connection.get_remote_address() == client.get_local_address()
        assert client.get_local_address().family == ohsocket.Family.IPV4
        assert client.get_send_queue_length() == 0
        assert connection.client_id == 1
        assert client.fileno() == client.get_socket_fd() > 2
        with pytest.raises(ohsocket.SocketError) as caught:
            server.get_remote_address()
        assert caught.value.code == 2301095
        assert repr(client).startswith("<ohsocket.TCPSocket ")
        assert " -> 127.0.0.1:" in repr(client)
        await close(client, connection, server)
        assert "closed" in repr(client)
        assert client.get_state() == (False, True, False)

    run(main())


def test_ipv6_and_family(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(ohsocket.NetAddress("::1", 0, ohsocket.Family.IPV6))
            async with ohsocket.TCPSocket() as client:
                await client.connect(("::1", server.get_local_address().port))
                assert client.get_remote_address().family == ohsocket.Family.IPV6
                async with await server.accept() as connection:
                    await client.send(b"x")
                    assert await connection.receive() == b"x"
            with pytest.raises(ValueError):
                # As in OpenHarmony a NetAddress is IPv4 unless it says otherwise.
                await ohsocket.TCPSocket().connect(ohsocket.NetAddress("::1", 80))

    run(main())


def test_a_socket_can_be_opened_again(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server, ohsocket.TCPSocket() as client:
            await server.listen(("127.0.0.1", 0))
            for turn in range(3):
                await client.connect(server.get_local_address())
                connection = await server.accept()
                assert connection.client_id == turn + 1
                await connection.send(str(turn))
                assert await client.receive() == str(turn).encode()
                await asyncio.gather(client.close(), connection.close())
                await client.close()  # of what is closed already: nothing
                await connection.close()

    run(main())


def test_server_iteration_and_close(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        clients = [ohsocket.TCPSocket() for _ in range(3)]
        for client in clients:
            await client.connect(server.get_local_address())
        connections = []
        async for connection in server:
            connections.append(connection)
            if len(connections) == 3:
                asyncio.get_running_loop().create_task(server.close())
        assert [one.client_id for one in connections] == [1, 2, 3]
        with pytest.raises(ohsocket.SocketError):
            await server.accept()
        await close(*connections, *clients)

    run(main())


def test_clients_nobody_accepts_wait_and_are_reset_when_the_server_closes(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        await server.listen(("127.0.0.1", 0))
        clients = [ohsocket.TCPSocket() for _ in range(300)]
        await asyncio.gather(*(one.connect(server.get_local_address()) for one in clients))
        first = await server.accept()
        assert await standstill(lambda: ohsocket.get_stats().connections_accepted) - accepted < 300
        await close(server, first)
        results = await asyncio.gather(*(one.receive() for one in clients), return_exceptions=True)
        assert {type(one) for one in results} <= {bytes, ohsocket.ConnectionResetError}
        await close(*clients)

    accepted = ohsocket.get_stats().connections_accepted
    run(main())


def test_abort_resets(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        closed, failed = Waiter(), Waiter()
        connection.on("error", failed)
        connection.on("close", closed)
        client.abort()
        with pytest.raises(ConnectionResetError) as caught:
            await connection.receive()
        assert isinstance(caught.value, ohsocket.SocketError)
        assert caught.value.code == 2303204
        assert caught.value.errno == errno.ECONNRESET
        await closed.wait()
        assert [type(one) for one in failed.values] == [ohsocket.ConnectionResetError]
        with pytest.raises(ConnectionError):
            await connection.send(b"x")
        await server.close()
        await client.close()

    run(main())


def test_send_after_end_is_a_broken_pipe(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await client.end()
        with pytest.raises(BrokenPipeError) as caught:
            await client.send(b"x")
        assert isinstance(caught.value, ohsocket.SocketError) and caught.value.code == 2301108
        await close(client, connection, server)
        with pytest.raises(BrokenPipeError):
            client.send_nowait(b"x")
        with pytest.raises(BrokenPipeError):
            connection.send_nowait(b"x")

    run(main())


def test_pause_and_resume(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        got = []
        paused = Waiter()

        def listener(info: ohsocket.SocketMessageInfo) -> None:
            got.append(info.message)
            if len(got) == 1:
                connection.pause()
                paused()

        connection.on("message", listener)
        await client.send(b"1")
        await paused.wait()
        await client.send(b"2")
        await left_in_the_kernel(connection)
        assert got == [b"1"]
        connection.resume()
        while len(got) < 2:
            await asyncio.sleep(0)
        assert got == [b"1", b"2"]
        await close(client, connection, server)

    run(main())


def test_server_pause_leaves_clients_in_the_backlog(run: Run) -> None:
    async def main() -> None:
        server = ohsocket.TCPSocketServer()
        got = Waiter()
        server.on("connect", got)
        await server.listen(("127.0.0.1", 0))
        server.pause()
        client = ohsocket.TCPSocket()
        await client.connect(server.get_local_address())
        await left_in_the_kernel(server)
        assert got.values == []
        server.resume()
        (connection,) = await got.wait()
        await close(client, connection, server)

    run(main())


def test_adopt(run: Run) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        listening = socket.create_server(("127.0.0.1", 0))
        server = ohsocket.TCPSocketServer()
        heard = Waiter()
        server.on("listening", heard)
        server.adopt(listening)
        assert listening.fileno() == -1
        await heard.wait()
        plain = socket.create_connection(server.get_local_address()[:2])
        connection = await server.accept()
        client = ohsocket.TCPSocket()
        with pytest.raises(ohsocket.SocketError):
            client.adopt(ours)  # not a TCP socket: it stays ours
        assert ours.fileno() >= 0
        other = socket.create_connection(server.get_local_address()[:2])
        client.adopt(other.detach())
        accepted = await server.accept()
        await client.send(b"x")
        assert await accepted.receive() == b"x"
        for one in (ours, theirs, plain):
            one.close()
        await close(client, accepted, connection, server)

    run(main())


def test_large_transfer_both_ways(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        data = bytes(range(256)) * 20_000  # 5 MB

        async def send(to: ohsocket.TCPSocket) -> None:
            for start in range(0, len(data), 7001):
                await to.send(data[start : start + 7001])
            await to.end()

        async def receive(of: ohsocket.TCPSocket) -> bytes:
            return b"".join([part async for part in of])

        results = await asyncio.gather(
            send(client), send(connection), receive(client), receive(connection)  # type: ignore[arg-type]
        )
        assert results[2] == results[3] == data
        await close(client, connection, server)

    run(main())
