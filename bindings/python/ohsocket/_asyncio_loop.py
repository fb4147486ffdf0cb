"""The loop of the library inside an asyncio loop."""

import asyncio
import contextvars
import weakref
from typing import AsyncGenerator

from ._abi import ErrorCode
from ._errors import error_of
from ._loop import Loop, is_forked
from ._receiver import Receiver

running_loop = asyncio.get_running_loop


class AsyncLoop(Loop):
    """The loop of the sockets of one asyncio loop: its descriptor is one of those asyncio watches."""

    def __init__(self, host: asyncio.AbstractEventLoop) -> None:
        self._watched = False
        super().__init__()
        self.host = host
        # Not in the context of the task that happens to make the first socket.
        try:
            contextvars.Context().run(host.add_reader, self.fd, _Reader(self))
        except BaseException:
            super().close()
            raise
        self._watched = True
        self._sentinel = _until_shutdown(weakref.ref(self))
        try:
            self._sentinel.__anext__().send(None)
        except StopIteration:
            pass  # it has reached its yield

    def check_current(self) -> None:
        try:
            if running_loop() is self.host:
                return
        except RuntimeError:
            pass  # none is running
        raise RuntimeError("ohsocket: the socket belongs to another asyncio loop")

    def _readable(self) -> None:
        try:
            self.drain()
        finally:
            if self.woken:
                # Tasks that this batch has woken run next; what they send leaves together.
                self.woken = False
                self.host.call_soon(self.flush)
            else:
                self.flush()

    def wake(self) -> None:
        self.host.call_soon(self._readable)

    def report(self, error: BaseException, socket: Receiver, what: str) -> None:
        self.host.call_exception_handler(
            {
                "message": f"exception in a {what} listener of {socket!r}",
                "exception": error,
                "socket": socket,
            }
        )

    @property
    def closed(self) -> bool:
        if self.handle and self.host.is_closed():
            self.close()
        return super().closed

    def close(self) -> None:
        if not self._watched:
            return
        self._watched = False  # removing the reader comes back here
        if not self.host.is_closed():
            self.host.remove_reader(self.fd)
        super().close()


class _Reader:
    """What asyncio calls, and lets go of when it closes: the loop ends then, if it has not before."""

    def __init__(self, loop: AsyncLoop) -> None:
        self._loop = loop

    def __call__(self) -> None:
        self._loop._readable()

    def __del__(self) -> None:
        if not is_forked():
            self._loop.close()


async def _until_shutdown(loop: "weakref.ref[AsyncLoop]") -> AsyncGenerator[None, None]:
    """Closes the loop when asyncio finishes its generators, as asyncio.run() does in the end."""
    try:
        yield
    finally:
        closing = loop()
        if closing is not None:
            closing.close()


# By id of the asyncio loop, which lives as long as the entry does.
_loops: "weakref.WeakValueDictionary[int, AsyncLoop]" = weakref.WeakValueDictionary()


def current_loop() -> AsyncLoop:
    """The loop for the asyncio loop that is running."""
    if is_forked():
        raise error_of(ErrorCode.FORKED)
    try:
        host = running_loop()
    except RuntimeError:
        raise RuntimeError(
            "ohsocket: no asyncio loop is running; without asyncio use ohsocket.sync or ohsocket.callback"
        ) from None
    loop = _loops.get(id(host))
    if loop is None or loop.closed:
        loop = _loops[id(host)] = AsyncLoop(host)
    return loop
