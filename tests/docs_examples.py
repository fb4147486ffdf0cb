#!/usr/bin/env python3
"""Compiles and runs the C programs of README and guide as they stand in the text: tests/docs_examples.py BUILD

A program is a block whose first line is a comment with its file name. Only the port is another one, a free one.
"""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
BLOCK = re.compile(r"^```c\n(/\* (\w+)\.c \*/\n.*?)^```$", re.M | re.S)
DEADLINE = 30
signal.alarm(6 * DEADLINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def compiled(folder: pathlib.Path, port: int) -> dict[str, pathlib.Path]:
    programs = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]:
        for text, name in BLOCK.findall(page.read_text()):
            source = folder / f"{name}.c"
            source.write_text(text.replace("5678", str(port)))
            programs[name] = folder / name
            command = ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", source, "-o", folder / name]
            subprocess.run(
                [*command, f"-L{BUILD}", "-lohsocket", f"-Wl,-rpath,{BUILD}", "-pthread"], check=True
            )
    return programs


def connected(port: int) -> socket.socket:
    """A connection to a server that is just starting."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise


def check_client_and_server(programs: dict[str, pathlib.Path], port: int) -> None:
    server = subprocess.Popen(["stdbuf", "-oL", programs["greeter"]], stdout=subprocess.PIPE, text=True)
    try:
        connected(port).close()
        client = subprocess.run(
            [programs["hello"]], capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        assert client.stdout == "Hello, client!\n", client.stdout
        line = server.stdout.readline()
        assert line.endswith(": Hello, server!\n"), line
    finally:
        server.kill()
        server.wait()


def check_ends_at_a_signal(programs: dict[str, pathlib.Path], port: int) -> None:
    server = subprocess.Popen([programs["sigwait"]])
    try:
        with connected(port) as peer:
            peer.sendall(b"echo")
            assert peer.recv(4, socket.MSG_WAITALL) == b"echo"
            server.send_signal(signal.SIGTERM)
            assert server.wait(DEADLINE) == 0
    finally:
        server.kill()
        server.wait()


with tempfile.TemporaryDirectory() as made:
    port = free_port()
    programs = compiled(pathlib.Path(made), port)
    assert set(programs) == {"hello", "greeter", "sigwait"}, programs
    check_client_and_server(programs, port)
    check_ends_at_a_signal(programs, port)
print("docs: the examples of README and guide run as they stand")
