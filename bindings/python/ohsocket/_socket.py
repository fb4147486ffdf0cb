"""What all sockets have, whatever their kind and the style of their methods."""

import socket as _socket
import weakref
from typing import ClassVar, NoReturn, Tuple, Union

from ._abi import ErrorCode, Event
from ._errors import check
from ._handle import NOT_OPEN
from ._library import RECORD, handle_argument, lib
from ._loop import Done, Loop, is_forked, warn_unclosed
from ._receiver import NOBODY, Receiver, mask


class Socket(Receiver):
    """A socket of any kind."""

    _kind: ClassVar[int]
    _events = mask(Event.CONNECT, Event.END, Event.DRAIN, Event.ERROR, Event.CLOSE, Event.LISTENING)
    _names: ClassVar[Tuple[str, ...]] = ("message", "connect", "end", "drain", "error", "close")
    _never_opened: ClassVar[int] = -ErrorCode.OTHER

    def __init__(self, loop: Loop, handle: int = 0) -> None:
        self._handle = 0
        super().__init__(loop)
        self._handle = handle or check(lib.socket_construct(loop.handle, self._kind))
        self._argument = handle_argument(self._handle)
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
        loop_is_open = not self._loop.closed
        if self._open and not self._closing:
            warn_unclosed(self)
        if loop_is_open:
            self._release()

    def _release(self) -> None:
        handle = self._handle
        if handle:
            self._drop_inbox()
            self._set_open(False)
            self._handle, self._argument = 0, handle_argument(0)
            self._loop.known.pop(handle, None)
            self._loop.active.pop(handle, None)
            lib.socket_release(handle)

    def _loop_closed(self) -> None:
        """The loop is closing: nothing will happen to this socket any more."""
        if self._open and not self._closing:
            warn_unclosed(self)
        self._set_open(False)
        self._handle, self._argument = 0, handle_argument(0)
        self._notify()

    # ---- Opening and closing -------------------------------------------------------------------

    def _opened(self) -> None:
        """A call has opened the socket: a new period begins."""
        self._set_open(True)
        self._was_open = True
        self._period += 1
        self._closing = self._ended = False
        self._failure = None
        self._remote = NOBODY
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
        if not isinstance(descriptor, (int, _socket.socket)):
            raise TypeError(f"a descriptor is an int or a socket.socket, not {descriptor!r}")
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
            if result not in NOT_OPEN:
                raise self._error(result)
            return False
        self._set_closing()
        return True

    def _begin_leave(self, done: Done) -> bool:
        """As _begin_close, but done is called when the kernel has taken what is queued; the wait for the peer
        goes on behind it."""
        return self._begin_close(done)

    def _set_closing(self) -> None:
        """What has arrived and nobody has taken is dropped."""
        self._closing = True
        self._drop_inbox()
        self._update()
        self._replay_soon()

    def abort(self) -> None:
        """Closes at once: what is queued is dropped, and TCP resets the connection.

        The close event follows. A socket that is closed already stays so, also one whose loop or thread
        has ended.
        """
        if not self._loop.closed:
            self._loop.check_current()
        if not self._open and not self._was_open:
            raise self._error(self._never_opened)
        result = lib.socket_abort(self._handle)
        if result >= 0:
            self._set_closing()
        elif result not in NOT_OPEN:
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
