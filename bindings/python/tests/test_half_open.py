"""The peer's end before anybody has received: by hand the socket stays open, with listeners it closes."""

import asyncio
import gc
import pathlib
import socket
import ssl
import subprocess
from typing import Any, Dict

import pytest

import ohsocket
from ohsocket import callback, sync

from conftest import Run, Waiter, close, pair, round_trip


async def ended(one: Any) -> None:
    """Returns when the socket, which nobody receives from, has learnt of the peer's end and what the library
    does about it."""
    told = Waiter()
    one.on("end", told)
    await told.wait()
    one.off("end", told)
    await round_trip()


async def half_closed(server: Any) -> Any:
    """Python's own client, which has said nothing and sends no more, and the server's end of it."""
    plain = socket.create_connection(server.get_local_address()[:2], timeout=5)
    plain.shutdown(socket.SHUT_WR)
    return plain, await server.accept()


def read_all(plain: socket.socket) -> bytes:
    parts = []
    while True:
        part = plain.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def test_a_connection_greets_a_client_that_has_ended(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("127.0.0.1", 0))
            plain, connection = await half_closed(server)
            with plain:
                await ended(connection)
                await connection.send(b"greeting")
                connection.send_nowait(b" and more")
                assert await connection.receive() == b""
                await connection.close()
                assert read_all(plain) == b"greeting and more"

    run(main())


def test_a_client_that_only_sends(run: Run) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            async with ohsocket.TCPSocket() as tcp:
                await tcp.connect(listening.getsockname())
                plain, _ = listening.accept()
                with plain:
                    plain.settimeout(5)
                    plain.shutdown(socket.SHUT_WR)
                    await ended(tcp)
                    await tcp.send(b"late")
                    await tcp.close()
                    assert read_all(plain) == b"late"

    run(main())


def test_a_connection_of_a_connect_listener(run: Run) -> None:
    async def main() -> None:
        arrived = Waiter()
        async with ohsocket.TCPSocketServer() as server:
            server.on("connect", arrived)
            await server.listen(("127.0.0.1", 0))
            with socket.create_connection(server.get_local_address()[:2], timeout=5) as plain:
                plain.shutdown(socket.SHUT_WR)
                (connection,) = await arrived.wait()
                await ended(connection)
                await connection.send(b"late")
                await connection.close()
                assert read_all(plain) == b"late"

    run(main())


@pytest.mark.parametrize("early", [True, False], ids=["before the end", "after the end"])
def test_with_a_message_listener_it_closes(run: Run, early: bool) -> None:
    async def main() -> None:
        got, closed = Waiter(), Waiter()
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("127.0.0.1", 0))
            if early:
                plain = socket.create_connection(server.get_local_address()[:2], timeout=5)
                connection = await server.accept()
                connection.on("message", got)
                plain.sendall(b"last")
                plain.shutdown(socket.SHUT_WR)
            else:
                plain, connection = await half_closed(server)
                await ended(connection)
                assert connection.get_state().is_connected
                connection.on("message", got)
            with plain:
                connection.on("close", closed)
                connection.send_nowait(b"answer")
                await closed.wait()
                assert read_all(plain) == b"answer"
                assert [info.message for info in got.values] == ([b"last"] if early else [])

    run(main())


def test_a_listener_that_was_taken_away_again(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.TCPSocketServer() as server:
            await server.listen(("127.0.0.1", 0))
            with socket.create_connection(server.get_local_address()[:2], timeout=5) as plain:
                connection = await server.accept()
                connection.on("message", print)
                connection.off("message")
                plain.shutdown(socket.SHUT_WR)
                await ended(connection)
                await connection.send(b"late")
                await connection.close()
                assert read_all(plain) == b"late"

    run(main())


@pytest.mark.parametrize("where", ["connection", "server"])
def test_what_the_user_has_set_holds(run: Run, where: str) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        if where == "server":
            server.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 0)
            await close(client, connection)
            await client.connect(server.get_local_address())
            connection = await server.accept()
        else:
            connection.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 0)
        assert connection.get_option(ohsocket.Option.ALLOW_HALF_OPEN) == 0
        closed = Waiter()
        connection.on("close", closed)
        await client.end()
        await closed.wait()
        client.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 1)
        await close(client)
        await client.connect(server.get_local_address())
        client.on("message", print)
        assert client.get_option(ohsocket.Option.ALLOW_HALF_OPEN) == 1
        await close(client, await server.accept(), server)

    run(main())


def test_a_socket_opened_again_follows_its_listeners(run: Run) -> None:
    async def main() -> None:
        server, client, connection = await pair()
        await connection.end()
        assert await client.receive() == b""
        await close(client, connection)
        closed = Waiter()
        client.on("message", print)
        client.on("close", closed)
        await client.connect(server.get_local_address())
        connection = await server.accept()
        await connection.end()
        await closed.wait()
        await close(connection, server)

    run(main())


def test_nobody_looks_after_the_end(run: Run) -> None:
    """Listeners do not keep alive what nothing will happen to any more."""

    async def main() -> None:
        told = Waiter()

        def on_client(connection: ohsocket.TCPSocketConnection) -> None:
            connection.on("close", lambda: connection.client_id)
            connection.on("end", told)

        async with ohsocket.TCPSocketServer() as server:
            server.on("connect", on_client)
            await server.listen(("127.0.0.1", 0))
            with socket.create_connection(server.get_local_address()[:2], timeout=5) as plain:
                plain.shutdown(socket.SHUT_WR)
                with pytest.warns(ResourceWarning, match="unclosed <ohsocket.TCPSocketConnection"):
                    await told.wait()
                    await round_trip()
                    gc.collect()
                assert await asyncio.get_running_loop().run_in_executor(None, plain.recv, 1) == b""

    run(main())


def test_blocking() -> None:
    with sync.TCPSocketServer() as server:
        server.listen(("127.0.0.1", 0))
        with socket.create_connection(server.get_local_address()[:2], timeout=5) as plain:
            plain.shutdown(socket.SHUT_WR)
            with server.accept(5) as connection:
                told: "list[bool]" = []
                connection.on("end", lambda: told.append(True))
                with pytest.raises(TimeoutError):
                    server.accept(0.1)  # the loop of the thread runs while something waits
                assert told
                connection.send(b"late")
            assert read_all(plain) == b"late"


def test_with_callbacks_there_is_no_receiving_by_hand() -> None:
    """So that run() comes to its end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        tcp = callback.TCPSocket()
        closed: "list[bool]" = []
        tcp.on("close", lambda: closed.append(True))
        tcp.connect(listening.getsockname(), lambda error: listening.accept()[0].close())
        ohsocket.run()
        assert closed == [True]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    at = tmp_path_factory.mktemp("half_open")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(at / "key"), "-out", str(at / "crt")]
    subprocess.run(["openssl", *words.split(), *names, *files], check=True, capture_output=True)
    return {"at": at, "key": (at / "key").read_text(), "crt": (at / "crt").read_text()}


def test_tls_connection(run: Run, pem: Dict[str, Any]) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as tls:
            await server.listen(("127.0.0.1", 0), ohsocket.TLSSecureOptions(cert=pem["crt"], key=pem["key"]))
            address = server.get_local_address()
            _, connection = await asyncio.gather(
                tls.connect(address, ohsocket.TLSSecureOptions(ca=pem["crt"])), server.accept()
            )
            await tls.end()  # close_notify
            await ended(connection)
            await connection.send(b"greeting")
            assert await tls.receive() == b"greeting"
            await connection.end()
            assert await tls.receive() == b""
            await close(connection, tls)

    run(main())


@pytest.mark.parametrize("chosen", [False, True])
def test_starttls_keeps_what_was_set(run: Run, pem: Dict[str, Any], chosen: bool) -> None:
    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pathlib.Path(pem["at"]) / "crt", pathlib.Path(pem["at"]) / "key")
        done: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()

        async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            done.set_result(None)

        theirs = await asyncio.start_server(on_client, "127.0.0.1", 0, ssl=context)
        tcp = ohsocket.TCPSocket()
        if chosen:
            tcp.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 0)
        await tcp.connect(theirs.sockets[0].getsockname())
        tls = ohsocket.TLSSocket(tcp)
        assert tls.get_option(ohsocket.Option.ALLOW_HALF_OPEN) == (0 if chosen else 1)
        await tls.connect(theirs.sockets[0].getsockname(), ohsocket.TLSSecureOptions(ca=pem["crt"]))
        await tls.end()
        await done
        await tls.close()
        theirs.close()
        await theirs.wait_closed()

    run(main())
