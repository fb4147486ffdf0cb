"""A connection as asyncio's own transport, for code that is written for protocols and streams."""

import asyncio
import socket as _socket
from collections import deque
from typing import Any, Callable, Deque, Iterable, Optional, Tuple, TypeVar, Union, cast

from ._abi import ErrorCode, Event, Family, Option
from ._asyncio import AsyncStream
from ._errors import SocketError
from ._library import RECORD, fast_send, lib, sizes
from ._reader import LIMIT
from ._receiver import Later
from ._tls import TLSEnd
from ._types import NetAddress, SocketMessageInfo

HIGH_WATER = 64 * 1024
"""asyncio's own default."""

_AGAIN = (-ErrorCode.AGAIN, -ErrorCode.SERVER_AGAIN)
P = TypeVar("P", bound=asyncio.BaseProtocol)


def as_transport(socket: AsyncStream, protocol_factory: Callable[[], P]) -> Tuple[asyncio.Transport, P]:
    """A connected socket as a transport of asyncio, and the protocol that it serves.

    connection_made has been called when this returns. From then on the transport has the socket: it is
    closed by the transport, and what the peer sends goes to the protocol, beginning with what has arrived
    and nobody has taken.
    """
    transport = Transport(socket)
    protocol = protocol_factory()
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    transport._start()
    return transport, protocol


def as_streams(
    socket: AsyncStream, limit: int = LIMIT
) -> Tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connected socket as the streams of asyncio. The writer closes it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    transport, protocol = as_transport(socket, lambda: asyncio.StreamReaderProtocol(reader, loop=loop))
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Transport(asyncio.Transport):
    """A socket behind the interface of asyncio.Transport."""

    def __init__(self, socket: AsyncStream) -> None:
        if not isinstance(socket, AsyncStream):
            raise TypeError(f"a transport is made of a TCP or TLS socket for asyncio, not {socket!r}")
        socket._loop.check_current()
        if socket._listeners.get("message") or socket._waiters:
            raise RuntimeError(f"{socket!r} is in use: it has message listeners, or a task waits for it")
        super().__init__(_extra_info(socket))
        self._socket = socket
        self._loop = socket._loop.host
        self._feed: Callable[[bytes], object] = _no_protocol
        self._backlog: Deque[bytes] = deque()  # what the full queue of the library has refused
        self._backlog_size = 0
        self._unchecked = 0  # bytes written since the send queue was seen, and what it had
        self._writing_paused = False
        self._reading_paused = False
        self._eof_written = False
        self._ending = False  # until the kernel has taken what was written before write_eof
        self._closing = False  # nothing is read or written any more
        self._lost = False
        self._failure: Optional[BaseException] = None
        self.set_write_buffer_limits()

    def __repr__(self) -> str:
        return f"<ohsocket.Transport of {self._socket!r}>"

    def _start(self) -> None:
        """Connects the socket with the protocol."""
        socket = self._socket
        if self._closing:
            return  # by connection_made
        socket.set_option(Option.ALLOW_HALF_OPEN, 1)  # eof_received decides
        socket._pulling = False
        if socket._ended:
            socket._unread()
            socket._inbox.append(Later(int(Event.END), 0))  # once more, behind what nobody has taken
        socket.on("end", self._on_end)
        socket.on("error", self._on_error)
        socket.on("close", self._on_close)
        socket.on("drain", self._on_drain)
        socket.on("message", self._on_message)

    # ---- The protocol --------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            self._feed = self._feed_buffer
        else:
            self._feed = cast(asyncio.Protocol, protocol).data_received

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def _feed_buffer(self, data: bytes) -> None:
        protocol = cast(asyncio.BufferedProtocol, self._protocol)
        rest = memoryview(data)
        while rest:
            buffer = memoryview(protocol.get_buffer(len(rest))).cast("B")
            if not buffer:
                raise RuntimeError("get_buffer() returned an empty buffer")
            size = min(len(buffer), len(rest))
            buffer[:size] = rest[:size]
            protocol.buffer_updated(size)
            rest = rest[size:]

    def _fail(self, error: BaseException, what: str) -> None:
        """What the protocol has raised ends its connection, as in asyncio."""
        self._report(error, what)
        self._failure = error
        self._abort()

    def _report(self, error: BaseException, what: str) -> None:
        self._loop.call_exception_handler(
            {"message": f"protocol.{what}() failed", "exception": error, "transport": self, "protocol": self._protocol}
        )

    # ---- Events of the socket ------------------------------------------------------------------

    def _on_message(self, info: SocketMessageInfo) -> None:
        if self._closing:
            return
        try:
            self._feed(info[0])
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "data_received")

    def _on_end(self) -> None:
        if self._closing:
            return
        try:
            stays_open = cast(asyncio.Protocol, self._protocol).eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "eof_received")
        else:
            if not stays_open:
                self.close()

    def _on_error(self, error: SocketError) -> None:
        if self._failure is None:
            self._failure = error

    def _on_close(self) -> None:
        self._closing = True
        self._lose()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._backlog.clear()
            self._backlog_size = 0
            lost: Callable[[Any], object] = self._protocol.connection_lost
            self._loop.call_soon(lost, self._failure)

    # ---- Reading -------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        return not self._closing and not self._reading_paused

    def pause_reading(self) -> None:
        if self.is_reading():
            self._reading_paused = True
            self._socket.pause()

    def resume_reading(self) -> None:
        if self._reading_paused and not self._closing:
            self._reading_paused = False
            self._socket.resume()

    # ---- Writing -------------------------------------------------------------------------------

    def write(self, data: Union[bytes, bytearray, memoryview]) -> None:  # type: ignore[override,unused-ignore]
        if type(data) is not bytes:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"data is a bytes-like object, not {type(data).__name__}")
            data = bytes(data)
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._closing:
            return
        if self._backlog or not self._send(data):
            self._backlog.append(data)
            self._backlog_size += len(data)
            self._watch_queue()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def _send(self, data: bytes) -> bool:
        """False if the queue of the library is full. A connection that has failed takes everything: its
        events are on the way."""
        socket, size = self._socket, len(data)
        self._unchecked += size
        if self._unchecked <= self._high:
            return fast_send(socket._argument, data, sizes[size], None, None) not in _AGAIN
        # It goes over the mark: its completion tells when the kernel has taken everything up to here.
        user_data = socket._loop.expect(self._taken)
        result = fast_send(socket._argument, data, sizes[size], RECORD, user_data)
        if result < 0:
            socket._loop.forget(user_data)
            return result not in _AGAIN
        lib.socket_flush(socket._handle)
        self._watch_queue()
        return True

    def _taken(self, error: int) -> None:
        if error >= 0 and not self._lost:
            self._watch_queue()

    def _watch_queue(self) -> None:
        """Tells the protocol when to pause and when to go on."""
        size = self._unchecked = self.get_write_buffer_size()
        if size > self._high and not self._writing_paused:
            self._writing_paused = True
            self._call_protocol("pause_writing")
        elif size <= self._low and self._writing_paused:
            self._writing_paused = False
            self._call_protocol("resume_writing")

    def _call_protocol(self, what: str) -> None:
        try:
            getattr(self._protocol, what)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, what)

    def _on_drain(self) -> None:
        while self._backlog and self._send(self._backlog[0]):
            self._backlog_size -= len(self._backlog.popleft())
        if self._backlog:
            return  # another drain event comes
        self._watch_queue()
        if self._eof_written:
            self._end()
        elif self._closing:
            self._leave()

    def set_write_buffer_limits(self, high: Optional[int] = None, low: Optional[int] = None) -> None:
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low

    def get_write_buffer_limits(self) -> Tuple[int, int]:
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        queued: int = lib.socket_get_send_queue_length(self._socket._handle)
        return max(0, queued) + self._backlog_size

    def can_write_eof(self) -> bool:
        """Not of TLS, as in asyncio; there ``await socket.end()`` does it."""
        return not isinstance(self._socket, TLSEnd)

    def write_eof(self) -> None:
        if not self.can_write_eof():
            raise NotImplementedError("TLS has no write_eof(), as in asyncio")
        if not self._eof_written and not self._closing:
            self._eof_written = True
            if not self._backlog:
                self._end()

    def _end(self) -> None:
        socket = self._socket
        user_data = socket._loop.expect(self._ended)
        if lib.socket_end(socket._handle, RECORD, user_data) < 0:
            socket._loop.forget(user_data)
        else:
            self._ending = True

    def _ended(self, error: int) -> None:
        """The kernel has taken everything; an error event tells of errors."""
        self._ending = False
        if self._closing and not self._lost:
            self._leave()

    # ---- Closing -------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Sends what is queued; connection_lost(None) follows when the kernel has taken it."""
        if not self._closing:
            self._closing = True
            if not self._backlog and not self._ending:
                self._leave()

    def _leave(self) -> None:
        def left(error: int) -> None:
            if error < 0 and self._failure is None:
                self._failure = self._socket._detailed_error(error)
            self._lose()

        if not self._socket._begin_leave(left):
            self._lose()

    def abort(self) -> None:
        self._closing = True
        self._abort()

    def _abort(self) -> None:
        self._closing = True
        if self._socket._open:
            self._socket.abort()
        else:
            self._lose()


def _no_protocol(data: bytes) -> None:
    raise RuntimeError("the transport has no protocol")


# ---- get_extra_info ----------------------------------------------------------------------------


def _extra_info(socket: AsyncStream) -> "dict[str, Any]":
    extra = {
        "peername": _sockaddr(socket.get_remote_address()),
        "sockname": _sockaddr(socket.get_local_address()),
        "socket": TransportSocket(socket),
    }
    if isinstance(socket, TLSEnd):
        session = extra["ssl_object"] = TLSSession(socket)
        extra["cipher"] = session.cipher()
        extra["compression"] = None
    return extra


def _sockaddr(address: NetAddress) -> Tuple[Any, ...]:
    """An address in the form of Python's sockets."""
    if address.family != Family.IPV6:
        return address.address, address.port
    host, _, zone = address.address.partition("%")
    scope = 0
    if zone:
        scope = int(zone) if zone.isdigit() else _socket.if_nametoindex(zone)
    return host, address.port, 0, scope


class TransportSocket:
    """What get_extra_info("socket") gives: options and addresses, as asyncio's own."""

    def __init__(self, socket: AsyncStream) -> None:
        self._owner = socket

    def _call(self, what: str, *arguments: Any) -> Any:
        plain = _socket.socket(fileno=self.fileno())
        try:
            return getattr(plain, what)(*arguments)
        finally:
            plain.detach()

    @property
    def family(self) -> _socket.AddressFamily:
        is_ipv6 = self._owner.get_local_address().family == Family.IPV6
        return _socket.AF_INET6 if is_ipv6 else _socket.AF_INET

    @property
    def type(self) -> _socket.SocketKind:
        return _socket.SOCK_STREAM

    @property
    def proto(self) -> int:
        return _socket.IPPROTO_TCP

    def fileno(self) -> int:
        return self._owner.get_socket_fd()

    def getsockopt(self, *arguments: Any) -> Any:
        return self._call("getsockopt", *arguments)

    def setsockopt(self, *arguments: Any) -> None:
        self._call("setsockopt", *arguments)

    def getsockname(self) -> Any:
        return self._call("getsockname")

    def getpeername(self) -> Any:
        return self._call("getpeername")

    def gettimeout(self) -> float:
        return 0.0


class TLSSession:
    """What get_extra_info("ssl_object") gives: the methods of ssl.SSLObject that say what was agreed on."""

    def __init__(self, socket: TLSEnd) -> None:
        self._socket = socket

    def selected_alpn_protocol(self) -> Optional[str]:
        return self._socket.get_alpn() or None

    def version(self) -> str:
        return self._socket.get_protocol()

    def cipher(self) -> Tuple[str, str, None]:
        """Its name and the version; the number of bits is not known."""
        return self._socket.get_cipher_suite()[0], self.version(), None

    def compression(self) -> None:
        return None

    def getpeercert(self, binary_form: bool = False) -> Optional[bytes]:
        """The certificate in DER, or None. There is no other form."""
        if not binary_form:
            raise NotImplementedError("getpeercert(binary_form=True) is what there is")
        certificate = self._socket.get_remote_certificate()
        return certificate.data if certificate is not None else None

    @property
    def server_hostname(self) -> Optional[str]:
        return self._socket.get_server_name() or None

    @property
    def session_reused(self) -> bool:
        return self._socket.is_resumed()
