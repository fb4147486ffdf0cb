"""What the library says about a handle: results, options, addresses."""

import ctypes
from typing import Any, Mapping, Optional

from ._abi import ErrorCode, Extra, Option, socket_extra_options, socket_state_info
from ._arguments import in_range
from ._errors import SocketError, error_of
from ._library import lib
from ._types import EXTRA_FIELDS, ExtraOptionsBase, NetAddress, SocketLinger, SocketStateBase

_OPTIONS = frozenset(int(option) for option in Option)
NOT_OPEN = (-ErrorCode.OTHER, -ErrorCode.BADF, -ErrorCode.TLS_NOT_BOUND)


class Handle:
    """A handle of the library, 0 when it was given back."""

    _handle: int
    _was_open: bool

    def _check(self, result: int) -> int:
        """The result of a call for this socket, or its exception with what the library says about it."""
        if result < 0:
            raise self._error(result)
        return result

    def _error(self, code: int) -> SocketError:
        if code == -ErrorCode.PARAMETER:
            return self._detailed_error(code)
        detail = ""
        if code in NOT_OPEN:
            given_back = self._was_open and not self._handle
            detail = "the socket was given back; make a new one" if given_back else "the socket is not open"
        return error_of(code, detail)

    def _check_address(self, result: int) -> int:
        """The same of a call with an address, of which the library says what is wrong with it."""
        if result == -ErrorCode.NODEV:
            raise self._detailed_error(result)
        return self._check(result)

    def _send_error(self, code: int) -> SocketError:
        """The same of a send, which fails otherwise when there was a connection."""
        return self._error(code)

    def _detailed_error(self, code: int) -> SocketError:
        """For what has failed on the network, where the library knows more than the code says."""
        return error_of(code, self._own_names(self._text(lib.socket_get_error_detail)))

    def _own_names(self, detail: str) -> str:
        """What the library says, which names the members of C's structs, with the names of this package."""
        return detail

    def _text(self, getter: Any) -> str:
        text = ctypes.create_string_buffer(512)
        if getter(self._handle, text, len(text)) < 0:
            return ""
        return text.value.decode("utf-8", "replace")

    # ---- Options -------------------------------------------------------------------------------

    def _set_extra_options(self, options: Optional[ExtraOptionsBase], named: Mapping[str, Any]) -> None:
        values = dict(vars(options)) if options is not None else {}
        values.update(named)
        extra = socket_extra_options(ctypes.sizeof(socket_extra_options))
        for name, value in values.items():
            if value is None:
                continue
            if name == "socket_linger":
                if not isinstance(value, (tuple, list)) or len(value) != 2:
                    raise TypeError(f"socket_linger is a SocketLinger, not {value!r}")
                linger = SocketLinger(*value)
                extra.fields |= Extra.LINGER
                extra.linger_on = bool(linger.on)
                extra.linger_ms = in_range(linger.linger, 0, 65535, "socket_linger.linger")
                continue
            field = EXTRA_FIELDS.get(name)
            if field is None:
                raise TypeError(f"no such option: {name}")
            extra.fields |= field.bit
            if name == "socket_timeout" and isinstance(value, int) and value < 0:
                raise error_of(ErrorCode.DOM, f"socket_timeout is out of range: {value}")
            low, high = (0, 262144) if name.endswith("_buffer_size") else (-(2**31), 2**31 - 1)
            setattr(extra, field.member, in_range(value, low, high, name))
        self._check(lib.socket_set_extra_options(self._handle, ctypes.byref(extra)))

    def set_option(self, option: Option, value: int) -> None:
        """Sets an option of the library, whether the socket is open or not."""
        value = in_range(value, -(2**63), 2**63 - 1, "the value")
        number = in_range(option, 0, 2**31 - 1, "option")
        result = lib.socket_set_option(self._handle, number, value)
        if result == -ErrorCode.PARAMETER and number in _OPTIONS:
            raise error_of(result, f"{Option(number).name} is out of range: {value}")
        self._check_option(result, number)

    def get_option(self, option: Option) -> int:
        """The value of an option of the library."""
        number = in_range(option, 0, 2**31 - 1, "option")
        return self._check_option(lib.socket_get_option(self._handle, number), number)

    def _check_option(self, result: int, number: int) -> int:
        if result == -ErrorCode.PARAMETER:
            raise error_of(result, f"{type(self).__name__} has no option {number}, see ohsocket.Option")
        return self._check(result)

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
