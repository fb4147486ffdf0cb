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
        super().__init__()
        self.host = host
        # Not in the context of the task that happens to make the first socket.
        contextvars.Context().run(host.add_reader, self.fd, self._readable)
        self._sentinel = _until_shutdown(weakref.ref(self))
        try:
            self._sentinel.__anext__().send(None)
        except StopIteration:
            pass  # it has reached its yield

    def check_current(self) -> None:
        if running_loop() is not self.host:
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

    def close(self) -> None:
        if self.handle and not self.host.is_closed():
            self.host.remove_reader(self.fd)
        super().close()


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
