"""What TLS adds to clients, connections and servers, whatever the style of the methods."""

import ctypes
import dataclasses
import os
import pathlib
import re
from typing import Any, ClassVar, Generic, List, Optional, Sequence, Tuple, Type, Union

from ._abi import ErrorCode, Kind, Option, Protocol as ProtocolBit, socket_tls_identity, socket_tls_options
from ._arguments import in_range
from ._certificates import certificates, key_file, key_kind, key_pem
from ._errors import SocketError, check, error_of
from ._kinds import C, ClientBase, ConnectionBase, ServerBase, StreamBase
from ._library import lib
from ._loop import Loop
from ._socket import Socket
from ._types import (
    Address,
    Certificate,
    Path,
    Protocol,
    TCPConnectOptions,
    Text,
    TLSConnectOptions,
    TLSIdentity,
    TLSSecureOptions,
    X509CertRawData,
)

_BITS = {Protocol.TLSv12: ProtocolBit.TLS12, Protocol.TLSv13: ProtocolBit.TLS13}
# Their reason, OpenSSL's, is in the detail.
# How the library calls what has another name here: at the beginning of what it says, after the operation.
_MEMBERS = (
    (re.compile(r"^([^:]*: )identity\.(cert|key|password)\b"), r"\1\2"),
    (re.compile(r"^([^:]*: )identity: "), r"\1cert, key: "),
    (re.compile(r"^([^:]*: )(ca)_count\b"), r"\1number of \2"),
    (re.compile(r"^([^:]*: )(alpn_protocol|pin)_count\b"), r"\1number of \2s"),
    (re.compile(r"^([^:]*: )more_identity_count\b"), r"\1number of more_identities"),
)
_EXPLAINED = (-ErrorCode.TLS_CERTIFICATE, -ErrorCode.TLS_SYSTEM_CALL, -ErrorCode.TLS_SESSION)


def _text(value: Optional[Text], what: str) -> Optional[bytes]:
    """A text for C."""
    if value is None or value == "":
        return None
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{what} is str or bytes, not {type(value).__name__}")  # it may be a secret
    data = value.encode() if isinstance(value, str) else value
    if b"\0" in data:
        raise error_of(ErrorCode.PARAMETER, f"{what} has a NUL in it")
    return data


class _Secrets:
    """Copies of private keys and pass phrases. They are wiped when the options that hold this object go."""

    def __init__(self) -> None:
        self._copies: List[Any] = []

    # The functions are arguments, because a module has lost its names at the end of the interpreter.
    def __del__(self, wipe: Any = ctypes.memset, size: Any = ctypes.sizeof) -> None:
        for copy in self._copies:
            wipe(copy, 0, size(copy))

    def identity(
        self, cert: Any, key: Optional[Certificate], password: Optional[Text], of: str = ""
    ) -> socket_tls_identity:
        return socket_tls_identity(
            b"\n".join(certificates(cert, of + "cert")) or None,
            self._key(key, of + "key"),
            self._copy(password, of + "password"),
        )

    def _key(self, value: Optional[Certificate], what: str) -> Any:
        """A private key as PEM for C: a text, DER, or what a file has of either."""
        data: Any = value
        if isinstance(value, os.PathLike):
            data = key_file(value)
            self._copies.append(data)
        elif not isinstance(value, bytes):
            return self._copy(value, what)
        size = len(data) - isinstance(value, os.PathLike)  # the array ends with a NUL
        label = key_kind(data)
        if label is not None:
            data = key_pem(data, size, label)
            self._copies.append(data)
        elif 0 in memoryview(data).cast("B")[:size]:
            raise error_of(ErrorCode.PARAMETER, f"{what} has a NUL in it")
        return data or None if isinstance(data, bytes) else ctypes.cast(data, ctypes.c_char_p)

    def _copy(self, value: Optional[Text], what: str) -> Any:
        """A text for C that can be wiped, if it is a copy. bytes are the caller's: C reads them where they are."""
        if not isinstance(value, str) or value == "":
            return _text(value, what)
        if "\0" in value:
            raise error_of(ErrorCode.PARAMETER, f"{what} has a NUL in it")
        # By character, because str.encode() would leave bytes behind that cannot be wiped.
        codes = map(ord, value) if value.isascii() else (byte for one in value for byte in one.encode())
        copy = (ctypes.c_ubyte * (_size(value) + 1))(*codes)
        self._copies.append(copy)
        return ctypes.cast(copy, ctypes.c_char_p)


def _size(text: str) -> int:
    """The number of bytes of a text in UTF-8."""
    return len(text) if text.isascii() else sum(len(one.encode()) for one in text)


def _texts(value: Any, what: str) -> List[bytes]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)):
        value = [value]
    elif not isinstance(value, Sequence):
        raise TypeError(f"{what} is str or bytes, or a sequence of them, not {type(value).__name__}")
    return [text for text in (_text(one, what) for one in value) if text is not None]


def _array(texts: List[bytes]) -> Any:
    return (ctypes.c_char_p * len(texts))(*texts)


def _protocols(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, (str, Protocol)):
        value = [value]
    bits = 0
    for one in value:
        try:
            bits |= _BITS[Protocol(one)]
        except ValueError:
            raise error_of(ErrorCode.PARAMETER, f"protocols: no such protocol: {one!r}") from None
    return bits


def c_options(options: TLSSecureOptions) -> socket_tls_options:
    """The options for C; they keep alive what they point to."""
    if not isinstance(options, TLSSecureOptions):
        raise TypeError(f"secure options are a TLSSecureOptions, not {type(options).__name__}")
    result, secrets = socket_tls_options(ctypes.sizeof(socket_tls_options)), _Secrets()
    vars(result)["secrets"] = secrets  # they go with the options
    result.protocols = _protocols(options.protocols)
    cert = _either(options.cert, options.cert_file, "cert")
    key = _either(options.key, options.key_file, "key")
    result.identity = secrets.identity(cert, key, options.password)
    more = [
        secrets.identity(*TLSIdentity(*one), of=f"more_identities[{i}].")
        for i, one in enumerate(options.more_identities)
    ]
    if more:
        result.more_identities = (socket_tls_identity * len(more))(*more)
        result.more_identity_count = len(more)
    given = _either(options.ca, options.ca_file, "ca")
    ca = certificates(given, "ca")
    if given is not None:
        if not ca or not all(ca):
            raise error_of(ErrorCode.PARAMETER, "ca is empty; None is the system's store")
        result.ca = _array(ca)
        result.ca_count = len(ca)
    alpn = _texts(options.alpn_protocols, "alpn_protocols")
    if not isinstance(options.alpn_protocols, (str, bytes)) and len(alpn) < len(options.alpn_protocols or ()):
        raise error_of(ErrorCode.PARAMETER, "alpn_protocols has an empty name in it")
    if alpn:
        result.alpn_protocols = _array(alpn)
        result.alpn_protocol_count = len(alpn)
    result.cipher_suite = _text(options.cipher_suite, "cipher_suite")
    result.signature_algorithms = _text(options.signature_algorithms, "signature_algorithms")
    result.groups = _text(options.groups, "groups")
    pins = _texts(options.pins, "pins")
    if pins:
        result.pins = _array(pins)
        result.pin_count = len(pins)
    result.server_name = _text(options.server_name, "server_name")
    result.use_remote_cipher_prefer = bool(options.use_remote_cipher_prefer)
    result.skip_remote_validation = bool(options.skip_remote_validation)
    result.is_bidirectional_authentication = bool(options.is_bidirectional_authentication)
    result.no_session_resumption = bool(options.no_session_resumption)
    result.optional_client_certificate = bool(options.optional_client_certificate)
    return result


def _either(value: Any, path: Optional[Path], what: str) -> Any:
    """A certificate or key, or the path of its file."""
    if path is None:
        return value
    if value is not None:
        raise error_of(ErrorCode.PARAMETER, f"{what} and {what}_file: one of them")
    return pathlib.Path(path)


def target(
    to: Union[Address, TCPConnectOptions, TLSConnectOptions],
    secure: Optional[TLSSecureOptions],
    timeout: Optional[float] = None,
) -> Tuple[Address, Optional[float], Optional[socket_tls_options]]:
    """Address, seconds (None: default) and options of a connect or listen."""
    if isinstance(to, (TCPConnectOptions, TLSConnectOptions)):
        if timeout is None and to.timeout:
            timeout = in_range(to.timeout, 0, 86400000, "timeout") / 1000
        if isinstance(to, TLSConnectOptions):
            secure = secure or to.secure_options
            if to.alpn_protocols or to.skip_remote_validation:
                secure = dataclasses.replace(
                    secure or TLSSecureOptions(),
                    alpn_protocols=to.alpn_protocols,
                    skip_remote_validation=to.skip_remote_validation,
                )
        to = to.address
    return to, timeout, c_options(secure) if secure is not None else None


class TLSBase(Socket):
    """What clients, connections and servers have."""

    _never_opened = -ErrorCode.TLS_NOT_BOUND
    _not_connected = -ErrorCode.TLS_SESSION

    def _error(self, code: int) -> SocketError:
        return self._detailed_error(code) if code in _EXPLAINED else super()._error(code)

    def _own_names(self, detail: str) -> str:
        for member, name in _MEMBERS:
            detail = member.sub(name, detail)
        return detail

    def get_certificate(self) -> Optional[X509CertRawData]:
        """The certificate that this side has shown, or is to show."""
        return self._certificate(lib.socket_tls_get_certificate)

    def _certificate(self, getter: Any) -> Optional[X509CertRawData]:
        size = self._check(getter(self._handle, None, 0))
        if size == 0:
            return None
        buffer = ctypes.create_string_buffer(size)
        self._check(getter(self._handle, buffer, size))
        return X509CertRawData(buffer.raw)

    def _tls_text(self, getter: Any) -> str:
        buffer = ctypes.create_string_buffer(self._check(getter(self._handle, None, 0)) + 1)
        self._check(getter(self._handle, buffer, len(buffer)))
        return buffer.value.decode()


class TLSEnd(TLSBase, StreamBase):
    """A client or a connection."""

    _gone = -ErrorCode.SERVER_SHUTDOWN

    def get_remote_certificate(self) -> Optional[X509CertRawData]:
        """The certificate of the peer."""
        return self._certificate(lib.socket_tls_get_remote_certificate)

    def get_remote_certificate_chain(self) -> List[X509CertRawData]:
        """What the peer has sent: its certificate, then the others. A connection that a server has resumed has
        the peer's own only."""
        chain: List[X509CertRawData] = []
        while True:
            one = self._sent_certificate(len(chain))
            if one is None:
                return chain
            chain.append(one)

    def _sent_certificate(self, index: int) -> Optional[X509CertRawData]:
        def getter(handle: int, buffer: Any, size: int) -> int:
            return int(lib.socket_tls_get_remote_chain(handle, index, buffer, size))

        return self._certificate(getter)

    def get_protocol(self) -> str:
        """The version that was agreed on: "TLSv1.3"."""
        return self._tls_text(lib.socket_tls_get_protocol)

    def get_cipher_suite(self) -> List[str]:
        """The suite that was agreed on, by OpenSSL's name."""
        return [self._tls_text(lib.socket_tls_get_cipher_suite)]

    def get_signature_algorithms(self) -> List[str]:
        """The algorithms that both sides know, the most wanted first."""
        text = self._tls_text(lib.socket_tls_get_signature_algorithms)
        return text.split(":") if text else []

    def get_alpn(self) -> str:
        """The application protocol that was agreed on, or ""."""
        return self._tls_text(lib.socket_tls_get_alpn)

    def get_group(self) -> str:
        """The group of the key exchange: "x25519", or "" if the suite has none."""
        return self._tls_text(lib.socket_tls_get_group)

    def get_server_name(self) -> str:
        """The host that the client has named, or ""."""
        return self._tls_text(lib.socket_tls_get_server_name)

    def is_resumed(self) -> bool:
        """Whether the handshake has resumed an earlier session."""
        return bool(self._check(lib.socket_tls_is_resumed(self._handle)))


class TLSOptioned(TLSBase):
    """A client or a server."""

    def set_secure_options(self, options: TLSSecureOptions) -> None:
        """Sets the options of the next connect or listen; on a server that listens, of the clients that
        come from now on, so that a certificate is replaced without a restart."""
        self._check(
            lib.socket_tls_set_secure_options(self._handle, ctypes.byref(c_options(options)))
        )


class TLSClientBase(TLSEnd, TLSOptioned, ClientBase):
    """A TLS client."""

    _kind: ClassVar[int] = Kind.TLS

    def __init__(self, loop: Loop, handle: int = 0) -> None:
        super().__init__(loop, handle)
        if handle:
            self._bound = True
            self._opened()

    def _go_on(self, tcp: Optional[ClientBase]) -> None:
        """What the user has set on the TCP client holds."""
        if tcp is not None and tcp._half_open_chosen:
            self.set_option(Option.ALLOW_HALF_OPEN, tcp.get_option(Option.ALLOW_HALF_OPEN))


class TLSConnectionBase(TLSEnd, ConnectionBase):
    """A client of a TLS server."""

    _kind: ClassVar[int] = Kind.TLS_CONNECTION


class TLSServerBase(TLSOptioned, ServerBase[C], Generic[C]):
    """A TLS server."""

    _kind: ClassVar[int] = Kind.TLS_SERVER


def over(tcp: Optional[ClientBase], kind: Type[ClientBase]) -> int:
    """The handle of a TLS client that takes the connection of a TCP client over; 0 without one."""
    if tcp is None:
        return 0
    if not isinstance(tcp, kind):
        wanted = f"a TLSSocket goes on with a {kind.__module__}.{kind.__name__}, not {tcp!r}"
        if isinstance(tcp, Socket):
            raise error_of(ErrorCode.PARAMETER, wanted)
        raise TypeError(wanted)
    tcp._loop.check_current()
    if tcp._inbox or tcp._buffer:
        raise error_of(ErrorCode.SERVER_BUSY, "the TCP socket has bytes that nobody has received")
    handle = check(lib.socket_construct_tls_over(tcp._handle))
    tcp._set_open(False)
    tcp._listeners.clear()
    tcp._update()
    return handle
