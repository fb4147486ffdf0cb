"""What has arrived at a socket: it goes to listeners, or waits for receive (accept)."""

import inspect
from collections import deque
from typing import Any, Callable, ClassVar, Deque, Dict, List, Optional, Tuple

from ._abi import ErrorCode, Event, Family
from ._errors import SocketError, error_of
from ._handle import Handle
from ._library import lib, text_at
from ._loop import Loop
from ._process import is_compat
from ._types import SocketRemoteInfo

Listener = Callable[..., Any]

INBOX_LIMIT = 256 * 1024  # bytes that wait to be received before reading pauses

NOBODY = SocketRemoteInfo("", "", 0, -1)

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


class Receiver(Handle):
    """A socket as the place where messages or connections arrive."""

    # The event that brings what can be received, and its record.
    _arrival: ClassVar[str] = "message"
    _arrival_mask: ClassVar[int] = mask(Event.MESSAGE)
    # The other events that records are made of, and the names of all.
    _events: ClassVar[int]
    _names: ClassVar[Tuple[str, ...]]
    _not_connected: ClassVar[int] = -ErrorCode.NOTCONN
    _inbox_limit: ClassVar[int] = INBOX_LIMIT
    _error_is_final: ClassVar[bool] = True

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._compat = is_compat()
        self._open = self._was_open = False  # between the call that opens it and its close event
        self._bound = False
        self._period = 0  # which opening it is
        self._closing = False  # from close() or abort() to its close event
        self._ended = False
        self._failure: Optional[SocketError] = None
        self._listeners: Dict[str, List[Listener]] = {}
        self._only_listener: Optional[Listener] = None  # of messages, if they can go to it directly
        self._remote = NOBODY
        self._inbox: Deque[Any] = deque()
        self._inbox_size = 0
        self._replaying = False
        self._paused = self._throttled = False
        self._pulling = False  # somebody has called receive or accept
        self._mask = 0

    # ---- Listeners -----------------------------------------------------------------------------

    def _add_listener(self, event: str, listener: Listener) -> None:
        """What ``on`` does, which the kinds of sockets declare with their events."""
        if event not in self._names:
            raise error_of(
                ErrorCode.PARAMETER, f"{event!r} is not an event of {type(self).__name__}"
            )
        self._loop.check_current()
        if not callable(listener):
            raise TypeError(f"a listener is a function, not {listener!r}")
        if inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(type(listener).__call__):
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
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as failure:  # CancelledError too, as in asyncio's own callbacks
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

    # ---- Arriving ------------------------------------------------------------------------------

    def _remote_info(self, size: int, host: int, port: int, family: int) -> SocketRemoteInfo:
        """The sender of a message; that of a stream is always the same."""
        if self._remote is NOBODY:
            self._remote = remote_info(size, host, port, family)
        else:
            self._remote = self._remote._replace(size=size)
        return self._remote

    def _on_message(self, payload: bytes, size: int, host: int, port: int, family: int) -> None:
        """A message that does not simply go to one listener."""
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

    # ---- Other events --------------------------------------------------------------------------

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

    def _set_open(self, is_open: bool) -> None:
        self._open = is_open
        if is_open:
            self._loop.opened.add(self._handle)
        else:
            self._loop.opened.discard(self._handle)
            self._loop.lingering.discard(self._handle)

    def _tell(self, kind: int, error: int, failure: Optional[SocketError] = None) -> None:
        if kind == _ERROR:
            self._emit("error", failure or self._error(error))
        else:
            self._emit(_NAMES[kind])

    def _noticed(self, failure: SocketError) -> None:
        """An error that the socket survives."""

    def _notify(self) -> None:
        """Something has changed that a method may be waiting for."""

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

    def _taken(self, item: Any) -> None:
        self._inbox_size -= self._weight(item)
        if self._throttled and self._inbox_size * 2 < self._inbox_limit:
            self._throttled = False
            if not self._paused:
                lib.socket_resume(self._handle)

    def _drop_inbox(self) -> None:
        events = [item for item in self._inbox if type(item) is Later]
        self._inbox.clear()
        self._inbox.extend(events)
        self._inbox_size = 0
