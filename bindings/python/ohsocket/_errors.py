"""Exceptions: a SocketError for every code of the library, of a class that Python's own code expects."""

import builtins
import errno as _errno
import socket as _socket
from typing import Dict, Optional, Tuple, Type

from ._abi import Category, ErrorCode
from ._library import lib

_CLIENT_BASE = 2301000
_SERVER_BASE = 2303100
_ERRNO_LIMIT = 200


def errno_of(code: int) -> Optional[int]:
    """The errno inside a code, or None."""
    for base in (_CLIENT_BASE, _SERVER_BASE):
        if base < code < base + _ERRNO_LIMIT:
            return code - base
    return None


class SocketError(OSError):
    """A failed operation.

    ``code`` is OpenHarmony's number (2301111), ``name`` that of its constant
    ("SOCKET_ERROR_CONNREFUSED"), ``errno`` the system's number (111) or None, ``strerror`` the text,
    ``detail`` what the library says beyond it, ``category`` what can be done about it.
    """

    code: int
    name: str
    category: Category
    detail: str

    def __init__(self, code: int, detail: str = "") -> None:
        code = abs(code)
        text = lib.socket_strerror(code).decode()
        number = errno_of(code)
        super().__init__(number or code, text)
        self.errno = number
        self.code = code
        self.name = lib.socket_error_name(code).decode()
        self.category = Category(lib.socket_error_category(code))
        self.detail = detail

    def __str__(self) -> str:
        return f"[{self.name} {self.code}] {self.detail or self.strerror}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code}, {self.detail or self.strerror!r})"

    def __reduce__(self) -> Tuple[object, ...]:
        return error_of, (self.code, self.detail)


class ParameterError(SocketError, ValueError):
    """401: an argument is out of range, or not an address."""


class ForkedError(SocketError, RuntimeError):
    """2300003: the process was forked after ohsocket was imported."""


class ResolveError(SocketError, _socket.gaierror):
    """2300004: the host name has no address."""


class CancelledError(SocketError):
    """2301125, 2303225: close or abort came before the operation was complete."""


class ConnectionRefusedError(SocketError, builtins.ConnectionRefusedError):
    """2301111: nobody listens there."""


class ConnectionResetError(SocketError, builtins.ConnectionResetError):
    """2301104, 2303204: the peer has reset the connection."""


class ConnectionAbortedError(SocketError, builtins.ConnectionAbortedError):
    """2301103, 2303203."""


class BrokenPipeError(SocketError, builtins.BrokenPipeError):
    """2301032, 2301108, 2303132, 2303208: a send after the end."""


class TimeoutError(SocketError, builtins.TimeoutError):
    """2301110, 2303210: the time allowed has passed."""


class PermissionError(SocketError, builtins.PermissionError):
    """201, 2301001, 2301013, 2303101, 2303113: a privileged port, or a broadcast without the option."""


class BlockingIOError(SocketError, builtins.BlockingIOError):
    """2301011, 2303111: the send queue is full; 2301114, 2303214: connecting or closing already."""


class TLSError(SocketError):
    """The TLS session failed: handshake, certificate, record layer."""


class CertificateError(TLSError, ValueError):
    """2303504: the certificate of the peer is not valid (as ssl.SSLCertVerificationError)."""


_BY_CODE: Dict[int, Type[SocketError]] = {
    ErrorCode.PARAMETER: ParameterError,
    ErrorCode.PERMISSION: PermissionError,
    ErrorCode.FORKED: ForkedError,
    ErrorCode.RESOLVE: ResolveError,
    ErrorCode.TLS_CERTIFICATE: CertificateError,
}

_BY_ERRNO: Dict[int, Type[SocketError]] = {
    _errno.ECONNREFUSED: ConnectionRefusedError,
    _errno.ECONNRESET: ConnectionResetError,
    _errno.ECONNABORTED: ConnectionAbortedError,
    _errno.EPIPE: BrokenPipeError,
    _errno.ESHUTDOWN: BrokenPipeError,
    _errno.ETIMEDOUT: TimeoutError,
    _errno.EACCES: PermissionError,
    _errno.EPERM: PermissionError,
    _errno.EAGAIN: BlockingIOError,
    _errno.EALREADY: BlockingIOError,
    _errno.EINPROGRESS: BlockingIOError,
    _errno.ECANCELED: CancelledError,
}


def error_of(code: int, detail: str = "") -> SocketError:
    """The exception for a code of either sign."""
    code = abs(code)
    kind = _BY_CODE.get(code) or _BY_ERRNO.get(errno_of(code) or 0)
    if kind is None:
        is_tls = lib.socket_error_category(code) == Category.TLS
        kind = TLSError if is_tls else SocketError
    return kind(code, detail)


def check(result: int) -> int:
    """The result of a call of the library, or its exception."""
    if result < 0:
        raise error_of(result)
    return result
