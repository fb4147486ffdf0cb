"""Sockets for asyncio: operations are coroutines, events go to listeners or are iterated over."""

import asyncio
import contextvars
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Coroutine, Generic, List, Optional, Type, TypeVar, Union, cast

from ._abi import ErrorCode, Kind
from ._asyncio_loop import AsyncLoop, current_loop, running_loop
from ._errors import SocketError, error_of
from ._kinds import (
    ClientBase,
    ConnectionBase,
    DatagramBase,
    Sender,
    ServerBase,
    StreamBase,
    datagram,
    stream_data,
)
from ._library import fast_send, sizes
from ._loop import Loop
from ._reader import LIMIT, Attempt, Separator
from ._receiver import ENDED, Listener
from ._socket import Socket
from ._tls import TLSClientBase, TLSConnectionBase, TLSServerBase, over, target
from ._types import (
    Address,
    Data,
    SocketMessageInfo,
    TCPConnectOptions,
    TCPSendOptions,
    TLSConnectOptions,
    TLSSecureOptions,
    UDPSendOptions,
)

HIGH_WATER = 64 * 1024
"""Bytes that may be sent to a socket before a send waits until the kernel has taken them."""

_AGAIN = (-ErrorCode.AGAIN, -ErrorCode.SERVER_AGAIN)
S = TypeVar("S", bound="AsyncSocket")
C = TypeVar("C", bound=ConnectionBase)


def _settle(future: "asyncio.Future[None]", socket: "AsyncSocket", error: int) -> None:
    """Ends what awaits an operation; nobody does if it was cancelled."""
    if future.done() or future.get_loop().is_closed():
        return
    socket._loop.woken = True
    if error < 0:
        future.set_exception(socket._detailed_error(error))
    else:
        future.set_result(None)


class AsyncSocket(Socket):
    """What the sockets for asyncio share. ``async with`` closes it at the end and gives it back: it cannot be
    opened again. Left by a CancelledError, KeyboardInterrupt or SystemExit, it aborts."""

    _loop: AsyncLoop

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        self._waiters: List["asyncio.Future[None]"] = []
        self._context = contextvars.copy_context()
        super().__init__(loop or current_loop(), handle)

    def _within(self, function: Listener) -> Listener:
        return partial(self._context.run, function)

    async def __aenter__(self: S) -> S:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            if self._open and error is not None and not isinstance(error, Exception):
                self.abort()  # cancelled or interrupted: nobody is to be waited for
            elif self._open:
                await self.close()
        except SocketError:
            if error is None:
                raise
        finally:
            self._release()

    def _future(self) -> "asyncio.Future[None]":
        self._loop.check_current()
        return self._loop.host.create_future()

    def _notify(self) -> None:
        if self._waiters:
            self._loop.woken = True
            waiters, self._waiters = self._waiters, []
            if self._loop.host.is_closed():
                return
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def _change(self) -> None:
        """Waits until something has happened to the socket."""
        waiter = self._future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def _receive(self, iterating: bool = False) -> Any:
        """The next item; at the end ENDED or, iterating, StopAsyncIteration."""
        self._pull()
        while True:
            item = self._take()
            if item is not None:
                if item is ENDED and iterating:
                    raise StopAsyncIteration
                return item
            # As _change, without a coroutine of its own for every message.
            waiter = self._future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    async def _closed(self) -> None:
        """Waits for the end of a close that is going on, after which the socket can be opened again."""
        while self._closing:
            await self._change()

    async def close(self, wait: bool = True) -> None:
        """Closes the socket: sends what is queued, then waits for the peer's end, at most for the close
        timeout (2 s). One that is not open stays so: `finally` may close a socket whose connect has failed.

        With ``wait=False`` it returns when the kernel has taken what is queued; the wait for the peer goes on
        without the caller, at the latest when the asyncio loop ends. If close is cancelled it goes on. What was
        received and not taken is dropped.
        """
        if not self._open and (self._was_open or not self._compat):
            return
        future, period = self._future(), self._period
        if not wait and not self._closing:
            if self._begin_leave(partial(_settle, future, self)):
                await future
            return
        if self._begin_close(partial(_settle, future, self)):
            await future
        # Others may open the socket again as soon as it is closed.
        while self._open and self._period == period:
            await self._change()


class AsyncSender(AsyncSocket, Sender):
    """One that sends."""

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        self._turn: Optional[asyncio.Lock] = None  # held while a send waits for room in the queue
        super().__init__(loop, handle)

    async def _room(self, begin: Any) -> None:
        """Begins an operation as soon as the send queue has room for it, in the order of the callers."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        self._in_line += 1
        try:
            async with self._turn:
                while not begin():
                    await self._change()
        finally:
            self._in_line -= 1
            if self._refused and not self._in_line and self._open:
                self._refused = False
                self._loop.defer(partial(self._emit, "drain"))


class AsyncOpener(AsyncSender):
    """One that is bound and connected."""

    _bind: Any
    _begin_connect: Any

    async def bind(self, address: Address) -> None:
        """Gives the socket its local address, a numeric one or "localhost"; port 0 is any free one."""
        await self._closed()
        self._bind(address)

    async def _connect(self, to: Any, timeout: Optional[float], secure: Any = None) -> None:
        await self._closed()
        future = self._future()
        self._begin_connect(to, timeout, partial(_settle, future, self), secure)
        try:
            await future
        except asyncio.CancelledError:
            if self._open and not self._closing:
                self.abort()
            raise


class AsyncStream(AsyncSender, StreamBase):
    """A TCP connection for asyncio. Iterating over it gives the bytes that arrive, until the end."""

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        self._unchecked = 0  # bytes sent since a send waited
        super().__init__(loop, handle)

    async def send(self, data: Union[Data, TCPSendOptions], encoding: str = "utf-8") -> None:
        """Sends bytes, or a str in an encoding.

        Returns at once while less than 64 KiB were sent, then every 64 KiB when the kernel has taken
        them: so a slow peer slows the sender down. What send has taken is sent even if it is cancelled
        while it waits; it has not been taken if it waits for a full send queue (16 MiB).
        """
        if type(data) is not bytes:
            data = stream_data(data, encoding)
        size = len(data)
        self._unchecked += size
        if self._unchecked < HIGH_WATER and not self._in_line:
            if running_loop() is not self._loop.host:
                self._loop.check_current()
            result = fast_send(self._argument, data, sizes[size], None, None)
            if result >= 0:
                return
            if result not in _AGAIN:
                raise self._send_error(result)
        self._unchecked = 0
        future = self._future()
        await self._room(partial(self._begin_send, data, partial(_settle, future, self)))
        await future

    async def receive(self) -> bytes:
        """The next bytes that have arrived; b"" at the end. Cancelling it loses nothing.

        From the first call on messages are kept for it, up to 256 KiB; more waits in the kernel. Without
        message listeners the socket stays open for sending after the peer's end, until it is closed.
        """
        item = await self._receive()
        return b"" if item is ENDED else cast(bytes, item)

    def __aiter__(self: S) -> S:
        return self

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        return self._receive(iterating=True)

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes as soon as there are any, b"" at the end; without n everything until the end.

        This and the methods below are those of asyncio.StreamReader. Cancelling them loses nothing, and
        ``receive`` goes on where they have stopped.
        """
        if n == 0:
            return b""
        return await self._read("read", self._attempt_some(n) if n > 0 else self._attempt_rest)

    async def readexactly(self, n: int) -> bytes:
        """Exactly n bytes. asyncio.IncompleteReadError with what there was (``partial``) if the end comes
        first."""
        if n < 0:
            raise ValueError("readexactly size can not be less than zero")
        return await self._read("readexactly", self._attempt_exactly(n)) if n else b""

    async def readuntil(self, separator: Separator = b"\n", limit: int = LIMIT) -> bytes:
        """The bytes up to a separator and with it; of several, in a tuple, the one that ends first.

        asyncio.IncompleteReadError if the end comes first; asyncio.LimitOverrunError if there are more
        than ``limit`` bytes before it, which stay, to be read otherwise.
        """
        self._pull()
        line = self._quick_line(separator, limit)
        if line is not None:
            return line
        return await self._read("readuntil", self._attempt_until(separator, limit))

    async def readline(self, limit: int = LIMIT) -> bytes:
        """The next line with its b"\\n", which the last one may not have; b"" at the end.

        ValueError if it is longer than ``limit``: it, or what has arrived of it, is dropped.
        """
        self._pull()
        line = self._quick_line(b"\n", limit)
        if line is not None:
            return line
        try:
            return await self._read("readline", self._attempt_until(b"\n", limit))
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            raise self._overrun_line(error) from None

    async def _read(self, what: str, attempt: Attempt) -> bytes:
        self._pull()
        self._check_no_read(what)
        self._read_waits = True
        try:
            while True:
                data = attempt()
                if data is not None:
                    return data
                await self._change()
        finally:
            self._read_waits = False

    async def end(self) -> None:
        """Says that no more will be sent; returns when the peer has been told. Receiving goes on."""
        future = self._future()
        self._begin_end(partial(_settle, future, self))
        await future


class AsyncServer(AsyncSocket, ServerBase[C], Generic[C]):
    """A server for asyncio. Iterating over it gives the clients that arrive."""

    async def accept(self) -> C:
        """The next client. Cancelling it loses none."""
        item = await self._receive()
        if item is ENDED:
            raise error_of(ErrorCode.SERVER_BADF, "the server does not listen any more")
        return cast(C, item)

    def __aiter__(self: S) -> S:
        return self

    def __anext__(self) -> Coroutine[Any, Any, C]:
        return self._receive(iterating=True)


class TCPSocket(AsyncStream, AsyncOpener, ClientBase):
    """A TCP client.

    Events: message (SocketMessageInfo), connect, end, drain, error (SocketError), close. Messages go to
    the listeners, or, without one, to ``receive`` and ``async for``.
    """

    def __init__(self) -> None:
        super().__init__()

    async def connect(
        self, address: Union[Address, TCPConnectOptions], *, timeout: Optional[float] = None
    ) -> None:
        """Connects to an address or host name within ``timeout`` seconds (5), look-up included.

        Cancelling it cancels the connect. Errors: ConnectionRefusedError, TimeoutError, ResolveError and
        others, all SocketError.
        """
        await self._connect(address, timeout)


class TCPSocketConnection(AsyncStream, ConnectionBase):
    """A client of a TCPSocketServer; ``client_id`` is its number, beginning with 1.

    Events: message (SocketMessageInfo), end, drain, error (SocketError), close.
    """


class TCPSocketServer(AsyncServer[TCPSocketConnection]):
    """A TCP server.

    Events: connect (TCPSocketConnection), listening, error (SocketError), close. Connections go to the
    connect listeners, or, without one, to ``accept`` and ``async for``.
    """

    _connection: ClassVar[Type[ConnectionBase]] = TCPSocketConnection

    def __init__(self) -> None:
        super().__init__()

    async def listen(self, address: Address, *, backlog: int = 0) -> None:
        """Listens at a numeric address or "localhost"; port 0 is any free one. ``backlog`` 0 is the
        system's maximum."""
        await self._closed()
        self._begin_listen(address, backlog)


class TLSSocket(AsyncStream, AsyncOpener, TLSClientBase):
    """A TLS client, or, of a connected TCPSocket that has nothing unsent, its TLS (STARTTLS).

    Events and methods are those of TCPSocket; ``connect`` includes the handshake.
    """

    def __init__(self, tcp: Optional[TCPSocket] = None) -> None:
        super().__init__(None, over(tcp, TCPSocket))
        self._go_on(tcp)

    async def connect(
        self,
        address: Union[Address, TLSConnectOptions],
        secure_options: Optional[TLSSecureOptions] = None,
        *,
        timeout: Optional[float] = None,
    ) -> None:
        """Connects and makes the handshake, within ``timeout`` seconds (5) together. The certificate of
        the server is verified for the address or name, unless the options say otherwise.

        Errors: as TCPSocket.connect, CertificateError, TLSError.
        """
        await self._connect(*target(address, secure_options, timeout))


class TLSSocketConnection(AsyncStream, TLSConnectionBase):
    """A client of a TLSSocketServer, as TCPSocketConnection."""


class TLSSocketServer(AsyncServer[TLSSocketConnection], TLSServerBase[TLSSocketConnection]):
    """A TLS server, as TCPSocketServer. Clients arrive after their handshake; the error event tells of
    one that failed."""

    _connection: ClassVar[Type[ConnectionBase]] = TLSSocketConnection

    def __init__(self) -> None:
        super().__init__()

    async def listen(
        self,
        address: Union[Address, TLSConnectOptions],
        secure_options: Optional[TLSSecureOptions] = None,
        *,
        backlog: int = 0,
    ) -> None:
        """Listens at a numeric address or "localhost"; the options need a certificate and its key."""
        to, _, secure = target(address, secure_options)
        await self._closed()
        self._begin_listen(to, backlog, secure)


class UDPSocket(AsyncOpener, DatagramBase):
    """A UDP socket.

    Events: message (SocketMessageInfo), listening, connect, drain, error (SocketError), close. Datagrams
    go to the message listeners, or, without one, to ``receive`` and ``async for``.
    """

    def __init__(self) -> None:
        super().__init__()

    async def connect(
        self, address: Union[Address, TCPConnectOptions], *, timeout: Optional[float] = None
    ) -> None:
        """Gives the socket its one peer, by address or host name."""
        await self._connect(address, timeout)

    async def add_membership(
        self,
        address: Address,
        *,
        interface: Union[str, int, None] = None,
        source: Optional[str] = None,
    ) -> None:
        """Joins a multicast group: from then on what is sent to it, and to this socket's port, is received.
        ``interface`` is a name or index, ``source`` the only address to hear."""
        await self._closed()
        self._add_membership(address, interface, source)

    async def send(
        self,
        data: Union[Data, UDPSendOptions],
        address: Optional[Address] = None,
        encoding: str = "utf-8",
    ) -> None:
        """Sends one datagram, to the connected peer if there is no address; returns when the kernel has
        taken it, raises if it does not."""
        payload, to = datagram(data, address, encoding)
        future = self._future()
        await self._room(partial(self._send_to, payload, to, partial(_settle, future, self)))
        await future

    async def receive(self) -> SocketMessageInfo:
        """The next datagram with its sender: ``message, remote_info``. Cancelling it loses nothing."""
        item = await self._receive()
        if item is ENDED:
            raise error_of(ErrorCode.BADF, "the socket is closed")
        return cast(SocketMessageInfo, item)

    def __aiter__(self: S) -> S:
        return self

    def __anext__(self) -> Coroutine[Any, Any, SocketMessageInfo]:
        return self._receive(iterating=True)


class MulticastSocket(UDPSocket):
    """A UDP socket for multicast groups: ``add_membership`` opens it, no bind is needed, and several
    sockets and processes may have one port."""

    _kind: ClassVar[int] = Kind.MULTICAST
