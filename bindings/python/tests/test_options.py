"""Options reach the kernel and the library."""

import asyncio
import os
import socket
from typing import Any

import pytest

import ohsocket

from conftest import Run, close, pair


def kernel(one: Any, level: int, option: int) -> int:
    """The option as the kernel has it."""
    with socket.socket(fileno=os.dup(one.fileno())) as look:
        return look.getsockopt(level, option)


def test_extra_options(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_extra_options(
            ohsocket.TCPExtraOptions(keep_alive=True, tcp_no_delay=True, oob_inline=True, reuse_address=True),
            receive_buffer_size=32768,
            send_buffer_size=16384,
        )
        assert kernel(client, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert kernel(client, socket.SOL_SOCKET, socket.SO_OOBINLINE) == 1
        assert kernel(client, socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        assert kernel(client, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert kernel(client, socket.SOL_SOCKET, socket.SO_RCVBUF) == 65536
        assert kernel(client, socket.SOL_SOCKET, socket.SO_SNDBUF) == 32768
        client.set_extra_options(keep_alive=False)
        assert kernel(client, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        assert kernel(client, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1  # None leaves it as it is
        server.set_extra_options(keep_alive=True)
        assert kernel(connection, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        await close(client, connection, server)

    run(main())


def test_linger_zero_resets(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_extra_options(socket_linger=ohsocket.SocketLinger(on=True, linger=0))
        await client.close()
        with pytest.raises(ConnectionResetError):
            await connection.receive()
        await close(server)
        await connection.close()

    run(main())


def test_library_options(run: Run) -> None:
    async def main() -> None:
        client = ohsocket.TCPSocket()
        for option, value in (
            (ohsocket.Option.SEND_QUEUE_LIMIT, 1000),
            (ohsocket.Option.IDLE_TIMEOUT, 5000),
            (ohsocket.Option.CLOSE_TIMEOUT, 100),
            (ohsocket.Option.ALLOW_HALF_OPEN, 1),
            (ohsocket.Option.KEEP_ALIVE_IDLE, 60),
            (ohsocket.Option.REUSE_PORT, 1),
        ):
            client.set_option(option, value)
            assert client.get_option(option) == value

    run(main())


def test_idle_timeout_ends_the_connection(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        client.set_option(ohsocket.Option.IDLE_TIMEOUT, 50)
        with pytest.raises(TimeoutError):
            await client.receive()
        await close(server)
        await asyncio.gather(connection.close(), client.close())

    run(main())


def test_half_open_can_be_switched_off_for_receivers(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        connection.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 0)
        await client.end()
        assert await connection.receive() == b""
        assert await client.receive() == b""  # the library has closed the other side
        await close(client, server)
        await connection.close()

    run(main())


def test_reuse_port(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as one, ohsocket.TCPSocketServer() as two:
            for server in (one, two):
                server.set_option(ohsocket.Option.REUSE_PORT, 1)
            await one.listen(("127.0.0.1", 0))
            await two.listen(one.get_local_address())

    run(main())
