"""Event-driven TCP, UDP and TLS sockets for Python, on libohsocket.

The classes here are for asyncio. Without it: ``ohsocket.sync``, whose methods wait, and
``ohsocket.callback``, whose sockets are run by ``ohsocket.run()``.
"""

from . import callback, sync
from ._abi import VERSION, Category, ErrorCode, Family, Option
from ._asyncio import (
    MulticastSocket,
    TCPSocket,
    TCPSocketConnection,
    TCPSocketServer,
    TLSSocket,
    TLSSocketConnection,
    TLSSocketServer,
    UDPSocket,
)
from ._errors import (
    BlockingIOError as BlockingIOError,
    BrokenPipeError as BrokenPipeError,
    CancelledError as CancelledError,
    CertificateError,
    ConnectionAbortedError as ConnectionAbortedError,
    ConnectionRefusedError as ConnectionRefusedError,
    ConnectionResetError as ConnectionResetError,
    ForkedError,
    ParameterError,
    PermissionError as PermissionError,
    ResolveError,
    SocketError,
    TimeoutError as TimeoutError,
    TLSError,
)
from ._process import Stats, get_stats, set_compat, set_tls_keylog, set_total_queue_limit, version
from ._serve import serve
from ._transport import as_streams, as_transport
from ._types import (
    Address,
    ExtraOptionsBase,
    NetAddress,
    Protocol,
    SocketLinger,
    SocketMessageInfo,
    SocketRemoteInfo,
    SocketStateBase,
    TCPConnectOptions,
    TCPExtraOptions,
    TCPSendOptions,
    TLSConnectOptions,
    TLSIdentity,
    TLSSecureOptions,
    UDPExtraOptions,
    UDPSendOptions,
    X509CertRawData,
)
from .callback import run

__version__ = VERSION


construct_multicast_socket_instance = MulticastSocket
construct_tcp_socket_instance = TCPSocket
construct_tcp_socket_server_instance = TCPSocketServer
construct_tls_socket_instance = TLSSocket
construct_tls_socket_server_instance = TLSSocketServer
construct_udp_socket_instance = UDPSocket

# Without the exceptions that have the names of Python's own.
__all__ = [
    "Address",
    "Category",
    "CertificateError",
    "ErrorCode",
    "ExtraOptionsBase",
    "Family",
    "ForkedError",
    "MulticastSocket",
    "NetAddress",
    "Option",
    "ParameterError",
    "Protocol",
    "ResolveError",
    "SocketError",
    "SocketLinger",
    "SocketMessageInfo",
    "SocketRemoteInfo",
    "SocketStateBase",
    "Stats",
    "TCPConnectOptions",
    "TCPExtraOptions",
    "TCPSendOptions",
    "TCPSocket",
    "TCPSocketConnection",
    "TCPSocketServer",
    "TLSConnectOptions",
    "TLSError",
    "TLSIdentity",
    "TLSSecureOptions",
    "TLSSocket",
    "TLSSocketConnection",
    "TLSSocketServer",
    "UDPExtraOptions",
    "UDPSendOptions",
    "UDPSocket",
    "X509CertRawData",
    "as_streams",
    "as_transport",
    "callback",
    "construct_multicast_socket_instance",
    "construct_tcp_socket_instance",
    "construct_tcp_socket_server_instance",
    "construct_tls_socket_instance",
    "construct_tls_socket_server_instance",
    "construct_udp_socket_instance",
    "get_stats",
    "run",
    "serve",
    "set_compat",
    "set_tls_keylog",
    "set_total_queue_limit",
    "sync",
    "version",
]
