"""Counters and version of the library."""

import ctypes
from typing import NamedTuple

from ._abi import socket_stats
from ._errors import check
from ._library import lib


class Stats(NamedTuple):
    """Counters of the library since it was loaded; the first six are of the present."""

    sockets: int
    loops: int
    queued_bytes: int
    buffer_bytes: int
    go_heap_bytes: int
    goroutines: int
    bytes_received: int
    bytes_sent: int
    messages_received: int
    messages_sent: int
    connections_accepted: int
    loop_iterations: int
    internal_errors: int


def get_stats() -> Stats:
    """The counters of the library."""
    stats = socket_stats(ctypes.sizeof(socket_stats))
    check(lib.socket_get_stats(ctypes.byref(stats)))
    return Stats(*(getattr(stats, name) for name in Stats._fields))


def version() -> str:
    """The version of the library that is loaded."""
    text: bytes = lib.socket_version()
    return text.decode()
