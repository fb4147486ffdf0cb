"""The loop of a thread without asyncio."""

import select
import threading
import time
from typing import Callable, Optional

from ._loop import Loop, is_forked
from ._receiver import Receiver


class ThreadLoop(Loop):
    """The loop of the sockets of one thread, run by the methods that wait."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._poll = select.poll()
        self._poll.register(self.fd, select.POLLIN)

    def check_current(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("ohsocket: the socket belongs to another thread")

    def check_waiting(self) -> None:
        """Raises RuntimeError if the caller may not wait: before what it waits for has begun."""
        self.check_current()
        if self.dispatching:
            raise RuntimeError(
                "ohsocket: a listener cannot wait; use ohsocket.callback, or wait outside of it"
            )

    def wake(self) -> None:
        pass  # wait() looks itself

    def report(self, error: BaseException, socket: Receiver, what: str) -> None:
        _Unraisable(error)

    def wait(self, ready: Callable[[], object], timeout: Optional[float] = None) -> bool:
        """Handles events until ready() is true, or false is returned after so many seconds.

        The wait is Python's own, so signal handlers run and Ctrl-C ends it.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not ready():
            self.check_waiting()
            self.drain_and_flush()
            if ready():
                break
            if self.deferred or self._rest is not None:
                continue
            left = None
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                left = left * 1000 + 1
            self._poll.poll(left)
        return True


class _Unraisable:
    """Hands an exception to sys.unraisablehook, whose argument Python code cannot make."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error

    __del__.__qualname__ = "a listener of ohsocket"


class _ThreadEnd:
    """Ends the loop of a thread with the thread, whose locals go then."""

    def __init__(self, loop: ThreadLoop) -> None:
        self.loop = loop

    def __del__(self) -> None:
        if not is_forked():
            self.loop.close()


_local = threading.local()


def thread_loop() -> ThreadLoop:
    """The loop of this thread."""
    end: Optional[_ThreadEnd] = getattr(_local, "end", None)
    if end is None or end.loop.closed:
        end = _local.end = _ThreadEnd(ThreadLoop())
    return end.loop
