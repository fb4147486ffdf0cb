"""What is measured: the cases, their peers, loads and goals."""

from dataclasses import dataclass, field

from .servers import SERVERS

OURS = "ohsocket"


@dataclass(frozen=True)
class Metric:
    key: str      # of the result that is compared
    unit: str
    higher: bool  # is better


MESSAGES = Metric("messages_per_second", "msg/s", True)
CONNECTIONS = Metric("connections_per_second", "conn/s", True)
BYTES = Metric("megabytes_per_second", "MB/s", True)
MEMORY = Metric("bytes_per_connection", "B/conn", False)
LATENCY = Metric("p99_us", "us (p99)", False)
START = Metric("start_ms", "ms", False)
LOADING = Metric("load_and_listen_ms", "ms", False)


@dataclass(frozen=True)
class Case:
    title: str
    section: str
    metric: Metric
    peers: dict                    # label: name of a server; ours first
    load: tuple = ()               # command; --pid, --seconds and --warmup are added
    goals: dict = field(default_factory=dict)  # peer: ratio of ours to it
    timed: bool = True             # the load takes --seconds and --warmup
    two_cores: bool = False        # the server may use two cores
    seconds: tuple = (None, None)  # instead of the run's own: full, quick
    rounds: int = None             # instead of the run's own
    rate_from: str = None          # the case whose peak gives {half_peak}
    overhead: float = 0.2          # seconds a run takes besides, for the estimate
    note: str = ""                 # what a reader should know besides


def echo(connections, size=64, reply=None):
    words = ("tcp_load", "--connections", connections, "--size", size)
    return words + (("--reply", reply) if reply else ())


def tls_echo(connections):
    return ("tls_load", "--connections", connections, "--size", 64)


def udp(size, in_flight):
    """What is in flight fits into the default receive buffer of any server."""
    return ("udp_load", "--sockets", 8, "--window", in_flight // 8, "--size", size)


def rate(messages_per_second):
    return ("tcp_rate_load", "--connections", 100, "--size", 64, "--rate", messages_per_second)


def family(what, *peers):
    return {peer: f"{peer} {what}" for peer in (OURS, *peers)}


TCP = family("echo", "libuv", "epoll", "asio", "go")
TLS = {**family("tls echo", "openssl", "asio", "go"), "node": "node tls"}
TLS_SINK = {**family("tls sink", "openssl", "asio", "go"), "node": "node tls sink"}
UV_WRITE = {**TCP, "uv_write": "libuv echo, uv_write", "uring": "uring echo"}
TCP_GOALS = {"libuv": 1.5, "epoll": 0.9}
TLS_GOALS = {"openssl": 0.9, "node": 1.5}


def udp_peers():
    return {OURS: "ohsocket udp", "libuv": "libuv udp", "mmsg": "mmsg udp",
            "asio": "asio udp", "go": "go udp"}


C = "C: echo"
BULK = "C: bulk"
TLS_SECTION = "C: TLS 1.3"
LIFE = "C: connections, memory, start"
THREADS = "C: two dispatch threads"
THREADS_NOTE = ("The server may use two cores, with one thread as with two. On a machine of two cores the "
                "load generator needs part of them.")
LATENCIES = "Latency at a fixed rate"
CROWD = 10000
CROWD_SECONDS = 1.2  # to connect ten thousand and to end them

CASES = {
    "tcp1": Case("TCP echo 64 B, 1 connection", C, MESSAGES, TCP, echo(1), TCP_GOALS),
    "tcp10": Case("TCP echo 64 B, 10 connections", C, MESSAGES, family("echo", "libuv", "epoll"),
                  echo(10)),
    "tcp100": Case("TCP echo 64 B, 100 connections", C, MESSAGES, UV_WRITE, echo(100), TCP_GOALS),
    "tcp1000": Case("TCP echo 64 B, 1,000 connections", C, MESSAGES, TCP, echo(1000), TCP_GOALS),
    "tcp10000": Case("TCP echo 64 B, 10,000 connections", C, MESSAGES, TCP, echo(CROWD), TCP_GOALS,
                     overhead=CROWD_SECONDS),
    "burst": Case("16 sends of 64 B for each message, 100 connections", C, MESSAGES,
                  family("burst", "libuv", "epoll"), echo(100, reply=16 * 64), {"libuv": 3.0}),
    "foreign": Case("TCP echo 64 B answered from another thread, 100 connections", C, MESSAGES,
                    family("foreign", "libuv", "epoll"), echo(100)),
    "udp64": Case("UDP echo 64 B", C, MESSAGES, udp_peers(), udp(64, 128), {"libuv": 1.3, "mmsg": 0.9}),
    "udp1400": Case("UDP echo 1,400 B", C, MESSAGES, udp_peers(), udp(1400, 64)),

    "receive64k": Case("one-way bulk, receiving sends of 64 KB", BULK, BYTES,
                       family("sink", "libuv", "epoll", "asio", "go"),
                       ("tcp_bulk_load", "--size", 65536), {"epoll": 0.95}),
    "receive1m": Case("one-way bulk, receiving sends of 1 MB", BULK, BYTES,
                      family("sink", "libuv", "epoll", "asio", "go"),
                      ("tcp_bulk_load", "--size", 1 << 20), {"epoll": 0.95}),
    "send64k": Case("one-way bulk, sending 64 KB at a time", BULK, BYTES,
                    family("source 64 KB", "libuv", "epoll", "asio", "go"), ("tcp_bulk_read",),
                    {"epoll": 0.95}),
    "send1m": Case("one-way bulk, sending 1 MB at a time", BULK, BYTES,
                   family("source 1 MB", "libuv", "epoll", "asio", "go"), ("tcp_bulk_read",),
                   {"epoll": 0.95}),

    "tls100": Case("TLS echo 64 B, 100 connections", TLS_SECTION, MESSAGES, TLS, tls_echo(100),
                   TLS_GOALS),
    "tlsbulk": Case("TLS bulk, receiving sends of 64 KB", TLS_SECTION, BYTES, TLS_SINK,
                    ("tls_bulk_load", "--size", 65536), TLS_GOALS),
    "tlsfull": Case("TLS full handshakes", TLS_SECTION, CONNECTIONS, TLS,
                    ("tls_handshake_load",), TLS_GOALS),
    "tlsresumed": Case("TLS resumed handshakes", TLS_SECTION, CONNECTIONS, TLS,
                       ("tls_handshake_load", "--resume", 1), TLS_GOALS),

    "connect": Case("connect, one message, close", LIFE, CONNECTIONS, TCP, ("tcp_connect_load",)),
    "idle": Case("memory per idle TCP connection, 1,000 to 10,000", LIFE, MEMORY,
                 {**TCP, "asyncio": "asyncio tcp", "node": "node tcp"},
                 ("idle_load", "--connections", CROWD), {"libuv": 1.0}, timed=False, overhead=1.7,
                 note="Growth of the server's anonymous memory. libuv and bare epoll read into one buffer "
                      "for all, Asio and Go into one of 4 KB for each, as their users write it."),
    "start": Case("start of a server program to listening", LIFE, START,
                  {**TCP, "asyncio": "asyncio tcp", "node": "node tcp"}, timed=False, overhead=0.1,
                  note="From the fork before exec to the line that says where the server listens."),
    "load": Case("dlopen of the library to listening", LIFE, LOADING, {OURS: None},
                 ("library_start", "{build}/libohsocket.so"), timed=False, overhead=0.1,
                 note="In a C program that runs already: dlopen, then a server until its listening event."),

    "threads": Case("TCP echo 64 B, 100 connections, 2 threads to 1", THREADS, MESSAGES,
                    {OURS: "ohsocket 2 threads", "1 thread": "ohsocket 1 thread"}, echo(100),
                    two_cores=True, note=THREADS_NOTE),
    "threadswork": Case("the same with computing for each message", THREADS, MESSAGES,
                        {OURS: "ohsocket 2 threads, work", "1 thread": "ohsocket 1 thread, work"},
                        echo(100), two_cores=True,
                        note="A checksum over the message, 500 times: what more threads can share. "
                             + THREADS_NOTE),

    "latency": Case("TCP echo 64 B, 100 connections, 10,000 messages/s", LATENCIES, LATENCY,
                    {**TCP, "node": "node tcp", "asyncio": "asyncio tcp", "uvloop": "uvloop tcp",
                     "ohsocket, Python": "py ohsocket tcp", "ohsocket, Node": "node ohsocket tcp"},
                    rate(10000),
                    note="Open loop: latency counts from the moment a message was meant to leave."),
    "halfpeak": Case("the same at half of the peak", LATENCIES, LATENCY,
                     {OURS: "ohsocket echo, traced", "epoll": "epoll echo"},
                     rate("{half_peak}"), seconds=(60, 4), rounds=1, rate_from="tcp100"),
}


# What a binding that costs nothing would reach, and a server without library.
IN_C = {"tcp100": {"library in C": "ohsocket echo", "bare C": "epoll echo"},
        "tls100": {"library in C": "ohsocket tls echo", "bare C": "openssl tls echo"}}


def add_language(prefix, title, ours, peers, tcp_goals, udp_goals, tls_goals, more):
    """The same echo cases through the servers of a language; more: further peers of a case."""
    def servers(kind):
        found = {OURS: f"{ours} {kind}", **{label: f"{peer} {kind}" for label, peer in peers.items()}}
        return {label: server for label, server in found.items() if server in SERVERS}

    def add(name, what, kind, load, goals, overhead=0.4):
        CASES[f"{prefix}-{name}"] = Case(what, title, MESSAGES, {**servers(kind), **more.get(name, {})},
                                         load, goals, overhead=overhead)

    for n, text in ((1, "1 connection"), (100, "100 connections"), (1000, "1,000 connections")):
        add(f"tcp{n}", f"TCP echo 64 B, {text}", "tcp", echo(n), tcp_goals)
    add("tcp10000", "TCP echo 64 B, 10,000 connections", "tcp", echo(CROWD), tcp_goals,
        overhead=CROWD_SECONDS + 0.5)
    add("udp64", "UDP echo 64 B", "udp", udp(64, 128), udp_goals)
    add("udp1400", "UDP echo 1,400 B", "udp", udp(1400, 64), {})
    add("tls100", "TLS echo 64 B, 100 connections", "tls", tls_echo(100), tls_goals)


PYTHON_GOALS = {"asyncio": 3.0, "uvloop": 1.1}
PYTHON_PEERS = {"tasks": "py ohsocket tasks", "asyncio": "asyncio", "uvloop": "uvloop"}
add_language("py", "Python", "py ohsocket", PYTHON_PEERS,
             PYTHON_GOALS, {}, PYTHON_GOALS, IN_C)
add_language("node", "Node", "node ohsocket", {"node": "node"},
             {"node": 1.2}, {"node": 1.5}, {"node": 1.5}, {})

# The cost of a message at the second case to that at the first, by itself.
FLAT = ("tcp10", "tcp10000", 1.2)
