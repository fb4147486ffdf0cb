"""The servers under test: how each is started, and what it needs.

In a command {build} is the build folder, {here} the folder of these programs
and {python} the interpreter; AT stands for the two words HOST PORT, TLS for
CERTIFICATE KEY. A server prints `listening HOST PORT`, serves, and ends with
status 0 on SIGTERM.
"""

import os
import shutil
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))


@dataclass(frozen=True)
class Server:
    command: tuple
    source: str          # of the program, relative to the repository
    group: str = "bench"  # of .ci/deps: "test" is enough for some
    env: dict = field(default_factory=dict)
    needs: tuple = ()    # a file that is not on every machine, and a word in it

    def missing(self):
        """Why it cannot be measured; None if it can be built and started."""
        if not os.path.exists(os.path.join(ROOT, self.source)):
            return f"not built: {self.source} is not there"
        if self.command[0] == "node" and shutil.which("node") is None:
            return "not there: no node on this machine"
        if self.needs and not has_word(*self.needs):
            return f"not there: no {self.needs[1]} in {self.needs[0]}"
        return None


def has_word(path, word):
    try:
        with open(path, encoding="utf-8") as file:
            return word in file.read()
    except OSError:
        return False


def program(name, *words, group="bench", extension="c", tls=False, env=None):
    """A program of this folder."""
    at = ("AT", "TLS") if tls else ("AT",)
    source = f"tests/bench/{name}.{extension}"
    return Server(("{build}/bench/" + name, *words, *at), source, group, env or {})


def example(name, **options):
    return Server(("{build}/examples/" + name, "AT"), f"examples_c/{name}.c", "test", **options)


def go(kind, *words):
    tls = ("TLS",) if kind.startswith("tls") else ()
    return Server(("{build}/bench/gonet", kind, *words, "AT", *tls),
                  "tests/bench/gonet/main.go", "test")


def python(script, *words, group="bench"):
    """A script for the interpreter of the benchmarks."""
    return Server(("{python}", "{here}/" + script, *words), "tests/bench/" + script, group,
                  {"PYTHONPATH": os.path.join(ROOT, "bindings", "python")})


def asyncio(kind, *flags, group):
    tls = ("TLS",) if kind == "tls" else ()
    return python("py_asyncio.py", *flags, kind, "AT", *tls, group=group)


def node(script, *words):
    return Server(("node", "{here}/" + script, *words), "tests/bench/" + script)


# Every Go program has it; here it makes the library's collector tell when it ran.
GC_TRACE = {"GODEBUG": "gctrace=1"}

SERVERS = {
    "ohsocket echo": example("tcp_echo_server"),
    "ohsocket echo, traced": example("tcp_echo_server", env=GC_TRACE),
    "ohsocket burst": program("tcp_burst_ohsocket", group="test"),
    "ohsocket sink": program("tcp_sink_ohsocket", group="test"),
    "ohsocket source 64 KB": program("tcp_source_ohsocket", "65536", group="test"),
    "ohsocket source 1 MB": program("tcp_source_ohsocket", "1048576", group="test"),
    "ohsocket foreign": program("tcp_foreign_ohsocket", group="test"),
    "ohsocket udp": example("udp_echo_server"),
    "ohsocket tls echo": program("tls_echo_ohsocket", group="test", tls=True),
    "ohsocket tls sink": program("tls_sink_ohsocket", group="test", tls=True),
    "ohsocket 1 thread": program("tcp_threads_ohsocket", "1", "0", group="test"),
    "ohsocket 2 threads": program("tcp_threads_ohsocket", "2", "0", group="test"),
    "ohsocket 1 thread, work": program("tcp_threads_ohsocket", "1", "500", group="test"),
    "ohsocket 2 threads, work": program("tcp_threads_ohsocket", "2", "500", group="test"),

    "epoll echo": program("tcp_echo_epoll", group="test"),
    "epoll burst": program("tcp_burst_epoll", group="test"),
    "epoll sink": program("tcp_sink_epoll", group="test"),
    "epoll source 64 KB": program("tcp_source_epoll", "65536", group="test"),
    "epoll source 1 MB": program("tcp_source_epoll", "1048576", group="test"),
    "epoll foreign": program("tcp_foreign_epoll", group="test"),
    "mmsg udp": program("udp_echo_mmsg", group="test"),
    "openssl tls echo": program("tls_echo_epoll", group="test", tls=True),
    "openssl tls sink": program("tls_sink_epoll", group="test", tls=True),

    "uring echo": Server(("{build}/bench/tcp_echo_uring", "AT"), "tests/bench/tcp_echo_uring.c",
                         needs=("/usr/include/liburing.h", "io_uring_prep_recv_multishot")),

    "libuv echo": program("tcp_echo_libuv"),
    "libuv echo, uv_write": program("tcp_echo_write_libuv"),
    "libuv burst": program("tcp_burst_libuv"),
    "libuv sink": program("tcp_sink_libuv"),
    "libuv source 64 KB": program("tcp_source_libuv", "65536"),
    "libuv source 1 MB": program("tcp_source_libuv", "1048576"),
    "libuv foreign": program("tcp_foreign_libuv"),
    "libuv udp": program("udp_echo_libuv"),

    "asio echo": program("tcp_asio", "echo", extension="cpp"),
    "asio sink": program("tcp_asio", "sink", extension="cpp"),
    "asio source 64 KB": program("tcp_asio", "source", "65536", extension="cpp"),
    "asio source 1 MB": program("tcp_asio", "source", "1048576", extension="cpp"),
    "asio udp": program("tcp_asio", "udp", extension="cpp"),
    "asio tls echo": program("tls_asio", "echo", extension="cpp", tls=True),
    "asio tls sink": program("tls_asio", "sink", extension="cpp", tls=True),

    "go echo": go("echo"),
    "go sink": go("sink"),
    "go source 64 KB": go("source", "65536"),
    "go source 1 MB": go("source", "1048576"),
    "go udp": go("udp"),
    "go tls echo": go("tls-echo"),
    "go tls sink": go("tls-sink"),

    "py ohsocket tcp": python("py_ohsocket_echo.py", "tcp", "AT"),
    "py ohsocket tasks tcp": python("py_ohsocket_echo.py", "--tasks", "tcp", "AT"),
    "py ohsocket udp": python("py_ohsocket_echo.py", "udp", "AT"),
    "py ohsocket tls": python("py_ohsocket_echo.py", "tls", "AT", "TLS"),
    "asyncio tcp": asyncio("tcp", group="test"),
    "asyncio udp": asyncio("udp", group="test"),
    "asyncio tls": asyncio("tls", group="test"),
    "uvloop tcp": asyncio("tcp", "--uvloop", group="bench"),
    "uvloop udp": asyncio("udp", "--uvloop", group="bench"),
    "uvloop tls": asyncio("tls", "--uvloop", group="bench"),

    "node ohsocket tcp": node("node_ohsocket_echo.mjs", "tcp", "AT"),
    "node ohsocket udp": node("node_ohsocket_echo.mjs", "udp", "AT"),
    "node ohsocket tls": node("node_ohsocket_echo.mjs", "tls", "AT", "TLS"),
    "node tcp": node("node_net.mjs", "tcp", "AT"),
    "node udp": node("node_net.mjs", "udp", "AT"),
    "node tls": node("node_net.mjs", "tls", "AT", "TLS"),
    "node tls sink": node("node_net.mjs", "tls-sink", "AT", "TLS"),
}
