"""Sockets whose methods wait, for programs without asyncio.

Timeouts are in seconds; None is no limit, for connect the default of 5 s. Ctrl-C ends every wait. A
socket belongs to the thread that made it, and works while that thread is in a method that waits: its
listeners are called there.
"""

import asyncio
from types import TracebackType
from typing import Any, Callable, ClassVar, Generic, Iterator, List, Optional, Type, TypeVar, Union, cast

from ._abi import ErrorCode, Kind
from ._errors import SocketError, error_of
from ._kinds import (
    ClientBase,
    ConnectionBase,
    DatagramBase,
    ServerBase,
    StreamBase,
    datagram,
    stream_data,
)
from ._library import fast_send, sizes
from ._loop import Done, Loop
from ._reader import LIMIT, Attempt, Separator
from ._receiver import ENDED
from ._socket import Socket
from ._thread import ThreadLoop, thread_loop
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

__all__ = [
    "MulticastSocket",
    "TCPSocket",
    "TCPSocketConnection",
    "TCPSocketServer",
    "TLSSocket",
    "TLSSocketConnection",
    "TLSSocketServer",
    "UDPSocket",
    "construct_multicast_socket_instance",
    "construct_tcp_socket_instance",
    "construct_tcp_socket_server_instance",
    "construct_tls_socket_instance",
    "construct_tls_socket_server_instance",
    "construct_udp_socket_instance",
]

S = TypeVar("S", bound="SyncSocket")
C = TypeVar("C", bound=ConnectionBase)


def _in_time(in_time: bool, what: str) -> None:
    if not in_time:
        raise error_of(ErrorCode.TIMEDOUT, f"{what}: timed out")


class SyncSocket(Socket):
    """What the sockets whose methods wait share. ``with`` closes it at the end and gives it back: it cannot
    be opened again. Left by a KeyboardInterrupt or SystemExit, it aborts."""

    _loop: ThreadLoop

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        super().__init__(loop or thread_loop(), handle)

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            if self._open and error is not None and not isinstance(error, Exception):
                self.abort()  # interrupted: nobody is to be waited for
                if not self._loop.dispatching:
                    self._loop.wait(lambda: not self._open, 0)  # so that it happens now
            elif self._open:
                self.close()
        except SocketError:
            if error is None:
                raise
        finally:
            self._release()

    def _complete(self, begin: Callable[[Done], object]) -> None:
        """Begins an operation and waits for its completion."""
        self._loop.check_waiting()
        result: List[int] = []
        if begin(result.append) is not False:
            self._result(result)

    def _result(self, result: List[int], timeout: Optional[float] = None, what: str = "") -> None:
        """Waits until a completion has put its error, or 0, into the list."""
        _in_time(self._loop.wait(lambda: result, timeout), what)
        if result[0] < 0:
            raise self._detailed_error(result[0])

    def _receive(self, timeout: Optional[float], what: str) -> Any:
        self._loop.check_waiting()
        self._pull()
        item = self._take()
        if item is None:
            found: List[Any] = []

            def ready() -> bool:
                taken = self._take()
                if taken is not None:
                    found.append(taken)
                return bool(found)

            _in_time(self._loop.wait(ready, timeout), what)
            item = found[0]
        return item

    def _items(self, what: str) -> Iterator[Any]:
        while True:
            item = self._receive(None, what)
            if item is ENDED:
                return
            yield item

    def _closed(self) -> None:
        self._loop.wait(lambda: not self._closing)

    def close(self, wait: bool = True) -> None:
        """Closes the socket: sends what is queued, then waits for the peer's end, at most for the close
        timeout (2 s). One that is not open stays so: `finally` may close a socket whose connect has failed.

        With ``wait=False`` it returns when the kernel has taken what is queued; the peer is waited for while
        other methods wait, and when the thread ends. What was received and not taken is dropped.
        """
        if not self._open and (self._was_open or not self._compat):
            return
        if not wait and not self._closing:
            self._complete(self._begin_leave)
            return
        period = self._period
        self._complete(self._begin_close)
        self._loop.wait(lambda: not self._open or self._period != period)


class SyncOpener(SyncSocket):
    """One that is bound and connected."""

    _bind: Any
    _begin_connect: Any

    def bind(self, address: Address) -> None:
        """Gives the socket its local address, a numeric one or "localhost"; port 0 is any free one."""
        self._closed()
        self._bind(address)

    def connect(
        self, address: Union[Address, TCPConnectOptions], *, timeout: Optional[float] = None
    ) -> None:
        """Connects to an address or host name within ``timeout`` seconds (5), look-up included. A UDP
        socket gets its one peer."""
        self._connect(address, timeout)

    def _connect(self, to: Any, timeout: Optional[float], secure: Any = None) -> None:
        self._closed()
        try:
            self._complete(lambda done: self._begin_connect(to, timeout, done, secure))
        except KeyboardInterrupt:
            if self._open and not self._closing:
                self.abort()
            raise


class SyncStream(SyncSocket, StreamBase):
    """A TCP connection. Iterating over it gives the bytes that arrive, until the end."""

    def send(
        self,
        data: Union[Data, TCPSendOptions],
        encoding: str = "utf-8",
        *,
        timeout: Optional[float] = None,
    ) -> None:
        """Sends bytes, or a str in an encoding, and waits until the kernel has taken them all.

        After a TimeoutError they are still queued, and are sent while other methods wait.
        """
        self._loop.check_waiting()
        result: List[int] = []
        if not self._begin_send(stream_data(data, encoding), result.append):
            raise self._error(-ErrorCode.AGAIN)
        if not self._is_sent():
            self._result(result, timeout, "send")

    def _is_sent(self) -> bool:
        """Whether the kernel has taken everything already. The queue of a connection that has failed is
        empty too; an empty send tells (of TLS it never does: its loop has to encrypt)."""
        return (
            self.get_send_queue_length() == 0
            and fast_send(self._argument, b"", sizes[0], None, None) >= 0
        )

    def receive(self, timeout: Optional[float] = None) -> bytes:
        """The next bytes that have arrived; b"" at the end.

        Without message listeners the socket stays open for sending after the peer's end, until it is closed.
        """
        item = self._receive(timeout, "receive")
        return b"" if item is ENDED else cast(bytes, item)

    def __iter__(self) -> Iterator[bytes]:
        return self._items("receive")

    def read(self, n: int = -1, *, timeout: Optional[float] = None) -> bytes:
        """Up to n bytes as soon as there are any, b"" at the end; without n everything until the end.

        After a TimeoutError of this or of a method below nothing is lost: what has arrived stays, for the
        next read.
        """
        if n == 0:
            return b""
        return self._read("read", self._attempt_some(n) if n > 0 else self._attempt_rest, timeout)

    def readexactly(self, n: int, *, timeout: Optional[float] = None) -> bytes:
        """Exactly n bytes. asyncio.IncompleteReadError with what there was (``partial``) if the end comes
        first."""
        if n < 0:
            raise ValueError("readexactly size can not be less than zero")
        return self._read("readexactly", self._attempt_exactly(n), timeout) if n else b""

    def readuntil(
        self, separator: Separator = b"\n", limit: int = LIMIT, *, timeout: Optional[float] = None
    ) -> bytes:
        """The bytes up to a separator and with it; of several, in a tuple, the one that ends first.

        asyncio.IncompleteReadError if the end comes first; asyncio.LimitOverrunError if there are more
        than ``limit`` bytes before it, which stay, to be read otherwise.
        """
        return self._read("readuntil", self._attempt_until(separator, limit), timeout)

    def readline(self, limit: int = LIMIT, *, timeout: Optional[float] = None) -> bytes:
        """The next line with its b"\\n", which the last one may not have; b"" at the end.

        ValueError if it is longer than ``limit``: it, or what has arrived of it, is dropped.
        """
        try:
            return self._read("readline", self._attempt_until(b"\n", limit), timeout)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            raise self._overrun_line(error) from None

    def _read(self, what: str, attempt: Attempt, timeout: Optional[float]) -> bytes:
        self._loop.check_waiting()
        self._pull()
        data: List[bytes] = []

        def ready() -> bool:
            read = attempt()
            if read is not None:
                data.append(read)
            return read is not None

        _in_time(self._loop.wait(ready, timeout), what)
        return data[0]

    def end(self) -> None:
        """Says that no more will be sent; returns when the peer has been told. Receiving goes on."""
        self._complete(self._begin_end)


class SyncServer(SyncSocket, ServerBase[C], Generic[C]):
    """A server. Iterating over it gives the clients that arrive."""

    def accept(self, timeout: Optional[float] = None) -> C:
        """The next client."""
        item = self._receive(timeout, "accept")
        if item is ENDED:
            raise error_of(ErrorCode.SERVER_BADF, "the server does not listen any more")
        return cast(C, item)

    def __iter__(self) -> Iterator[C]:
        return self._items("accept")


class TCPSocket(SyncStream, SyncOpener, ClientBase):
    """A TCP client. Its events are those of ohsocket.TCPSocket."""

    def __init__(self) -> None:
        super().__init__()


class TCPSocketConnection(SyncStream, ConnectionBase):
    """A client of a TCPSocketServer; ``client_id`` is its number, beginning with 1."""


class TCPSocketServer(SyncServer[TCPSocketConnection]):
    """A TCP server. Iterating over it gives its connections."""

    _connection: ClassVar[Type[ConnectionBase]] = TCPSocketConnection

    def __init__(self) -> None:
        super().__init__()

    def listen(self, address: Address, *, backlog: int = 0) -> None:
        """Listens at a numeric address or "localhost"; port 0 is any free one. ``backlog`` 0 is the
        system's maximum."""
        self._closed()
        self._begin_listen(address, backlog)


class TLSSocket(SyncStream, SyncOpener, TLSClientBase):
    """A TLS client, as ohsocket.TLSSocket."""

    def __init__(self, tcp: Optional[TCPSocket] = None) -> None:
        super().__init__(None, over(tcp, TCPSocket))
        self._go_on(tcp)

    def connect(
        self,
        address: Union[Address, TLSConnectOptions, TCPConnectOptions],
        secure_options: Optional[TLSSecureOptions] = None,
        *,
        timeout: Optional[float] = None,
    ) -> None:
        """Connects and makes the handshake, within ``timeout`` seconds (5) together. The certificate of
        the server is verified for the address or name, unless the options say otherwise."""
        to, timeout, secure = target(address, secure_options, timeout)
        self._connect(to, timeout, secure)


class TLSSocketConnection(SyncStream, TLSConnectionBase):
    """A client of a TLSSocketServer."""


class TLSSocketServer(SyncServer[TLSSocketConnection], TLSServerBase[TLSSocketConnection]):
    """A TLS server. Iterating over it gives its connections, after their handshakes."""

    _connection: ClassVar[Type[ConnectionBase]] = TLSSocketConnection

    def __init__(self) -> None:
        super().__init__()

    def listen(
        self,
        address: Union[Address, TLSConnectOptions],
        secure_options: Optional[TLSSecureOptions] = None,
        *,
        backlog: int = 0,
    ) -> None:
        """Listens at a numeric address or "localhost"; the options need a certificate and its key."""
        to, _, secure = target(address, secure_options)
        self._closed()
        self._begin_listen(to, backlog, secure)


class UDPSocket(SyncOpener, DatagramBase):
    """A UDP socket. Iterating over it gives datagrams with their senders."""

    def __init__(self) -> None:
        super().__init__()

    def add_membership(
        self,
        address: Address,
        *,
        interface: Union[str, int, None] = None,
        source: Optional[str] = None,
    ) -> None:
        """Joins a multicast group: from then on what is sent to it, and to this socket's port, is received.
        ``interface`` is a name or index, ``source`` the only address to hear."""
        self._closed()
        self._add_membership(address, interface, source)

    def send(
        self,
        data: Union[Data, UDPSendOptions],
        address: Optional[Address] = None,
        encoding: str = "utf-8",
    ) -> None:
        """Sends one datagram, to the connected peer if there is no address; raises if the kernel does
        not take it."""
        payload, to = datagram(data, address, encoding)

        def begin(done: Done) -> None:
            if not self._send_to(payload, to, done):
                raise self._error(-ErrorCode.AGAIN)

        self._complete(begin)

    def receive(self, timeout: Optional[float] = None) -> SocketMessageInfo:
        """The next datagram with its sender: ``message, remote_info``."""
        item = self._receive(timeout, "receive")
        if item is ENDED:
            raise error_of(ErrorCode.BADF, "the socket is closed")
        return cast(SocketMessageInfo, item)

    def __iter__(self) -> Iterator[SocketMessageInfo]:
        return self._items("receive")


class MulticastSocket(UDPSocket):
    """A UDP socket for multicast groups: ``add_membership`` opens it, no bind is needed, and several
    sockets and processes may have one port."""

    _kind: ClassVar[int] = Kind.MULTICAST


construct_tcp_socket_instance = TCPSocket
construct_tcp_socket_server_instance = TCPSocketServer
construct_udp_socket_instance = UDPSocket
construct_multicast_socket_instance = MulticastSocket
construct_tls_socket_instance = TLSSocket
construct_tls_socket_server_instance = TLSSocketServer
