"""Multicast groups, on the loopback interface."""

import socket
import struct
from typing import Iterator

import pytest

import ohsocket
from ohsocket import Option, callback, sync

from conftest import Run, Waiter

GROUP, OTHER = "239.255.77.11", "239.255.77.12"
LO = socket.if_nametoindex("lo")


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    """A socket of Python's own, which sends to groups by the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), LO))
        yield one


def test_members(run: Run, sender: socket.socket) -> None:
    async def main() -> None:
        async with ohsocket.MulticastSocket() as one, ohsocket.construct_multicast_socket_instance() as two:
            listening = Waiter()
            one.on("listening", listening)
            await one.add_membership((GROUP, 0), interface="lo")
            await listening.wait()
            assert one.get_state() == (True, False, False)
            port = one.get_local_address().port
            await two.add_membership(ohsocket.NetAddress(GROUP, port), interface=LO)
            await two.add_membership((OTHER, 0), interface="lo")
            sender.sendto(b"both", (GROUP, port))
            sender.sendto(b"two", (OTHER, port))
            assert (await one.receive()).message == b"both"
            assert [(await two.receive()).message for _ in range(2)] == [b"both", b"two"]
            two.drop_membership((GROUP, 0), interface="lo")
            sender.sendto(b"one", (GROUP, port))
            sender.sendto(b"two", (OTHER, port))
            message, remote = await one.receive()
            assert message == b"one" and remote.port == sender.getsockname()[1]
            assert (await two.receive()).message == b"two"
            # One hears oneself.
            one.set_multicast_interface("lo")
            await one.send(b"me", (GROUP, port))
            assert (await one.receive()).message == b"me"

    run(main())


def test_again_after_close(run: Run, sender: socket.socket) -> None:
    async def main() -> None:
        one = ohsocket.MulticastSocket()
        for _ in range(2):
            await one.add_membership((GROUP, 0), interface="lo")
            sender.sendto(b"again", (GROUP, one.get_local_address().port))
            assert (await one.receive()).message == b"again"
            await one.close()

    run(main())


def test_a_source(sender: socket.socket) -> None:
    with sync.MulticastSocket() as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.5", 0))
        other.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), LO))
        one.add_membership(("232.1.1.9", 0), interface="lo", source="127.0.0.1")
        to = ("232.1.1.9", one.get_local_address().port)
        other.sendto(b"no", to)
        sender.sendto(b"yes", to)
        assert one.receive(5).message == b"yes"
        one.drop_membership(("232.1.1.9", 0), interface="lo", source="127.0.0.1")


def test_options() -> None:
    with sync.UDPSocket() as udp, sync.MulticastSocket() as one:
        assert (udp.get_multicast_ttl(), udp.get_loopback_mode()) == (1, True)
        udp.bind(("127.0.0.1", 0))
        udp.set_multicast_ttl(7)
        udp.set_loopback_mode(False)
        udp.set_multicast_interface("lo")
        assert (udp.get_multicast_ttl(), udp.get_loopback_mode()) == (7, False)
        assert udp.get_option(Option.MULTICAST_INTERFACE) == LO
        udp.set_multicast_interface("")
        assert one.get_option(Option.REUSE_ADDRESS) == 1
        for wrong in (-1, 256):
            with pytest.raises(ohsocket.ParameterError, match="ttl"):
                udp.set_multicast_ttl(wrong)
        with pytest.raises(ohsocket.SocketError, match="no-such-0"):
            udp.set_multicast_interface("no-such-0")
        with pytest.raises(TypeError):
            udp.set_multicast_interface(None)  # type: ignore[arg-type]


def test_what_is_wrong() -> None:
    with sync.MulticastSocket() as one, sync.UDPSocket() as udp:
        for address, interface, code in (
            (("127.0.0.1", 0), "lo", ohsocket.ErrorCode.INVAL),
            ((GROUP, 0), "no-such-0", ohsocket.ErrorCode.NODEV),
            ((GROUP, 70000), "lo", ohsocket.ErrorCode.PARAMETER),
            (("group", 0), "lo", ohsocket.ErrorCode.PARAMETER),
            ((GROUP, 0), "a\0b", ohsocket.ErrorCode.PARAMETER),
        ):
            with pytest.raises(ohsocket.SocketError) as info:
                one.add_membership(address, interface=interface)
            assert info.value.code == code
        with pytest.raises(ohsocket.SocketError) as info:
            udp.add_membership((GROUP, 0), interface="lo")
        assert info.value.code == ohsocket.ErrorCode.BADF
        one.add_membership((GROUP, 0), interface="lo")
        with pytest.raises(ohsocket.SocketError) as info:
            one.add_membership((GROUP, 0), interface="lo")
        assert info.value.code == ohsocket.ErrorCode.ADDRINUSE
        with pytest.raises(ohsocket.SocketError) as info:
            one.drop_membership((OTHER, 0), interface="lo")
        assert info.value.code == ohsocket.ErrorCode.ADDRNOTAVAIL
        with pytest.raises(TypeError):
            one.add_membership((GROUP, 0), interface=1.5)  # type: ignore[arg-type]


def test_callbacks(sender: socket.socket) -> None:
    one = callback.MulticastSocket()
    got = []

    def message(info: ohsocket.SocketMessageInfo) -> None:
        got.append(info.message)
        one.close()

    one.on("message", message)
    one.add_membership((GROUP, 0), interface="lo")
    sender.sendto(b"called", (GROUP, one.get_local_address().port))
    callback.run()
    assert got == [b"called"]
