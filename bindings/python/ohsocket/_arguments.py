"""Arguments for C, which cuts numbers to size and reads texts up to a NUL: they are checked before."""

import ctypes
import socket
from typing import Optional, Union

from ._abi import ErrorCode, socket_address, socket_multicast_group
from ._errors import error_of
from ._types import Address, net_address


def c_address(address: Address) -> socket_address:
    """The address for C, which has no idea of numbers that do not fit."""
    host, port, family = net_address(address)
    wrong = _wrong_with(host, port, family)
    if wrong:
        raise error_of(ErrorCode.PARAMETER, f"not an address: {address!r}: {wrong}")
    try:
        text = host.encode("ascii")
    except UnicodeEncodeError:
        try:
            text = host.encode("idna")
        except UnicodeError:
            raise error_of(ErrorCode.PARAMETER, f"not an address: {address!r}: no host name") from None
    return socket_address(text, port, family)


def _wrong_with(host: str, port: int, family: int) -> str:
    if not host:
        return "the host is empty"
    if "\0" in host:
        return "the host has a NUL in it"
    if not 0 <= port <= 65535:
        return "the port is not from 0 to 65535"
    if not 0 <= family <= 3:
        return "the family is not from 0 to 3"
    return ""


def c_group(address: Address, interface: Union[str, int, None], source: Optional[str]) -> socket_multicast_group:
    """The multicast group for C."""
    options = socket_multicast_group(ctypes.sizeof(socket_multicast_group))
    options.address = c_address(address)
    for name, value in (("interface", interface), ("source", source)):
        if value is None or value == "":
            continue
        if not isinstance(value, (str, int)):
            raise TypeError(f"{name} is a str, not {value!r}")
        text = str(value).encode("utf-8", "surrogateescape")
        if b"\0" in text:
            raise error_of(ErrorCode.PARAMETER, f"{name} has a NUL in it: {value!r}")
        setattr(options, name, text)
    return options


def interface_index(interface: Union[str, int]) -> int:
    """The index of an interface that is given by its name or by that; 0 is none."""
    if isinstance(interface, int):
        return in_range(interface, 0, 2**31 - 1, "interface")
    if not isinstance(interface, str):
        raise TypeError(f"interface is a str or an int, not {interface!r}")
    if not interface:
        return 0
    try:
        return socket.if_nametoindex(interface)
    except (OSError, ValueError):
        raise error_of(ErrorCode.NODEV, f"there is no interface {interface!r}") from None


def in_range(value: int, low: int, high: int, what: str) -> int:
    """The value, an int of C; ctypes would cut it to size."""
    if not isinstance(value, int):
        raise TypeError(f"{what} is an int, not {value!r}")
    if not low <= value <= high:
        raise error_of(ErrorCode.PARAMETER, f"{what} is out of range: {value}")
    return value


def milliseconds(seconds: Optional[float]) -> int:
    """A timeout for the library: at least a millisecond; None is 0, its default."""
    if seconds is None:
        return 0
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"timeout is a number of seconds, not {seconds!r}")
    if not 0 < seconds <= 86400:
        raise error_of(ErrorCode.PARAMETER, f"timeout is out of range, more than 0 s, up to a day: {seconds!r}")
    return max(1, round(seconds * 1000))
