"""A loop of the library in record mode, and what is done with its records."""

import ctypes
import os
import select
import struct
import time
import warnings
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Iterator, Optional, Set

from ._abi import EVENT_FORMAT, EVENT_SIZE, Event, Loop as Mode
from ._errors import check
from ._library import RecordArray, fast_flush, fast_poll, handle_argument, lib, memory
from ._types import SocketMessageInfo

if TYPE_CHECKING:
    from ._receiver import Receiver
    from ._socket import Socket

Done = Callable[[int], None]

CAPACITY = 512  # records of one batch
LINGER = 2.0  # seconds for the peers of sockets that were closed without waiting, at the end of a loop
_MESSAGE = int(Event.MESSAGE)
_COMPLETION = int(Event.COMPLETION)
_CLOSE = int(Event.CLOSE)
_NOT_AT_ALL: Any = ctypes.c_int.from_param(0)
_unpack = struct.Struct(EVENT_FORMAT).iter_unpack

_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


def is_forked() -> bool:
    """Whether this is a child that was forked after ohsocket was imported: nothing of it works here."""
    return _forked


class Loop:
    """The sockets of one thread or asyncio loop, driven by the subclass."""

    def __init__(self) -> None:
        self.handle = check(lib.socket_loop_create(Mode.RECORDS))
        self.fd: int = check(lib.socket_loop_fd(self.handle))
        self._argument = handle_argument(self.handle)
        self._array = RecordArray(CAPACITY)
        self._rest: Optional[Iterator[Any]] = None  # of a batch that a BaseException interrupted
        # Sockets with listeners stay alive while they are open, others only as long as somebody has them.
        self.active: Dict[int, "Receiver"] = {}
        self.opened: Set[int] = set()
        self.lingering: Set[int] = set()  # closing, with nobody who waits for it
        self.known: Dict[int, "weakref.ref[Socket]"] = {}
        self.pending: Dict[int, Done] = {}
        self._token = 0
        self.deferred: Deque[Callable[[], None]] = deque()
        self.dispatching = False
        self.woken = False  # a future was resolved: a task may send before the next batch

    # ---- What a subclass provides --------------------------------------------------------------

    def check_current(self) -> None:
        """Raises RuntimeError if the caller does not run on this loop."""
        raise NotImplementedError

    def report(self, error: BaseException, socket: "Receiver", what: str) -> None:
        """An exception that a listener has raised."""
        raise NotImplementedError

    def wake(self) -> None:
        """Has drain called soon, for the sake of deferred calls."""
        raise NotImplementedError

    # ---- Sockets and completions ---------------------------------------------------------------

    def find(self, handle: int) -> Optional["Socket"]:
        reference = self.known.get(handle)
        return reference() if reference is not None else None

    def expect(self, done: Done) -> ctypes.c_void_p:
        """The user_data with which an operation calls done(error), error being 0 or negative."""
        self._token += 1
        self.pending[self._token] = done
        return ctypes.c_void_p(self._token)

    def forget(self, user_data: ctypes.c_void_p) -> None:
        """The operation was refused: its completion does not come."""
        del self.pending[user_data.value or 0]

    def defer(self, call: Callable[[], None]) -> None:
        self.deferred.append(call)
        self.wake()

    # ---- Records -------------------------------------------------------------------------------

    def drain(self) -> None:
        """Handles the events there are, up to one batch, without waiting."""
        if self.dispatching:
            raise RuntimeError("ohsocket: a loop cannot be run inside one of its own listeners")
        self.dispatching = True
        try:
            while self.deferred:
                self.deferred.popleft()()
            records = self._rest
            if records is None:
                count = fast_poll(self._argument, self._array.pointer, self._array.capacity, _NOT_AT_ALL)
                if count <= 0:
                    check(count)
                    return
                records = self._rest = _unpack(self._array.view[: count * EVENT_SIZE])
            self._dispatch(records)
            self._rest = None
        finally:
            self.dispatching = False
            if self._rest is not None:
                self.wake()

    def _dispatch(self, records: Iterator[Any]) -> None:
        # This is the path of every message: locals, one dictionary, no objects but the message.
        active, copy, new, info = self.active, memory, tuple.__new__, SocketMessageInfo
        for (
            kind,
            _,
            handle,
            token,
            error,
            data,
            size,
            connection,
            host,
            port,
            family,
        ) in records:
            if kind == _MESSAGE:
                socket = active.get(handle)
                if socket is None:
                    socket = self.find(handle)
                    if socket is None:
                        continue  # released by an earlier record
                listener = socket._only_listener
                if listener is None:
                    socket._on_message(copy[data : data + size], size, host, port, family)
                    continue
                remote = socket._remote
                if remote[3] != size:
                    remote = socket._remote_info(size, host, port, family)
                try:
                    listener(new(info, (copy[data : data + size], remote)))
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as failure:
                    self.report(failure, socket, "message")
            elif kind == _COMPLETION:
                done = self.pending.pop(token, None)
                if done is not None:
                    done(error)
            else:
                socket = active.get(handle) or self.find(handle)
                if socket is not None:
                    socket._on_event(kind, error, connection, host, port, family)
                elif connection:
                    lib.socket_release(connection)  # a client of a server that is gone

    def flush(self) -> None:
        fast_flush(self._argument)

    def drain_and_flush(self) -> None:
        try:
            self.drain()
        finally:
            self.flush()

    # ---- The end -------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.handle == 0

    def close(self) -> None:
        """Aborts and releases the sockets that are left, with a ResourceWarning for each open one."""
        if self.handle == 0:
            return
        if self.lingering and not _forked:
            self._linger()
        handle, self.handle = self.handle, 0
        for reference in list(self.known.values()):
            socket = reference()
            if socket is not None:
                socket._loop_closed()
        self.active.clear()
        self.known.clear()
        if not _forked:
            lib.socket_loop_close(handle)
            lib.socket_loop_close(handle)  # drops the records
        pending, self.pending = self.pending, {}
        for done in pending.values():
            done(-2301125)

    def _linger(self) -> None:
        """Waits for the peers of sockets that were closed without waiting, 2 s at most: the end of the loop
        resets what is open, and a reset may take from a peer what it has not read yet."""
        deadline = time.monotonic() + LINGER
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while self.lingering:
            count = fast_poll(self._argument, self._array.pointer, self._array.capacity, _NOT_AT_ALL)
            for record in _unpack(self._array.view[: max(0, count) * EVENT_SIZE]):
                if record[0] == _CLOSE:
                    self.lingering.discard(record[2])
            self.flush()
            left = deadline - time.monotonic()
            if left <= 0 or count < 0:
                return
            if not count:
                poll.poll(left * 1000 + 1)

    def __del__(self) -> None:
        if getattr(self, "handle", 0) and not _forked:
            self.close()


def warn_unclosed(socket: "Socket") -> None:
    warnings.warn(f"unclosed {socket!r}", ResourceWarning, source=socket, stacklevel=3)
