"""What all sockets have, whatever their kind and the style of their methods."""

import ctypes
import inspect
import socket as _socket
import weakref
from collections import deque
from typing import Any, Callable, ClassVar, Deque, Dict, List, Mapping, NoReturn, Optional, Tuple, Union

from ._abi import (
    ErrorCode,
    Event,
    Extra,
    Family,
    Option,
    socket_address,
    socket_extra_options,
    socket_state_info,
)
from ._errors import SocketError, check, error_of
from ._library import RECORD, lib, text_at
from ._loop import Done, Loop, is_forked, warn_unclosed
from ._types import (
    EXTRA_FIELDS,
    Address,
    ExtraOptionsBase,
    NetAddress,
    SocketLinger,
    SocketRemoteInfo,
    SocketStateBase,
    net_address,
)

Listener = Callable[..., Any]

INBOX_LIMIT = 256 * 1024  # bytes that wait to be received before reading pauses

_NAMES = {
    int(Event.CONNECT): "connect",
    int(Event.END): "end",
    int(Event.DRAIN): "drain",
    int(Event.ERROR): "error",
    int(Event.CLOSE): "close",
    int(Event.LISTENING): "listening",
}
_CLOSE = int(Event.CLOSE)
_ERROR = int(Event.ERROR)
_END = int(Event.END)
_AFTER_MESSAGES = (_END, _ERROR, _CLOSE)
_NOBODY = SocketRemoteInfo("", "", 0, -1)
_NOT_OPEN = (-ErrorCode.OTHER, -ErrorCode.BADF, -ErrorCode.TLS_NOT_BOUND)


class Later:
    """An event that waits behind messages that nobody has taken yet."""

    __slots__ = ("kind", "error")

    def __init__(self, kind: int, error: int) -> None:
        self.kind, self.error = kind, error


class Ended:
    """What there is to receive at the end."""


ENDED = Ended()


def mask(*events: Event) -> int:
    return sum(1 << event for event in events)


def remote_info(size: int, host: int, port: int, family: int) -> SocketRemoteInfo:
    """The sender of a message, from its record."""
    return SocketRemoteInfo(text_at(host), "IPv6" if family == Family.IPV6 else "IPv4", port, size)


def c_address(address: Address) -> socket_address:
    """The address for C, which has no idea of numbers that do not fit."""
    host, port, family = net_address(address)
    if not host or "\0" in host or not 0 <= port <= 65535 or not 0 <= family <= 3:
        raise error_of(ErrorCode.PARAMETER, f"not an address: {address!r}")
    try:
        text = host.encode("ascii")
    except UnicodeEncodeError:
        try:
            text = host.encode("idna")
        except UnicodeError:
            raise error_of(ErrorCode.PARAMETER, f"not an address: {address!r}") from None
    return socket_address(text, port, family)


def in_range(value: int, low: int, high: int, what: str) -> int:
    """The value, an int of C; ctypes would cut it to size."""
    if not isinstance(value, int):
        raise TypeError(f"{what} is an int, not {value!r}")
    if not low <= value <= high:
        raise error_of(ErrorCode.PARAMETER, f"{what} is out of range: {value}")
    return value


def milliseconds(seconds: Optional[float]) -> int:
    """A timeout for the library: at least a millisecond; None is 0, its default."""
    if seconds is None:
        return 0
    if not 0 < seconds <= 86400:
        raise error_of(ErrorCode.PARAMETER, f"a timeout is more than 0 s, up to a day: {seconds!r}")
    return max(1, round(seconds * 1000))


class Socket:
    """A socket of any kind."""

    _kind: ClassVar[int]
    # The event that brings what can be received, and its record.
    _arrival: ClassVar[str] = "message"
    _arrival_mask: ClassVar[int] = mask(Event.MESSAGE)
    _events: ClassVar[int] = mask(
        Event.CONNECT, Event.END, Event.DRAIN, Event.ERROR, Event.CLOSE, Event.LISTENING
    )
    _names: ClassVar[Tuple[str, ...]] = ("message", "connect", "end", "drain", "error", "close")
    _error_is_final: ClassVar[bool] = True
    _never_opened: ClassVar[int] = -ErrorCode.OTHER
    _not_connected: ClassVar[int] = -ErrorCode.NOTCONN
    _inbox_limit: ClassVar[int] = INBOX_LIMIT

    def __init__(self, loop: Loop, handle: int = 0) -> None:
        self._handle = 0
        self._loop = loop
        self._open = self._was_open = False  # between the call that opens it and its close event
        self._bound = False
        self._closing = False  # from close() or abort() to its close event
        self._ended = False
        self._failure: Optional[SocketError] = None
        self._listeners: Dict[str, List[Listener]] = {}
        self._only_listener: Optional[Listener] = None  # of messages, if they can go to it directly
        self._remote = _NOBODY
        self._inbox: Deque[Any] = deque()
        self._inbox_size = 0
        self._replaying = False
        self._paused = self._throttled = False
        self._pulling = False  # somebody has called receive or accept
        self._mask = 0
        self._handle = handle or check(lib.socket_construct(loop.handle, self._kind))
        self._ref = ctypes.c_int64(self._handle)
        loop.known[self._handle] = weakref.ref(self)
        self._update()

    def __repr__(self) -> str:
        state = "closed"
        if self._open:
            state = "closing" if self._closing else "open"
            try:
                state += " %s:%d" % self.get_local_address()[:2]
                state += " -> %s:%d" % self.get_remote_address()[:2]
            except OSError:
                pass
        return f"<ohsocket.{type(self).__name__} {self._handle} {state}>"

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} can be neither copied nor pickled")

    def __del__(self) -> None:
        if not getattr(self, "_handle", 0) or is_forked():
            return
        if self._open and not self._closing:
            warn_unclosed(self)
        if not self._loop.closed:
            self._release()

    def _release(self) -> None:
        handle = self._handle
        if handle:
            self._drop_inbox()
            self._set_open(False)
            self._handle, self._ref = 0, ctypes.c_int64(0)
            self._loop.known.pop(handle, None)
            self._loop.active.pop(handle, None)
            lib.socket_release(handle)

    def _set_open(self, is_open: bool) -> None:
        self._open = is_open
        if is_open:
            self._loop.opened.add(self._handle)
        else:
            self._loop.opened.discard(self._handle)

    def _loop_closed(self) -> None:
        """The loop is closing: nothing will happen to this socket any more."""
        if self._open and not self._closing:
            warn_unclosed(self)
        self._set_open(False)
        self._handle, self._ref = 0, ctypes.c_int64(0)
        self._notify()

    def _check(self, result: int) -> int:
        """The result of a call for this socket, or its exception with what the library says about it."""
        if result < 0:
            raise self._error(result)
        return result

    def _error(self, code: int) -> SocketError:
        detail = ""
        if code in _NOT_OPEN:
            given_back = self._was_open and not self._handle
            detail = "the socket was given back; make a new one" if given_back else "the socket is not open"
        return error_of(code, detail)

    def _send_error(self, code: int) -> SocketError:
        """The same of a send, which fails otherwise when there was a connection."""
        return self._error(code)

    def _detailed_error(self, code: int) -> SocketError:
        """For what has failed on the network, where the library knows more than the code says."""
        return error_of(code, self._text(lib.socket_get_error_detail))

    def _text(self, getter: Any) -> str:
        text = ctypes.create_string_buffer(512)
        if getter(self._handle, text, len(text)) < 0:
            return ""
        return text.value.decode("utf-8", "replace")

    # ---- Listeners -----------------------------------------------------------------------------

    def on(self, event: str, listener: Listener) -> None:
        """Adds a listener; the same one twice is one. See the class for the events."""
        if event not in self._names:
            raise error_of(
                ErrorCode.PARAMETER, f"{event!r} is not an event of {type(self).__name__}"
            )
        self._loop.check_current()
        if not callable(listener):
            raise TypeError(f"a listener is a function, not {listener!r}")
        if inspect.iscoroutinefunction(listener):
            raise TypeError(
                "a listener is a plain function; use 'async for', or let it create a task"
            )
        listeners = self._listeners.get(event, [])
        if listener not in listeners:
            # A new list: the old one may be in use by the event that is being delivered.
            self._listeners[event] = listeners + [listener]
            self._update()
            self._replay_soon()

    def off(self, event: str, listener: Optional[Listener] = None) -> None:
        """Removes a listener, or all of the event. Removing what is not there does nothing."""
        if event not in self._names:
            raise error_of(
                ErrorCode.PARAMETER, f"{event!r} is not an event of {type(self).__name__}"
            )
        self._loop.check_current()
        left: List[Listener] = []
        if listener is not None:
            left = [one for one in self._listeners.get(event, []) if one != listener]
        self._listeners[event] = left
        self._update()

    def _emit(self, event: str, *arguments: Any) -> None:
        for listener in self._listeners.get(event, ()):
            if listener not in self._listeners[event]:
                continue  # removed by the one before
            try:
                self._within(listener)(*arguments)
            except Exception as failure:
                self._loop.report(failure, self, event)

    def _within(self, function: Listener) -> Listener:
        """A function as it is to be called for this socket."""
        return function

    def _update(self) -> None:
        """Follows a change of listeners or state: whom messages go to, who keeps the socket alive, what
        the library reports."""
        arrivals = self._listeners.get(self._arrival)
        direct = not (self._paused or self._inbox or self._closing)
        single = direct and arrivals and len(arrivals) == 1
        self._only_listener = self._within(arrivals[0]) if single and arrivals else None
        heard = any(self._listeners.values())
        if self._handle and heard and (self._open or self._inbox):
            self._loop.active[self._handle] = self
        else:
            self._loop.active.pop(self._handle, None)
        wanted = self._events | (self._arrival_mask if arrivals or self._pulling else 0)
        if wanted != self._mask and self._handle:
            self._mask = wanted
            lib.socket_subscribe(self._handle, wanted, None)

    # ---- Records -------------------------------------------------------------------------------

    def _remote_info(self, size: int, host: int, port: int, family: int) -> SocketRemoteInfo:
        """The sender of a message; that of a stream is always the same."""
        if self._remote is _NOBODY:
            self._remote = remote_info(size, host, port, family)
        else:
            self._remote = self._remote._replace(size=size)
        return self._remote

    def _on_message(self, payload: bytes, size: int, host: int, port: int, family: int) -> None:
        """A message that does not simply go to one listener."""
        if self._closing:
            return
        self._arrived(self._item(payload, self._remote_info(size, host, port, family)), size or 1)

    def _item(self, payload: bytes, remote: SocketRemoteInfo) -> Any:
        """A message as receive() returns it."""
        raise NotImplementedError

    def _pushed(self, item: Any) -> Any:
        """It as listeners are given it."""
        return item

    def _weight(self, item: Any) -> int:
        """What it counts for in the inbox."""
        raise NotImplementedError

    def _arrived(self, item: Any, weight: int) -> None:
        if self._inbox or self._paused or not self._listeners.get(self._arrival):
            self._inbox.append(item)
            self._inbox_size += weight
            if self._only_listener is not None:
                self._update()
            if self._inbox_size > self._inbox_limit and not self._throttled:
                self._throttled = True
                lib.socket_pause(self._handle)
            self._notify()
        else:
            self._emit(self._arrival, self._pushed(item))

    def _on_event(
        self, kind: int, error: int, connection: int, host: int, port: int, family: int
    ) -> None:
        failure = None
        if kind == _CLOSE:
            self._set_open(False)
            self._closing = self._bound = False
        elif kind == _END:
            self._ended = True
        elif kind == _ERROR:
            failure = self._detailed_error(error)
            if self._error_is_final:
                self._failure = failure
            else:
                self._noticed(failure)
        if self._inbox and not self._pulling and kind in _AFTER_MESSAGES:
            self._inbox.append(Later(kind, error))
        else:
            self._tell(kind, error, failure)
        if kind == _CLOSE:
            self._update()
        self._notify()

    def _tell(self, kind: int, error: int, failure: Optional[SocketError] = None) -> None:
        if kind == _ERROR:
            self._emit("error", failure or self._error(error))
        else:
            self._emit(_NAMES[kind])

    def _noticed(self, failure: SocketError) -> None:
        """An error that the socket survives."""

    def _notify(self) -> None:
        """Something has changed that a method may be waiting for."""

    def _replay_soon(self) -> None:
        if self._inbox and not self._replaying:
            self._replaying = True
            self._loop.defer(self._replay)

    def _replay(self) -> None:
        """Gives listeners, in order, what came while there were none or while the socket was paused."""
        self._replaying = False
        while self._inbox and not self._paused and self._listeners.get(self._arrival):
            item = self._inbox.popleft()
            if type(item) is Later:
                self._tell(item.kind, item.error)
            else:
                self._taken(item)
                self._emit(self._arrival, self._pushed(item))
        self._update()

    def _taken(self, item: Any) -> None:
        self._inbox_size -= self._weight(item)
        if self._throttled and self._inbox_size * 2 < self._inbox_limit:
            self._throttled = False
            if not self._paused:
                lib.socket_resume(self._handle)

    # ---- Receiving -----------------------------------------------------------------------------

    def _pull(self) -> None:
        """From now on messages wait for receive (accept)."""
        if self._listeners.get(self._arrival):
            raise RuntimeError(f"{self!r} has {self._arrival} listeners: what arrives goes to them")
        if not self._pulling:
            self._pulling = True
            self._update()

    def _take(self) -> Any:
        """The next item, ENDED, or None if there is nothing yet."""
        while self._inbox:
            item = self._inbox.popleft()
            if type(item) is Later:
                self._tell(item.kind, item.error)
                continue
            if isinstance(item, SocketError):
                raise item
            self._taken(item)
            return item
        if self._failure is not None:
            raise error_of(self._failure.code, self._failure.detail)
        if self._ended or not self._open:
            if not self._was_open:
                raise self._error(self._not_connected)
            return ENDED
        return None

    # ---- Opening and closing -------------------------------------------------------------------

    def _opened(self) -> None:
        """A call has opened the socket: a new period begins."""
        self._set_open(True)
        self._was_open = True
        self._closing = self._ended = False
        self._failure = None
        self._remote = _NOBODY
        self._inbox.clear()
        self._inbox_size = 0
        if self._throttled:
            self._throttled = False
            if not self._paused:
                lib.socket_resume(self._handle)
        self._update()

    def adopt(self, descriptor: Union[int, "_socket.socket"]) -> None:
        """Opens the socket with an existing descriptor of its kind, which then belongs to the library.

        A Python socket is detached. The connect or listening event follows.
        """
        self._loop.check_current()
        fd = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        self._check(lib.socket_adopt(self._handle, fd))
        if not isinstance(descriptor, int):
            descriptor.detach()
        self._bound = True
        self._opened()

    def _begin_close(self, done: Done) -> bool:
        """Starts closing; False if the socket has closed by itself and its close event is on the way."""
        self._loop.check_current()
        if not self._open and not self._was_open:
            raise self._error(self._never_opened)
        user_data = self._loop.expect(done)
        result = lib.socket_close(self._handle, RECORD, user_data)
        if result < 0:
            self._loop.forget(user_data)
            if result not in _NOT_OPEN:
                raise self._error(result)
            return False
        self._set_closing()
        return True

    def _set_closing(self) -> None:
        """What has arrived and nobody has taken is dropped."""
        self._closing = True
        self._drop_inbox()
        self._update()
        self._replay_soon()

    def _drop_inbox(self) -> None:
        events = [item for item in self._inbox if type(item) is Later]
        self._inbox.clear()
        self._inbox.extend(events)
        self._inbox_size = 0

    def abort(self) -> None:
        """Closes at once: what is queued is dropped, and TCP resets the connection.

        The close event follows. A socket that is closed already stays so.
        """
        self._loop.check_current()
        if not self._open and not self._was_open:
            raise self._error(self._never_opened)
        result = lib.socket_abort(self._handle)
        if result >= 0:
            self._set_closing()
        elif result not in _NOT_OPEN:
            raise self._error(result)

    def pause(self) -> None:
        """Stops reading (a server: accepting) until resume(): the kernel holds the peer back.

        Listeners get nothing any more, not even what the library has read already.
        """
        self._loop.check_current()
        self._check(lib.socket_pause(self._handle))
        self._paused = True
        self._update()

    def resume(self) -> None:
        """Ends pause()."""
        self._loop.check_current()
        if not self._throttled:
            self._check(lib.socket_resume(self._handle))
        self._paused = False
        self._update()
        self._replay_soon()

    # ---- Options -------------------------------------------------------------------------------

    def _set_extra_options(self, options: Optional[ExtraOptionsBase], named: Mapping[str, Any]) -> None:
        values = dict(vars(options)) if options is not None else {}
        values.update(named)
        extra = socket_extra_options(ctypes.sizeof(socket_extra_options))
        for name, value in values.items():
            if value is None:
                continue
            if name == "socket_linger":
                linger = SocketLinger(*value)
                extra.fields |= Extra.LINGER
                extra.linger_on = bool(linger.on)
                extra.linger_ms = in_range(linger.linger, 0, 65535, "linger")
                continue
            field = EXTRA_FIELDS.get(name)
            if field is None:
                raise TypeError(f"no such option: {name}")
            extra.fields |= field.bit
            setattr(extra, field.member, in_range(value, -(2**31), 2**31 - 1, name))
        self._check(lib.socket_set_extra_options(self._handle, ctypes.byref(extra)))

    def set_option(self, option: Option, value: int) -> None:
        """Sets an option of the library, whether the socket is open or not."""
        value = in_range(value, -(2**63), 2**63 - 1, "the value")
        self._check(lib.socket_set_option(self._handle, in_range(option, 0, 2**31 - 1, "option"), value))

    def get_option(self, option: Option) -> int:
        """The value of an option of the library."""
        option_number = in_range(option, 0, 2**31 - 1, "option")
        return self._check(lib.socket_get_option(self._handle, option_number))

    # ---- Getters -------------------------------------------------------------------------------

    def get_state(self) -> SocketStateBase:
        """Whether the socket is bound, closed, connected."""
        state = socket_state_info(ctypes.sizeof(socket_state_info))
        self._check(lib.socket_get_state(self._handle, ctypes.byref(state)))
        return SocketStateBase(bool(state.is_bound), bool(state.is_close), bool(state.is_connected))

    def get_local_address(self) -> NetAddress:
        """The address of this end."""
        return self._address(lib.socket_get_local_address)

    def get_remote_address(self) -> NetAddress:
        """The address of the peer."""
        return self._address(lib.socket_get_remote_address)

    def _address(self, getter: Any) -> NetAddress:
        text = ctypes.create_string_buffer(64)
        port, family = ctypes.c_int(), ctypes.c_int()
        self._check(getter(self._handle, text, 64, ctypes.byref(port), ctypes.byref(family)))
        return NetAddress(text.value.decode(), port.value, family.value)

    def get_socket_fd(self) -> int:
        """The descriptor, to be looked at, not read, written or closed."""
        return self._check(lib.socket_get_fd(self._handle))

    fileno = get_socket_fd
