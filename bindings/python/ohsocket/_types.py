"""Addresses, options and messages, with the fields of OpenHarmony in snake_case."""

import os
import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypedDict, Union

from ._abi import Extra, Family


class NetAddress(NamedTuple):
    """One end of a connection. ``family`` is 1 for IPv4, 2 for IPv6, 3 for a host name."""

    address: str
    port: int = 0
    family: int = Family.IPV4


class SocketRemoteInfo(NamedTuple):
    """Where a message came from, and its size in bytes. ``family`` is "IPv4" or "IPv6", as OpenHarmony has
    it, and not the number of a NetAddress."""

    address: str
    family: str
    port: int
    size: int


class SocketMessageInfo(NamedTuple):
    """What a message listener is given; unpacks as ``message, remote_info``."""

    message: bytes
    remote_info: SocketRemoteInfo


class SocketStateBase(NamedTuple):
    """Whether a socket is bound, was closed and not opened again, is connected."""

    is_bound: bool
    is_close: bool
    is_connected: bool


Address = Union[NetAddress, SocketRemoteInfo, Tuple[str, int], Tuple[str, int, int, int], List[Any]]
"""A NetAddress or ``(address, port)``; also what a message came from, and what Python's getsockname()
returns. All but a NetAddress leave the family to the address: 127.0.0.1, ::1 or, to connect, a host name,
of which all addresses are tried."""

Buffer = Union[bytes, bytearray, memoryview]
Data = Union[bytes, bytearray, memoryview, str]


class TCPConnectOptions(NamedTuple):
    """Where to connect to. ``timeout``: milliseconds, 0 for the default of 5000."""

    address: Address
    timeout: int = 0


class TCPSendOptions(NamedTuple):
    """What to send. ``encoding`` is that of a str."""

    data: Data
    encoding: str = "utf-8"


class UDPSendOptions(NamedTuple):
    """What to send, and where to."""

    data: Data
    address: Address


class SocketLinger(NamedTuple):
    """With ``on``, close waits up to ``linger`` milliseconds (0 to 65535); 0 resets the connection."""

    on: bool
    linger: int


@dataclass
class ExtraOptionsBase:
    """Options of every socket; None leaves one as it is.

    Buffer sizes in bytes, 0 to 262144. ``socket_timeout``: milliseconds that queued data may wait
    without any of it being sent, 0 for no limit.
    """

    receive_buffer_size: Optional[int] = None
    send_buffer_size: Optional[int] = None
    reuse_address: Optional[bool] = None
    socket_timeout: Optional[int] = None


@dataclass
class UDPExtraOptions(ExtraOptionsBase):
    """Options of UDP sockets: those of ExtraOptionsBase (bytes, milliseconds), and a switch."""

    broadcast: Optional[bool] = None


@dataclass
class TCPExtraOptions(ExtraOptionsBase):
    """Options of TCP sockets, servers and connections.

    Those of ExtraOptionsBase: buffer sizes in bytes, ``socket_timeout`` in milliseconds; ``socket_linger``
    in milliseconds too. The others are switches.
    """

    keep_alive: Optional[bool] = None
    oob_inline: Optional[bool] = None
    tcp_no_delay: Optional[bool] = None
    socket_linger: Optional[SocketLinger] = None


class Protocol(Enum):
    """Versions of TLS."""

    TLSv12 = "TLSv1.2"
    TLSv13 = "TLSv1.3"


Text = Union[str, bytes]
Path = Union[str, "os.PathLike[str]"]
Certificate = Union[str, bytes, "os.PathLike[str]"]
"""Certificates or a key: PEM as str or bytes, DER as bytes, or a pathlib.Path of a file with either."""


class TLSIdentity(NamedTuple):
    """A certificate with its chain, and its key: PEM, DER or a pathlib.Path."""

    cert: Certificate
    key: Certificate
    password: Optional[Text] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(cert={self.cert!r})"  # no secrets


@dataclass
class TLSSecureOptions:
    """How to speak TLS, see docs/guide/tls.md. What is not given is OpenSSL's default.

    ``cert``, ``key`` and ``ca`` are PEM (str or bytes), DER (bytes) or a pathlib.Path of a file with either;
    ``cert_file``, ``key_file`` and ``ca_file`` are paths, as text too. ``protocols`` to
    ``is_bidirectional_authentication`` as in OpenHarmony; the fields after it are further options of the
    library.
    """

    key: Optional[Certificate] = field(default=None, repr=False)
    cert: Union[None, Certificate, Sequence[Certificate]] = None
    ca: Union[None, Certificate, Sequence[Certificate]] = None
    password: Optional[Text] = field(default=None, repr=False)
    protocols: Union[None, Protocol, str, Sequence[Union[Protocol, str]]] = None
    use_remote_cipher_prefer: bool = False
    signature_algorithms: Optional[str] = None
    cipher_suite: Optional[str] = None
    is_bidirectional_authentication: bool = False
    alpn_protocols: Union[str, Sequence[str]] = ()
    skip_remote_validation: bool = False
    server_name: Optional[str] = None
    more_identities: Sequence[TLSIdentity] = field(default_factory=list, repr=False)
    no_session_resumption: bool = False
    optional_client_certificate: bool = False
    groups: Optional[str] = None
    pins: Union[str, Sequence[str]] = ()
    cert_file: Optional[Path] = None
    key_file: Optional[Path] = None
    ca_file: Optional[Path] = None

    @classmethod
    def from_ssl_context(cls, context: "ssl.SSLContext", **more: Any) -> "TLSSecureOptions":
        """What an ssl.SSLContext shows: its CA certificates, versions, TLS 1.2 suites and what it verifies;
        ``more`` are the fields that it does not show, or that are to be others.

        It does not show its own certificate and key (give ``cert_file`` and ``key_file``), its ALPN names
        (``alpn_protocols``), and the system's store (``ca=None``). ParameterError for what is set there and
        cannot be said here.
        """
        return cls(**{**context_fields(context, more), **more})


class TLSConnectOptions(NamedTuple):
    """Where a TLS client connects to, or a TLS server listens. ``timeout``: milliseconds for look-up,
    connection and handshake, 0 for the default of 5000."""

    address: Address
    secure_options: Optional[TLSSecureOptions] = None
    alpn_protocols: Union[str, Sequence[str]] = ()
    skip_remote_validation: bool = False
    timeout: int = 0


class X509CertRawData(NamedTuple):
    """A certificate. ``encoding_format`` is 0: DER."""

    data: bytes
    encoding_format: int = 0


class ExtraOptionsArguments(TypedDict, total=False):
    """ExtraOptionsBase as keyword arguments."""

    receive_buffer_size: Optional[int]
    send_buffer_size: Optional[int]
    reuse_address: Optional[bool]
    socket_timeout: Optional[int]


class UDPExtraOptionsArguments(ExtraOptionsArguments, total=False):
    """UDPExtraOptions as keyword arguments."""

    broadcast: Optional[bool]


class TCPExtraOptionsArguments(ExtraOptionsArguments, total=False):
    """TCPExtraOptions as keyword arguments."""

    keep_alive: Optional[bool]
    oob_inline: Optional[bool]
    tcp_no_delay: Optional[bool]
    socket_linger: Optional[SocketLinger]


def context_fields(context: "ssl.SSLContext", more: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields of TLSSecureOptions that an ssl.SSLContext shows."""
    if not isinstance(context, ssl.SSLContext):
        raise TypeError(f"an ssl.SSLContext is wanted, not {context!r}")
    is_server = context.protocol == ssl.PROTOCOL_TLS_SERVER
    verifies = context.verify_mode != ssl.CERT_NONE
    wrong = ""
    if is_server and not {"cert", "cert_file"} & set(more):
        wrong = "it does not show its certificate: give cert_file and key_file too"
    elif verifies and not is_server and not context.check_hostname:
        wrong = "check_hostname=False with verification: give server_name, the name that the certificate has"
        wrong = "" if more.get("server_name") else wrong
    elif context.verify_flags & (ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_CRL_CHECK_CHAIN):
        wrong = "verify_flags: certificate revocation lists are not looked at"
    elif getattr(context, "sni_callback", None) is not None:
        wrong = "sni_callback: give more_identities, of which the name selects one"
    ca = [ssl.DER_cert_to_PEM_cert(one) for one in context.get_ca_certs(binary_form=True)]
    if not wrong and verifies and not ca and not {"ca", "ca_file"} & set(more):
        wrong = "it does not show the certificates that it trusts: give ca_file, or ca=None for the system's store"
    if wrong:
        raise ValueError(wrong)
    fields: Dict[str, Any] = {"protocols": _context_protocols(context), "ca": ca if verifies and ca else None}
    if {"ca", "ca_file"} & set(more):
        del fields["ca"]
    optional = context.verify_mode == ssl.CERT_OPTIONAL
    fields["is_bidirectional_authentication"] = is_server and verifies and not optional
    fields["optional_client_certificate"] = is_server and optional
    fields["skip_remote_validation"] = not is_server and not verifies
    fields["use_remote_cipher_prefer"] = is_server and not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    fields["no_session_resumption"] = bool(is_server and context.options & ssl.OP_NO_TICKET)
    suites = [suite["name"] for suite in context.get_ciphers()]
    if suites != [suite["name"] for suite in ssl.SSLContext(context.protocol).get_ciphers()]:
        fields["cipher_suite"] = ":".join(suites)
    return fields


def _context_protocols(context: "ssl.SSLContext") -> List[Protocol]:
    """The versions that an ssl.SSLContext allows."""
    disabled = {Protocol.TLSv12: ssl.OP_NO_TLSv1_2, Protocol.TLSv13: ssl.OP_NO_TLSv1_3}
    numbers = {Protocol.TLSv12: ssl.TLSVersion.TLSv1_2, Protocol.TLSv13: ssl.TLSVersion.TLSv1_3}
    lowest, highest = context.minimum_version, context.maximum_version
    allowed = [
        one
        for one in Protocol
        if lowest <= numbers[one]
        and (highest == ssl.TLSVersion.MAXIMUM_SUPPORTED or numbers[one] <= highest)
        and not context.options & disabled[one]
    ]
    if not allowed:
        raise ValueError("it allows neither TLS 1.2 nor TLS 1.3")
    return allowed


class ExtraField(NamedTuple):
    """How an extra option is called in the library."""

    bit: int
    member: str


EXTRA_FIELDS = {
    "keep_alive": ExtraField(Extra.KEEP_ALIVE, "keep_alive"),
    "oob_inline": ExtraField(Extra.OOB_INLINE, "oob_inline"),
    "tcp_no_delay": ExtraField(Extra.TCP_NO_DELAY, "tcp_no_delay"),
    "receive_buffer_size": ExtraField(Extra.RECEIVE_BUFFER_SIZE, "receive_buffer_size"),
    "send_buffer_size": ExtraField(Extra.SEND_BUFFER_SIZE, "send_buffer_size"),
    "reuse_address": ExtraField(Extra.REUSE_ADDRESS, "reuse_address"),
    "socket_timeout": ExtraField(Extra.SOCKET_TIMEOUT, "socket_timeout_ms"),
    "broadcast": ExtraField(Extra.BROADCAST, "broadcast"),
}


def net_address(address: Any) -> NetAddress:
    """The NetAddress that an address of any form is."""
    if isinstance(address, NetAddress):
        return address
    scope = 0
    if hasattr(address, "address") and hasattr(address, "port"):
        host, port = address.address, address.port
    elif isinstance(address, (tuple, list)) and len(address) == 2:
        host, port = address
    elif isinstance(address, (tuple, list)) and len(address) == 4:
        host, port, _, scope = address  # IPv6 as of socket.getsockname()
    else:
        raise TypeError(f"an address is a NetAddress or (address, port), not {address!r}")
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError(f"an address is (str, int), not {address!r}")
    if scope and "%" not in host:
        host = f"{host}%{scope}"
    return NetAddress(host, port, Family.UNSPECIFIED)


def encode(data: Data, encoding: str = "utf-8") -> bytes:
    """The bytes of what is to be sent."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode(encoding)
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    try:
        return bytes(memoryview(data))
    except TypeError:
        raise TypeError(f"data is bytes-like or str, not {type(data).__name__}") from None
