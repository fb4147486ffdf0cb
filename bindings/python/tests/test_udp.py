"""UDP sockets on asyncio and uvloop."""

import asyncio

import pytest

import ohsocket

from conftest import Run, Waiter


def test_datagrams(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as one, ohsocket.construct_udp_socket_instance() as two:
            await one.bind(("127.0.0.1", 0))
            await two.bind(ohsocket.NetAddress("127.0.0.1"))
            to = one.get_local_address()
            for data in (b"bytes", b"", "str", bytearray(b"array")):
                await two.send(data, to)
                message, remote = await one.receive()
                assert message == (data.encode() if isinstance(data, str) else bytes(data))
                assert remote == ("127.0.0.1", "IPv4", two.get_local_address().port, len(message))
            await two.send(ohsocket.UDPSendOptions(b"options", to))
            assert (await one.receive()).message == b"options"
            two.send_nowait(b"now", to)
            async for message, _ in one:
                assert message == b"now"
                break

    run(main())


def test_listeners_and_events(run: Run) -> None:
    async def main() -> None:
        one, two = ohsocket.UDPSocket(), ohsocket.UDPSocket()
        listening, messages, closed = Waiter(), Waiter(), Waiter()
        one.on("listening", listening)
        one.on("message", messages)
        one.on("close", closed)
        await one.bind(("127.0.0.1", 0))
        await two.bind(("127.0.0.1", 0))
        await listening.wait()
        for i in range(10):
            await two.send(str(i), one.get_local_address())
        infos = await messages.wait(10)
        assert [info.message for info in infos] == [str(i).encode() for i in range(10)]
        assert {info.remote_info.port for info in infos} == {two.get_local_address().port}
        await one.close()
        await two.close()
        await closed.wait()
        with pytest.raises(ohsocket.SocketError):
            await two.receive()

    run(main())


def test_different_senders(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as one, ohsocket.UDPSocket() as two, ohsocket.UDPSocket() as three:
            got = Waiter()
            one.on("message", got)
            for each in (one, two, three):
                await each.bind(("127.0.0.1", 0))
            for _ in range(3):
                await two.send(b"same", one.get_local_address())
                await three.send(b"same", one.get_local_address())
            ports = [info.remote_info.port for info in await got.wait(6)]
            assert sorted(ports) == sorted(
                [two.get_local_address().port] * 3 + [three.get_local_address().port] * 3
            )

    run(main())


def test_connected(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as one, ohsocket.UDPSocket() as two:
            await one.bind(("127.0.0.1", 0))
            await two.connect(one.get_local_address())
            await two.send(b"x")
            message, remote = await one.receive()
            await one.send(b"answer", (remote.address, remote.port))
            assert (await two.receive()).message == b"answer"
            assert two.get_remote_address() == one.get_local_address()

    run(main())


def test_refused_datagram_is_reported_and_the_socket_goes_on(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as gone:
            await gone.bind(("127.0.0.1", 0))
            address = gone.get_local_address()
        async with ohsocket.UDPSocket() as one:
            notices = Waiter()
            one.on("error", notices)
            await one.connect(address)
            receiving = asyncio.ensure_future(one.receive())
            await asyncio.sleep(0)
            await one.send(b"x")
            with pytest.raises(ConnectionRefusedError):
                await receiving
            (notice,) = await notices.wait()
            assert notice.code == 2301111
            assert one.get_state().is_connected

    run(main())


def test_errors(run: Run) -> None:
    async def main() -> None:
        async with ohsocket.UDPSocket() as one:
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.send(b"x", ("127.0.0.1", 9))
            assert caught.value.code == 2301009  # not bound
            await one.bind(("127.0.0.1", 0))
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.send(b"x")
            assert caught.value.code == 2301089  # no peer
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.send(b"x" * 65508, ("127.0.0.1", 9))
            assert caught.value.code == 2301090
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.send(b"x", ("127.0.0.1", 0))
            assert caught.value.code == 2301022
            with pytest.raises(PermissionError):
                await one.send(b"x", ("255.255.255.255", 9))
            with pytest.raises(ohsocket.ParameterError):
                await one.send(b"x", ("no.address", 9))
            with pytest.raises(ohsocket.SocketError) as caught:
                await one.bind(("127.0.0.1", 0))
            assert caught.value.code == 2301022
            one.set_extra_options(ohsocket.UDPExtraOptions(broadcast=True, receive_buffer_size=65536))
            one.set_extra_options(broadcast=False)

    run(main())
