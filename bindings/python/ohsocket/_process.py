"""What concerns the library as a whole: counters, version, settings."""

import ctypes
import os
from typing import NamedTuple, Union

from ._abi import ErrorCode, socket_stats
from ._arguments import in_range
from ._errors import check, error_of
from ._library import lib


class Stats(NamedTuple):
    """Counters of the library since it was loaded; the first six, those of TLS, and the limit and
    bytes of all send queues, are of the present."""

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
    tls_handshakes: int
    tls_sessions: int
    tls_contexts: int
    total_queue_limit: int
    total_queue_bytes: int
    total_queue_refusals: int


def get_stats() -> Stats:
    """The counters of the library."""
    stats = socket_stats(ctypes.sizeof(socket_stats))
    check(lib.socket_get_stats(ctypes.byref(stats)))
    return Stats(*(getattr(stats, name) for name in Stats._fields))


def version() -> str:
    """The version of the library that is loaded."""
    text: bytes = lib.socket_version()
    return text.decode()


def set_tls_keylog(path: Union[None, str, "os.PathLike[str]"]) -> None:
    """Appends the secrets of later TLS connections of the process to a file, in the format that Wireshark
    reads: for debugging, since who has the file can read the connections. A server that listens already
    is included from its next set_secure_options on. None ends it."""
    if path is None:
        check(lib.socket_tls_set_keylog(None))
        return
    name = os.fsencode(path)
    if not name or b"\0" in name:
        raise error_of(ErrorCode.PARAMETER, f"not a path: {path!r}")
    check(lib.socket_tls_set_keylog(name))


def set_total_queue_limit(size: int) -> None:
    """Bounds what the send queues of all sockets of the process hold together; 0, as at the start, does
    not. The first 64 KiB of each queue are free. Beyond, ``send`` waits for room as it does for a full queue,
    and ``send_nowait`` is a BlockingIOError, after which a drain event follows."""
    check(lib.socket_set_total_queue_limit(in_range(size, 0, 1 << 48, "size")))


def set_compat(on: bool) -> bool:
    """Whether sockets made from now on, in the whole process, answer as OpenHarmony's own where the
    library does better (docs/reference/compat.md); OHSOCKET_COMPAT=1 does so from the start. Returns the previous
    setting."""
    global _compat
    before = bool(check(lib.socket_set_compat(bool(on))))
    _compat = bool(on)
    return before


_compat = os.environ.get("OHSOCKET_COMPAT") == "1"


def is_compat() -> bool:
    """Whether sockets made now are in compatibility mode."""
    return _compat
