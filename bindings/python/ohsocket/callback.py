"""Sockets whose operations return at once and tell a callback how they went.

``run()`` calls the listeners and callbacks of the sockets of its thread until none is open. A callback is
given None, or the SocketError; without a callback a failed connect, end or close goes to
sys.unraisablehook, as does what a listener raises.
"""

from typing import Callable, ClassVar, Optional, Type, Union

from ._abi import ErrorCode, Kind
from ._errors import SocketError
from ._kinds import (
    ClientBase,
    ConnectionBase,
    DatagramBase,
    Opener,
    ServerBase,
    StreamBase,
    datagram,
    stream_data,
)
from ._loop import Done, Loop
from ._socket import Socket
from ._thread import ThreadLoop, thread_loop
from ._tls import TLSClientBase, TLSConnectionBase, TLSServerBase, over, target
from ._types import (
    Address,
    Data,
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
    "run",
]

Callback = Callable[[Optional[SocketError]], object]


def run() -> None:
    """Handles the events of this thread's sockets until none of them is open. Ctrl-C ends it at once."""
    loop = thread_loop()
    loop.wait(lambda: not (loop.opened or loop.pending or loop.deferred))


class CallbackSocket(Socket):
    """What the sockets with callbacks share."""

    _loop: ThreadLoop

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        super().__init__(loop or thread_loop(), handle)

    def _done(self, callback: Optional[Callback], what: str) -> Done:
        if callback is not None and not callable(callback):
            raise TypeError(f"a callback is a function, not {callback!r}")

        def done(code: int) -> None:
            error = self._detailed_error(code) if code < 0 else None
            try:
                if callback is not None:
                    callback(error)
                elif error is not None:
                    raise error
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as failure:
                self._loop.report(failure, self, what)

        return done

    def close(self, callback: Optional[Callback] = None) -> None:
        """Closes the socket: what is queued is sent, then the close event comes, then the callback.

        Closing a socket that is closed already calls the callback too; one never opened is SocketError
        2300999.
        """
        done = self._done(callback, "close")
        if (self._was_open and not self._open) or not self._begin_close(done):
            self._loop.defer(lambda: done(0))


class CallbackOpener(CallbackSocket, Opener):
    """One that is bound and connected."""

    def bind(self, address: Address) -> None:
        """Gives the socket its local address, a numeric one or "localhost"; port 0 is any free one."""
        self._bind(address)

    def connect(
        self,
        address: Union[Address, TCPConnectOptions],
        callback: Optional[Callback] = None,
        *,
        timeout: Optional[float] = None,
    ) -> None:
        """Connects to an address or host name within ``timeout`` seconds (5), look-up included. A UDP
        socket gets its one peer."""
        self._begin_connect(address, timeout, self._done(callback, "connect"))


class CallbackStream(CallbackSocket, StreamBase):
    """A TCP connection."""

    _by_hand = False  # there is no receive

    def send(
        self,
        data: Union[Data, TCPSendOptions],
        callback: Optional[Callback] = None,
        encoding: str = "utf-8",
    ) -> None:
        """Sends bytes, or a str in an encoding; the callback says when the kernel has taken them.

        BlockingIOError if the send queue is full: nothing was taken, and the drain event tells when to
        go on.
        """
        payload = stream_data(data, encoding)
        if callback is None:
            self.send_nowait(payload)
        elif not self._begin_send(payload, self._done(callback, "send")):
            raise self._error(-ErrorCode.AGAIN)

    def end(self, callback: Optional[Callback] = None) -> None:
        """Says that no more will be sent. Receiving goes on."""
        self._begin_end(self._done(callback, "end"))


class TCPSocket(CallbackStream, CallbackOpener, ClientBase):
    """A TCP client. Its events are those of ohsocket.TCPSocket."""

    def __init__(self) -> None:
        super().__init__()


class TCPSocketConnection(CallbackStream, ConnectionBase):
    """A client of a TCPSocketServer; ``client_id`` is its number, beginning with 1."""


class TCPSocketServer(CallbackSocket, ServerBase[TCPSocketConnection]):
    """A TCP server."""

    _connection: ClassVar[Type[ConnectionBase]] = TCPSocketConnection

    def __init__(self) -> None:
        super().__init__()

    def listen(self, address: Address, *, backlog: int = 0) -> None:
        """Listens at a numeric address or "localhost"; port 0 is any free one. ``backlog`` 0 is the
        system's maximum."""
        self._begin_listen(address, backlog)


class TLSSocket(CallbackStream, CallbackSocket, TLSClientBase):
    """A TLS client, as ohsocket.TLSSocket."""

    def __init__(self, tcp: Optional[TCPSocket] = None) -> None:
        super().__init__(None, over(tcp, TCPSocket))
        self._go_on(tcp)

    def bind(self, address: Address) -> None:
        """Gives the socket its local address, a numeric one or "localhost"; port 0 is any free one."""
        self._bind(address)

    def connect(
        self,
        address: Union[Address, TLSConnectOptions],
        secure_options: Optional[TLSSecureOptions] = None,
        callback: Optional[Callback] = None,
        *,
        timeout: Optional[float] = None,
    ) -> None:
        """Connects and makes the handshake, within ``timeout`` seconds (5) together. The certificate of
        the server is verified for the address or name, unless the options say otherwise."""
        to, timeout, secure = target(address, secure_options, timeout)
        self._begin_connect(to, timeout, self._done(callback, "connect"), secure)


class TLSSocketConnection(CallbackStream, TLSConnectionBase):
    """A client of a TLSSocketServer."""


class TLSSocketServer(CallbackSocket, TLSServerBase[TLSSocketConnection]):
    """A TLS server."""

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
        self._begin_listen(to, backlog, secure)


class UDPSocket(CallbackOpener, DatagramBase):
    """A UDP socket."""

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
        self._add_membership(address, interface, source)

    def send(
        self,
        data: Union[Data, UDPSendOptions],
        address: Optional[Address] = None,
        callback: Optional[Callback] = None,
        encoding: str = "utf-8",
    ) -> None:
        """Sends one datagram, to the connected peer if there is no address; the callback says whether the
        kernel has taken it. BlockingIOError if the send queue is full."""
        payload, to = datagram(data, address, encoding)
        done = self._done(callback, "send") if callback is not None else None
        if not self._send_to(payload, to, done):
            raise self._error(-ErrorCode.AGAIN)


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
