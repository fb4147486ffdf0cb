"""Reading a stream by lines, sizes and separators, with the semantics of asyncio.StreamReader."""

from asyncio import IncompleteReadError, LimitOverrunError
from typing import Any, Callable, Optional, Sequence, Tuple, Union

from ._loop import Loop
from ._receiver import ENDED, Receiver
from ._socket import Socket

LIMIT = 64 * 1024
"""Bytes that a line may have, unless its reader says otherwise."""

Separator = Union[bytes, Tuple[bytes, ...]]
Attempt = Callable[[], Optional[bytes]]
"""Takes what a method is to return, or returns None: there is not enough yet. Nothing is lost if it is
never called again."""


class Reader(Socket):
    """What a stream has received, with what a read has looked at and left."""

    def __init__(self, loop: Loop, handle: int = 0) -> None:
        self._buffer = bytearray()  # in front of the inbox
        self._searched = 0  # bytes of the buffer that no separator begins in
        self._read_waits = False  # one of the methods below waits for more
        super().__init__(loop, handle)

    def at_eof(self) -> bool:
        """Whether the peer has ended and everything was read."""
        return not self._buffer and not self._inbox and (self._ended or not self._open) and self._was_open

    # ---- The buffer ----------------------------------------------------------------------------

    def _unread(self) -> None:
        """Puts the buffer back to what has arrived, for listeners."""
        if self._buffer:
            item = self._cut(len(self._buffer))
            self._inbox.appendleft(item)
            self._inbox_size += len(item)

    def _drop_inbox(self) -> None:
        self._buffer.clear()
        super()._drop_inbox()

    def _opened(self) -> None:
        self._buffer.clear()
        super()._opened()

    def _cut(self, size: int) -> bytes:
        """Takes the first bytes of the buffer."""
        buffer = self._buffer
        data = bytes(buffer) if size >= len(buffer) else bytes(memoryview(buffer)[:size])
        del buffer[:size]
        self._searched = 0
        return data

    def _fill(self) -> Any:
        """Adds the next bytes that have arrived to the buffer: true; None if there are none yet, ENDED if
        there will be none."""
        item = Receiver._take(self)
        if item is None or item is ENDED:
            return item
        self._buffer += item
        return True

    # ---- The attempts of the methods -----------------------------------------------------------

    def _attempt_some(self, size: int) -> Attempt:
        """Up to size bytes."""

        def attempt() -> Optional[bytes]:
            if not self._buffer:
                filled = self._fill()
                if filled is None:
                    return None
                if filled is ENDED:
                    return b""
            return self._cut(size)

        return attempt

    def _attempt_rest(self) -> Optional[bytes]:
        """Everything until the end."""
        while True:
            filled = self._fill()
            if filled is None:
                return None
            if filled is ENDED:
                return self._cut(len(self._buffer))

    def _attempt_exactly(self, size: int) -> Attempt:
        """Size bytes."""

        def attempt() -> Optional[bytes]:
            while len(self._buffer) < size:
                filled = self._fill()
                if filled is None:
                    return None
                if filled is ENDED:
                    raise IncompleteReadError(self._cut(len(self._buffer)), size)
            return self._cut(size)

        return attempt

    def _attempt_until(self, separator: Separator, limit: int) -> Attempt:
        """Bytes up to a separator and with it; of several the one that ends first."""
        separators = sorted((separator,) if isinstance(separator, bytes) else separator, key=len)
        if not separators:
            raise ValueError("there is no separator")
        if not separators[0]:
            raise ValueError("a separator has at least one byte")
        self._searched = 0

        def attempt() -> Optional[bytes]:
            while True:
                size = self._find(separators, limit)
                if size:
                    return self._cut(size)
                filled = self._fill()
                if filled is None:
                    return None
                if filled is ENDED:
                    # None: it is not known how many bytes there should have been.
                    raise IncompleteReadError(self._cut(len(self._buffer)), None)

        return attempt

    def _find(self, separators: Sequence[bytes], limit: int) -> int:
        """The size of the buffer's part up to the first separator, 0 if there is none."""
        buffer, found, size = self._buffer, -1, 0
        for separator in separators:
            start = buffer.find(separator, self._searched)
            if start >= 0 and (not size or start + len(separator) < size):
                found, size = start, start + len(separator)
        if found > limit:
            raise LimitOverrunError("Separator is found, but chunk is longer than limit", found)
        if not size:
            self._searched = max(0, len(buffer) + 1 - len(separators[-1]))
            if self._searched > limit:
                raise LimitOverrunError("Separator is not found, and chunk exceed the limit", self._searched)
        return size

    def _overrun_line(self, error: LimitOverrunError) -> ValueError:
        """Drops a line that is too long, or what there is of it."""
        found = self._buffer.startswith(b"\n", error.consumed)
        self._cut(error.consumed + 1 if found else len(self._buffer))
        return ValueError(error.args[0])

    def _quick_line(self, separator: Separator, limit: int) -> Optional[bytes]:
        """The message that has arrived if it is a whole line: what most reads of lines are about."""
        inbox = self._inbox
        if inbox and not self._buffer and type(separator) is bytes and separator:
            item = inbox[0]
            if type(item) is bytes and item.endswith(separator) and not self._throttled:
                start = len(item) - len(separator)
                if item.find(separator) == start <= limit:
                    del inbox[0]
                    self._inbox_size -= len(item)
                    return item
        return None

    def _check_no_read(self, what: str) -> None:
        """Only one read at a time waits for a stream: two would tear what they read to pieces."""
        if self._read_waits:
            raise RuntimeError(f"{what}() called while another read is waiting for incoming data")
