"""The programs in examples/ and README.md do what they say."""

import contextlib
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
from typing import Any, Dict, Iterator

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = PACKAGE / "examples"
README = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)


@contextlib.contextmanager
def server(name: str, *words: object) -> "Iterator[int]":
    """The port of a running example, which must end well with Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", EXAMPLES / name, "127.0.0.1", "0", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        words = process.stdout.readline().split()
        assert words[:2] == ["listening", "127.0.0.1"]
        yield int(words[2])
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, errors) == (0, "")


def client(name: str, port: int, status: int = 0, *words: object) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, "127.0.0.1", str(port), *(words or ["h\u00e4llo"])],
        capture_output=True, text=True, timeout=20, check=False, env=dict(os.environ, PYTHONUTF8="1"),
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("name", ["client.py", "client_blocking.py", "client_callback.py"])
@pytest.mark.parametrize("by", ["echo_server.py", "echo_server_listeners.py"])
def test_tcp_examples(name: str, by: str) -> None:
    with server(by) as port:
        assert client(name, port).stdout == "h\u00e4llo\n"


def test_a_line_server_and_a_pool_of_clients() -> None:
    with server("line_server.py") as port:
        assert client("client_pool.py", port, 0, *"abcde").stdout == "A\nB\nC\nD\nE\n"


def test_tls_with_files(pem: Dict[str, Any]) -> None:
    folder = pem["folder"]
    with server("tls_server.py", folder / "server.crt", folder / "server.key") as port:
        assert client("tls_client.py", port, 0, folder / "ca.crt", "line").stdout == "TLSv1.3 LINE\n"


def test_the_examples_for_newcomers_are_short() -> None:
    for name in ("line_server.py", "client_pool.py", "tls_server.py", "tls_client.py"):
        assert len((EXAMPLES / name).read_text().splitlines()) <= 30, name


@pytest.mark.parametrize("name", ["client.py", "client_blocking.py", "client_callback.py"])
def test_refused(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    errors = client(name, port, 1).stderr
    expected = f"client: [SOCKET_ERROR_CONNREFUSED 2301111] connect 127.0.0.1:{port}: Connection refused\n"
    assert errors == expected


def test_udp_examples() -> None:
    with server("udp_echo_server.py") as port:
        assert client("udp_client.py", port).stdout == f"127.0.0.1 port {port}: h\u00e4llo\n"


@pytest.mark.parametrize("by", ["echo_server.py", "echo_server_listeners.py"])
def test_echo_servers_with_a_client_that_reads_late(by: str) -> None:
    """More than the queues hold, and the end before the answer."""
    data = os.urandom(30_000_000)
    with server(by) as port, socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError, socket.timeout):
            while sent < len(data):
                sent += plain.send(data[sent : sent + 1_000_000])
        assert sent < len(data)  # nobody reads, so nobody takes everything
        plain.settimeout(20)
        received = bytearray()
        plain.setblocking(False)
        while len(received) < len(data):
            wanted = [plain] if sent < len(data) else []
            readable, writable, _ = select.select([plain], wanted, [], 20)
            assert readable or writable, "stalled"
            if writable:
                sent += plain.send(data[sent : sent + 1_000_000])
                if sent == len(data):
                    plain.shutdown(socket.SHUT_WR)
            if readable:
                part = plain.recv(1_000_000)
                assert part, len(received)
                received += part
        assert bytes(received) == data


@pytest.mark.parametrize("number", range(len(README)))
def test_readme(number: int) -> None:
    """Each program prints what its comments say."""
    expected = re.findall(r"print\(.*\)  # (.*)", README[number])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", README[number]],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert expected and expected[0] in done.stdout


@pytest.mark.parametrize("name", ["echo_server.py", "echo_server_listeners.py"])
def test_echo_servers_with_hostile_clients(name: str) -> None:
    """Clients that fill a queue, read nothing and reset leave nothing behind."""
    hostile = PACKAGE.parents[1] / "tests" / "interop" / "hostile.py"
    done = subprocess.run(
        [sys.executable, hostile, sys.executable, EXAMPLES / name, "127.0.0.1", "0"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_multicast() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", EXAMPLES / "multicast_peer.py", "239.255.77.13", "0", "lo"],
        stdout=subprocess.PIPE, text=True,
    ) as peer:  # fmt: skip
        try:
            assert peer.stdout is not None
            port = peer.stdout.readline().split()[-1]
            subprocess.run(
                [sys.executable, EXAMPLES / "multicast_peer.py", "239.255.77.13", port, "lo", "hello"],
                check=True, timeout=20,
            )  # fmt: skip
            assert peer.stdout.readline().endswith(": hello\n")
        finally:
            peer.kill()
