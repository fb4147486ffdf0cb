"""What bench.py measures: the cases, their programs and the goals."""

OURS = "ohsocket"

RATE = "messages_per_second"
SPEED = "megabytes_per_second"
MEMORY = "bytes_per_connection"

# Programs are relative to the build folder.
ECHO = {OURS: "examples/tcp_echo_server",
        "libuv": "bench/tcp_echo_libuv",
        "uv_write": "bench/tcp_echo_write_libuv",
        "epoll": "bench/tcp_echo_epoll"}


def family(name):
    return {OURS: f"bench/{name}_ohsocket", "libuv": f"bench/{name}_libuv",
            "epoll": f"bench/{name}_epoll"}


def echo_load(connections):
    return ["bench/tcp_load", "--connections", connections, "--size", 64]


# name: (metric, server programs, load command); --seconds and --pid are added.
CASES = {
    "tcp1": (RATE, ECHO, echo_load(1)),
    "tcp100": (RATE, ECHO, echo_load(100)),
    "tcp1000": (RATE, ECHO, echo_load(1000)),
    "tcp10000": (RATE, ECHO, echo_load(10000)),
    "burst": (RATE, family("tcp_burst"), echo_load(100) + ["--reply", 16 * 64]),
    "bulk": (SPEED, family("tcp_sink"), ["bench/tcp_bulk_load", "--size", 65536]),
    "bulkread": (SPEED, family("tcp_source"), ["bench/tcp_bulk_read"]),
    "udp": (RATE, {OURS: "examples/udp_echo_server",
                   "libuv": "bench/udp_echo_libuv",
                   "mmsg": "bench/udp_echo_mmsg"},
            ["bench/udp_load", "--sockets", 16, "--window", 16, "--size", 64]),
    "idle": (MEMORY, ECHO, ["bench/idle_load", "--connections", 10000]),
}
# bulkread only runs when it is asked for: it needs a server of its own.
DEFAULT_CASES = [name for name in CASES if name != "bulkread"]
NOT_QUICK = {"tcp10000"}

# case: {peer: ratio of ohsocket to the peer}. At least that much, except for
# memory, where it is at most that much.
GOALS = {
    "tcp1": {"libuv": 1.5, "epoll": 0.9},
    "tcp100": {"libuv": 1.5, "epoll": 0.9},
    "tcp1000": {"libuv": 1.5, "epoll": 0.9},
    "burst": {"libuv": 3.0},
    "bulk": {"epoll": 0.95},
    "udp": {"libuv": 1.3, "mmsg": 0.9},
    "idle": {"libuv": 1.0},
}
