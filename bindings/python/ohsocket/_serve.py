"""A task for each client of a server."""

import asyncio
from typing import Callable, Coroutine, Generic, Optional, Set, TypeVar, Union

from ._abi import ErrorCode
from ._asyncio import AsyncServer, TCPSocketConnection, TLSSocketConnection
from ._errors import error_of
from ._receiver import ENDED

C = TypeVar("C", bound=Union[TCPSocketConnection, TLSSocketConnection])


async def serve(
    server: AsyncServer[C],
    handler: Callable[[C], Coroutine[object, object, object]],
    *,
    limit: Optional[int] = None,
    grace: float = 5.0,
    on_error: Optional[Callable[[C, Exception], object]] = None,
) -> None:
    """Runs ``handler(connection)`` as a task for each client of a server that listens, until the server is
    closed or this is cancelled.

    The connection is closed when its handler returns. What a handler raises ends its own client only: it goes
    to ``on_error(connection, error)``, otherwise to the loop's exception handler. With a ``limit`` there are at
    most so many clients; further ones wait until one has gone.

    In the end the server is closed, the handlers have ``grace`` seconds to finish, then they are cancelled and
    their connections reset. No task is left when serve returns. Cancelling it again cancels them at once.
    """
    if limit is not None and limit < 1:
        raise error_of(ErrorCode.PARAMETER, f"limit is the number of clients, at least 1, not {limit!r}")
    if not isinstance(server, AsyncServer):
        raise TypeError(f"serve is for a TCPSocketServer or TLSSocketServer of asyncio, not {server!r}")
    serving = _Serving(server, handler, on_error)
    try:
        await serving.accept(limit)
    finally:
        await serving.stop(grace)


class _Serving(Generic[C]):
    def __init__(
        self,
        server: AsyncServer[C],
        handler: Callable[[C], Coroutine[object, object, object]],
        on_error: Optional[Callable[[C, Exception], object]],
    ) -> None:
        self._server = server
        self._handler = handler
        self._on_error = on_error
        self._tasks: "Set[asyncio.Task[None]]" = set()

    async def accept(self, limit: Optional[int]) -> None:
        server, loop = self._server, asyncio.get_running_loop()
        while True:
            if limit is not None and len(self._tasks) >= limit:
                await self._room(limit)
            connection = await server._receive()
            if connection is ENDED:
                return
            task = loop.create_task(self._run(connection))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def _room(self, limit: int) -> None:
        """Waits until there is room for another client; meanwhile the kernel holds those that come."""
        server = self._server
        server.pause()
        while len(self._tasks) >= limit and server._open and not server._closing:
            await server._change()
        if server._open and not server._closing:
            server.resume()

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._server._notify()

    async def _run(self, connection: C) -> None:
        try:
            async with connection:
                await self._handler(connection)
        except Exception as error:
            self._report(connection, error)

    def _report(self, connection: C, error: Exception) -> None:
        if self._on_error is not None:
            self._on_error(connection, error)
        else:
            what = {"message": f"exception in the handler of {connection!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(what)

    async def stop(self, grace: float) -> None:
        try:
            await self._server.close()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace)
        finally:
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
