"""The kinds of sockets: what is theirs whatever the style of the methods."""

import ctypes
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Generic,
    Literal,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from ._abi import (
    ErrorCode,
    Event,
    Kind,
    Option,
    socket_address,
    socket_connect_options,
    socket_listen_options,
    socket_tls_options,
)
from ._arguments import c_address, c_group, in_range, interface_index, milliseconds
from ._errors import SocketError, error_of
from ._handle import NOT_OPEN
from ._library import RECORD, fast_send, fast_send_to, lib, sizes
from ._loop import Done, Loop
from ._reader import Reader
from ._receiver import NOBODY, Listener, mask, remote_info
from ._socket import Socket
from ._types import (
    Address,
    Data,
    SocketMessageInfo,
    SocketRemoteInfo,
    TCPConnectOptions,
    TCPExtraOptions,
    TCPExtraOptionsArguments,
    TCPSendOptions,
    TLSConnectOptions,
    UDPExtraOptions,
    UDPExtraOptionsArguments,
    UDPSendOptions,
    encode,
    net_address,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

_AGAIN = (-ErrorCode.AGAIN, -ErrorCode.SERVER_AGAIN)


def _ignore(error: int) -> None:
    """An operation whose outcome is told otherwise."""


class Sender(Socket):
    """A socket that can send."""

    _in_line = 0  # sends that wait for their turn or for room, in asyncio
    _refused = False  # somebody who did not wait was sent away because of them

    def _stay_behind(self) -> None:
        """Nobody overtakes a send that waits for room. May be called from any thread."""
        self._refused = True
        if self._in_line:  # still: a drain event will follow
            raise self._error(-ErrorCode.AGAIN)

    def _begun(self, result: int, user_data: ctypes.c_void_p) -> bool:
        """Whether a send or end has begun: False if the send queue is full."""
        if result >= 0:
            return True
        self._loop.forget(user_data)
        if result in _AGAIN:
            return False
        if result in (-ErrorCode.PARAMETER, -ErrorCode.NODEV):
            self._check_address(result)
        raise self._send_error(result)

    def get_send_queue_length(self) -> int:
        """Bytes that wait to be sent because the kernel has not taken them yet."""
        return self._check(lib.socket_get_send_queue_length(self._handle))

    def flush(self) -> None:
        """Writes now what has been sent since the loop last looked for events."""
        self._check(lib.socket_flush(self._handle))


class Opener(Sender):
    """A socket that can be bound and connected."""

    def _bind(self, address: Address) -> None:
        self._loop.check_current()
        self._check_address(lib.socket_bind(self._handle, ctypes.byref(c_address(address))))
        self._bound = True
        self._opened()

    def _begin_connect(
        self,
        to: Union[Address, TCPConnectOptions, TLSConnectOptions],
        timeout: Optional[float],
        done: Done,
        secure: Optional[socket_tls_options] = None,
    ) -> None:
        self._loop.check_current()
        timeout_ms = milliseconds(timeout)
        if isinstance(to, (TCPConnectOptions, TLSConnectOptions)):
            timeout_ms = timeout_ms or in_range(to.timeout, 0, 86400000, "timeout")
            to = to.address
        if net_address(to).port == 0:
            raise error_of(ErrorCode.PARAMETER, f"nobody listens on port 0: {to!r}")
        options = socket_connect_options(
            ctypes.sizeof(socket_connect_options), timeout_ms, c_address(to)
        )
        if secure is not None:
            options.tls = ctypes.pointer(secure)
        before = self._was_open

        def completed(error: int) -> None:
            # A connect that fails leaves a bound socket bound and another one as it was; if it was
            # closed meanwhile the close event comes.
            if error < 0 and not self._bound and not self._closing:
                self._set_open(False)
                self._was_open = before
                self._update()
            done(error)

        user_data = self._loop.expect(completed)
        result = lib.socket_connect(self._handle, ctypes.byref(options), RECORD, user_data)
        if result < 0:
            self._loop.forget(user_data)
            self._check_address(result)
        if not self._open:
            self._opened()


class StreamBase(Reader, Sender):
    """A TCP connection, or what becomes one."""

    _gone: ClassVar[int] = -ErrorCode.SHUTDOWN
    _by_hand: ClassVar[bool] = True  # without message listeners it is received from by hand

    def __init__(self, loop: Loop, handle: int = 0) -> None:
        self._half_open = False  # as it was set here
        self._half_open_chosen = False  # by the user
        super().__init__(loop, handle)

    # ---- The peer's end ------------------------------------------------------------------------

    def _choose_half_open(self) -> None:
        """Who uses the socket by hand answers later, after the peer's end too, and closes himself; with
        message listeners the library closes. It asks for the option at the poll after the end event."""
        by_hand = self._by_hand and not self._listeners.get("message")
        if by_hand != self._half_open and not self._half_open_chosen and self._handle:
            self._half_open = by_hand
            lib.socket_set_option(self._handle, Option.ALLOW_HALF_OPEN, by_hand)

    def _left_open(self) -> bool:
        """Whether the peer has ended and only its user closes the socket."""
        return self._half_open and self._ended and self._open and not self._closing

    @overload
    def on(self, event: Literal["message"], listener: Callable[[SocketMessageInfo], None]) -> None: ...

    @overload
    def on(self, event: Literal["connect", "end", "drain", "close"], listener: Callable[[], None]) -> None: ...

    @overload
    def on(self, event: Literal["error"], listener: Callable[[SocketError], None]) -> None: ...

    def on(self, event: Any, listener: Any) -> None:
        """Adds a listener, a plain function that returns nothing; the same one twice is one. See the class for the
        events."""
        self._add_listener(event, listener)

    def _add_listener(self, event: str, listener: Listener) -> None:
        if event == "message":
            self._unread()
        super()._add_listener(event, listener)
        if event == "message":
            if self._left_open():
                self._loop.defer(self._replay)  # the end is over already: it closes there
            elif self._open:
                self._choose_half_open()

    def off(self, event: str, listener: Optional[Listener] = None) -> None:
        super().off(event, listener)
        if event == "message" and self._open:
            self._choose_half_open()

    off.__doc__ = Socket.off.__doc__

    def _replay(self) -> None:
        super()._replay()
        if self._left_open() and self._listeners.get("message") and not self._inbox:
            self._choose_half_open()
            lib.socket_close(self._handle, None, None)

    def _on_event(
        self, kind: int, error: int, connection: int, host: int, port: int, family: int
    ) -> None:
        super()._on_event(kind, error, connection, host, port, family)
        if kind == Event.END:
            self._update()

    def _update(self) -> None:
        super()._update()
        if self._left_open() and not self._listeners.get("message"):
            # No event may ever come again, so listeners alone do not keep it alive.
            self._loop.active.pop(self._handle, None)

    # ---- Receiving -----------------------------------------------------------------------------

    def _on_message(self, payload: bytes, size: int, host: int, port: int, family: int) -> None:
        if not self._closing:
            if self._remote is NOBODY:
                self._remote = remote_info(size, host, port, family)
            self._arrived(payload, size)

    def _take(self) -> Any:
        if self._buffer:
            self._check_no_read("receive")
            return self._cut(len(self._buffer))
        inbox = self._inbox
        if inbox and type(inbox[0]) is bytes and not self._throttled:
            # What every message comes through on its way to who receives by hand.
            item = inbox.popleft()
            self._inbox_size -= len(item)
            return item
        return super()._take()

    def _pushed(self, item: bytes) -> SocketMessageInfo:
        return SocketMessageInfo(item, self._remote._replace(size=len(item)))

    def _weight(self, item: bytes) -> int:
        return len(item)

    # ---- Sending and options -------------------------------------------------------------------

    def set_option(self, option: Option, value: int) -> None:
        super().set_option(option, value)
        if option == Option.ALLOW_HALF_OPEN:
            self._half_open_chosen, self._half_open = True, False

    set_option.__doc__ = Socket.set_option.__doc__

    def send_nowait(self, data: Data, encoding: str = "utf-8") -> None:
        """Sends without waiting. BlockingIOError if the send queue is full or a send waits for room in it:
        nothing was taken, and the drain event tells when to go on. May be called from any thread."""
        if type(data) is not bytes:
            data = encode(data, encoding)
        if self._in_line:
            self._stay_behind()
        result = fast_send(self._argument, data, sizes[len(data)], None, None)
        if result < 0:
            raise self._send_error(result)

    def _send_error(self, code: int) -> SocketError:
        # A handle that is gone, or a socket closed behind one's back: Python's users expect a
        # ConnectionError, as of their own sockets.
        if code in (-ErrorCode.BADF, -ErrorCode.TLS_NOT_BOUND) and self._was_open:
            failure = self._failure
            if failure is not None:
                return error_of(failure.code, failure.detail)
            code = self._gone
        return super()._send_error(code)

    def _begin_send(self, data: bytes, done: Done) -> bool:
        """False if the send queue is full."""
        user_data = self._loop.expect(done)
        result = fast_send(self._argument, data, sizes[len(data)], RECORD, user_data)
        return self._begun(result, user_data)

    def _begin_end(self, done: Done) -> None:
        self._loop.check_current()
        user_data = self._loop.expect(done)
        self._begun(lib.socket_end(self._handle, RECORD, user_data), user_data)

    def _begin_leave(self, done: Done) -> bool:
        self._loop.check_current()
        user_data = self._loop.expect(done)
        if lib.socket_end(self._handle, RECORD, user_data) < 0:  # it has ended, or has failed
            self._loop.forget(user_data)
            if lib.socket_get_send_queue_length(self._handle) != 0:
                return self._begin_close(done)
            self._loop.defer(partial(done, 0))
        if self._begin_close(_ignore):
            self._loop.lingering.add(self._handle)
        return True

    def set_extra_options(
        self,
        options: Optional[TCPExtraOptions] = None,
        **named: "Unpack[TCPExtraOptionsArguments]",
    ) -> None:
        """Sets options of an open socket: a TCPExtraOptions, or its fields by name."""
        self._set_extra_options(options, named)


def stream_data(data: Union[Data, TCPSendOptions], encoding: str) -> bytes:
    """The bytes that a send is about."""
    if isinstance(data, TCPSendOptions):
        return encode(data.data, data.encoding)
    return encode(data, encoding)


class ClientBase(StreamBase, Opener):
    """A TCP client."""

    _kind: ClassVar[int] = Kind.TCP

    def _opened(self) -> None:
        super()._opened()
        self._choose_half_open()


class ConnectionBase(StreamBase):
    """A client of a server."""

    _kind: ClassVar[int] = Kind.TCP_CONNECTION
    _gone = -ErrorCode.SERVER_SHUTDOWN
    client_id: int

    def __init__(self, loop: Optional[Loop] = None, handle: int = 0) -> None:
        if loop is None or not handle:
            raise error_of(
                ErrorCode.PARAMETER, f"a {type(self).__name__} comes from a server, it cannot be made"
            )
        super().__init__(loop, handle)
        self._bound = True
        self.client_id = lib.socket_get_client_id(handle)
        self._opened()

    def _update(self) -> None:
        super()._update()
        if not self._open and self._was_open and not self._inbox:
            # The library has released it with its close event.
            self._loop.known.pop(self._handle, None)


C = TypeVar("C")


class ServerBase(Socket, Generic[C]):
    """A TCP server."""

    _kind: ClassVar[int] = Kind.TCP_SERVER
    _arrival = "connect"
    _arrival_mask = mask(Event.CONNECT)
    _events = mask(Event.ERROR, Event.CLOSE, Event.LISTENING)
    _names = ("connect", "listening", "error", "close")
    _error_is_final = False
    _inbox_limit = 64  # connections that wait for accept
    _connection: ClassVar[Type[ConnectionBase]]
    _half_open_chosen = False  # of the connections, which inherit the option

    def set_option(self, option: Option, value: int) -> None:
        super().set_option(option, value)
        if option == Option.ALLOW_HALF_OPEN:
            self._half_open_chosen = True

    set_option.__doc__ = Socket.set_option.__doc__

    @overload
    def on(self, event: Literal["connect"], listener: Union[Callable[[C], None], Type[Any]]) -> None: ...

    @overload
    def on(self, event: Literal["listening", "close"], listener: Callable[[], None]) -> None: ...

    @overload
    def on(self, event: Literal["error"], listener: Callable[[SocketError], None]) -> None: ...

    def on(self, event: Any, listener: Any) -> None:
        """Adds a listener, a plain function that returns nothing; the same one twice is one. See the class for the
        events."""
        self._add_listener(event, listener)

    def _weight(self, item: ConnectionBase) -> int:
        return 1

    def _on_event(
        self, kind: int, error: int, connection: int, host: int, port: int, family: int
    ) -> None:
        if connection and self._closing:
            lib.socket_abort(connection)
        elif connection:
            client: ConnectionBase = self._within(self._connection)(self._loop, connection)
            client._half_open_chosen = self._half_open_chosen
            try:
                self._arrived(client, 1)
            finally:
                client._choose_half_open()  # the listeners of connect may have added theirs
        else:
            super()._on_event(kind, error, connection, host, port, family)

    def _drop_inbox(self) -> None:
        for item in self._inbox:
            if isinstance(item, ConnectionBase) and item._open:
                item.abort()
        super()._drop_inbox()

    def _begin_listen(
        self, address: Address, backlog: int, secure: Optional[socket_tls_options] = None
    ) -> None:
        self._loop.check_current()
        options = socket_listen_options(
            ctypes.sizeof(socket_listen_options),
            in_range(backlog, 0, 65535, "backlog"),
            c_address(address),
        )
        if secure is not None:
            options.tls = ctypes.pointer(secure)
        self._check_address(lib.socket_listen(self._handle, ctypes.byref(options)))
        self._bound = True
        self._opened()

    def set_extra_options(
        self,
        options: Optional[TCPExtraOptions] = None,
        **named: "Unpack[TCPExtraOptionsArguments]",
    ) -> None:
        """Sets options of the connections, present and future, of a server that listens: a
        TCPExtraOptions, or its fields by name."""
        self._set_extra_options(options, named)


class DatagramBase(Opener):
    """A UDP socket."""

    _kind: ClassVar[int] = Kind.UDP
    _names = ("message", "connect", "listening", "drain", "error", "close")
    _error_is_final = False

    @overload
    def on(self, event: Literal["message"], listener: Callable[[SocketMessageInfo], None]) -> None: ...

    @overload
    def on(self, event: Literal["connect", "listening", "drain", "close"], listener: Callable[[], None]) -> None: ...

    @overload
    def on(self, event: Literal["error"], listener: Callable[[SocketError], None]) -> None: ...

    def on(self, event: Any, listener: Any) -> None:
        """Adds a listener, a plain function that returns nothing; the same one twice is one. See the class for the
        events."""
        self._add_listener(event, listener)

    def _remote_info(self, size: int, host: int, port: int, family: int) -> SocketRemoteInfo:
        return remote_info(size, host, port, family)  # every datagram may have another sender

    def _on_message(self, payload: bytes, size: int, host: int, port: int, family: int) -> None:
        if not self._closing:
            item = SocketMessageInfo(payload, remote_info(size, host, port, family))
            self._arrived(item, size or 1)

    def _weight(self, item: SocketMessageInfo) -> int:
        return len(item.message) or 1

    def _noticed(self, failure: SocketError) -> None:
        # As with Python's own sockets: who receives learns that a datagram was refused by its receiver.
        if self._pulling:
            self._inbox.append(failure)

    def _send_to(self, data: bytes, to: Optional[socket_address], done: Optional[Done]) -> bool:
        """False if the send queue is full. Without address: to the connected peer."""
        user_data = self._loop.expect(done) if done else ctypes.c_void_p()
        completion = RECORD if done else None
        size = sizes[len(data)]
        if to is None:
            result = fast_send(self._argument, data, size, completion, user_data)
        else:
            result = fast_send_to(
                self._argument, ctypes.byref(to), data, size, completion, user_data
            )
        if result == -ErrorCode.INVAL and to is not None and to.port == 0:
            if done:
                self._loop.forget(user_data)
            raise error_of(result, "nobody receives at port 0")
        if done:
            return self._begun(result, user_data)
        if result in _AGAIN:
            return False
        self._check_address(result)
        return True

    def send_nowait(
        self, data: Data, address: Optional[Address] = None, encoding: str = "utf-8"
    ) -> None:
        """Sends one datagram without waiting, to the connected peer if there is no address. A datagram
        that cannot be sent is lost without notice, as on the way; BlockingIOError if the send queue is
        full or a send waits for room in it."""
        payload, to = datagram(data, address, encoding)
        if self._in_line:
            self._stay_behind()
        if not self._send_to(payload, to, None):
            raise self._error(-ErrorCode.AGAIN)

    def set_extra_options(
        self,
        options: Optional[UDPExtraOptions] = None,
        **named: "Unpack[UDPExtraOptionsArguments]",
    ) -> None:
        """Sets options of an open socket: a UDPExtraOptions, or its fields by name."""
        self._set_extra_options(options, named)


    # ---- Multicast -----------------------------------------------------------------------------

    def _add_membership(
        self, address: Address, interface: Union[str, int, None], source: Optional[str]
    ) -> None:
        self._loop.check_current()
        group = c_group(address, interface, source)
        self._check_group(lib.socket_join_group(self._handle, ctypes.byref(group)))
        if not self._open:
            self._bound = True
            self._opened()

    def drop_membership(
        self,
        address: Address,
        *,
        interface: Union[str, int, None] = None,
        source: Optional[str] = None,
    ) -> None:
        """Leaves a multicast group: give what it was joined with. The socket stays open."""
        group = c_group(address, interface, source)
        self._check_group(lib.socket_leave_group(self._handle, ctypes.byref(group)))

    def _check_group(self, result: int) -> None:
        if result < 0 and result not in NOT_OPEN:
            raise self._detailed_error(result)
        self._check(result)

    def set_multicast_ttl(self, ttl: int) -> None:
        """How many networks what is sent to a group may cross: 1 (default), 0 for this machine, up to 255."""
        self.set_option(Option.MULTICAST_TTL, in_range(ttl, 0, 255, "ttl"))

    def get_multicast_ttl(self) -> int:
        """How many networks what is sent to a group may cross."""
        return self.get_option(Option.MULTICAST_TTL)

    def set_loopback_mode(self, flag: bool) -> None:
        """Whether members on this machine receive what this socket sends to a group. Default: True."""
        self.set_option(Option.MULTICAST_LOOPBACK, bool(flag))

    def get_loopback_mode(self) -> bool:
        """Whether members on this machine receive what this socket sends to a group."""
        return bool(self.get_option(Option.MULTICAST_LOOPBACK))

    def set_multicast_interface(self, interface: Union[str, int]) -> None:
        """The interface, by name or index, by which datagrams for groups leave; "": that of the route."""
        self.set_option(Option.MULTICAST_INTERFACE, interface_index(interface))


def datagram(
    data: Union[Data, UDPSendOptions], address: Optional[Address], encoding: str
) -> Tuple[bytes, Optional[socket_address]]:
    """The bytes and the address that a send is about."""
    if isinstance(data, UDPSendOptions):
        payload, address = encode(data.data, encoding), data.address
    else:
        payload = encode(data, encoding)
    return payload, c_address(address) if address is not None else None
