#!/usr/bin/env python3
"""Runs the programs in C, C++ and Python of README and guide as they stand in the text: tests/docs_examples.py BUILD

A program in C or C++ is a block whose first line is a comment with its file name; other blocks in C are compiled only,
inside FRAGMENT. Only the port is another one, a free one. Those of bindings/ are run by the tests of the bindings.
"""

import os
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
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAME = re.compile(r"/\* (\w+)\.(c|cpp) \*/\n")
COMPILERS = {"c": "gcc", "cpp": "g++"}
FLAGS = ["-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include"]
FRAGMENT = """
#include <ohsocket.h>
#include <stdio.h>
extern socket_tls_options secure;
extern socket_handle tcp, tls, server;
extern socket_connect_options to;
extern const char *ca_pem, *certificate_and_chain_in_pem, *key_in_pem;
extern void on_connected(socket_handle, int, void *), on_secure(socket_handle, int, void *);
extern void on_client(const socket_event *, void *), on_refused(const socket_event *, void *);
void fragment(void)
{
%s
}
"""
# What programs are linked with besides, by a header that they include.
LIBRARIES = {"glib-unix.h": "glib-2.0", "uv.h": "libuv"}
DEADLINE = 30
signal.alarm(6 * DEADLINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blocks(language: str) -> list[str]:
    return [text for page in PAGES for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def libraries(text: str) -> list[str]:
    """The options of the compiler for other libraries."""
    wanted = [name for header, name in LIBRARIES.items() if f"#include <{header}>" in text]
    if not wanted:
        return []
    command = ["pkg-config", "--cflags", "--libs", *wanted]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def compiled(folder: pathlib.Path, port: int) -> dict[str, pathlib.Path]:
    programs = {}
    link = [f"-L{BUILD}", "-lohsocket", f"-Wl,-rpath,{BUILD}", "-pthread"]
    for text in [*blocks("c"), *blocks("cpp")]:
        name = NAME.match(text)
        if name:
            source, program = folder / f"{name[1]}.{name[2]}", folder / name[1]
            source.write_text(text.replace("5678", str(port)))
            command = [COMPILERS[name[2]], *FLAGS, source, "-o", program, *link, *libraries(text)]
            subprocess.run(command, check=True)
            programs[name[1]] = program
        else:
            only = ["gcc", *FLAGS, "-Wno-unused-variable", "-fsyntax-only", "-xc", "-"]
            subprocess.run(only, input=FRAGMENT % text, text=True, check=True)
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
        check_python(port)
        for name in ("glib_hello", "uv_hello", "asio_hello"):
            client = subprocess.run([programs[name]], capture_output=True, text=True, timeout=DEADLINE, check=True)
            assert client.stdout == "Hello, client!\n", (name, client)
    finally:
        server.kill()
        server.wait()


def check_python(port: int) -> None:
    """The clients in Python, each against the server in C."""
    variables = {"OHSOCKET_LIBRARY": str(BUILD / "libohsocket.so"), "PYTHONPATH": str(ROOT / "bindings/python")}
    programs = blocks("python")
    assert programs
    for text in programs:
        client = subprocess.run(
            [sys.executable, "-W", "error", "-B", "-c", text.replace("5678", str(port))],
            capture_output=True, text=True, timeout=DEADLINE, env={**os.environ, **variables},
        )  # fmt: skip
        assert (client.stdout, client.stderr) == ("b'Hello, client!'\n", ""), client


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


def check_sends_all_with_back_pressure(programs: dict[str, pathlib.Path], port: int) -> None:
    with listener(port) as server:
        client = subprocess.Popen([programs["producer"]])
        try:
            peer, _ = server.accept()
            with peer:
                received = 0
                while part := peer.recv(1 << 20):
                    received += len(part)
            assert received == 64 << 20, received
            assert client.wait(DEADLINE) == 0
        finally:
            client.kill()
            client.wait()


def check_connects_again(programs: dict[str, pathlib.Path], port: int) -> None:
    """After a connect that was refused, and after a connection that has ended."""
    client = subprocess.Popen(["stdbuf", "-oL", programs["reconnect"]], stdout=subprocess.PIPE, text=True)
    try:
        with listener(port) as server:
            for text in ("first\n", "second\n"):
                peer, _ = server.accept()
                with peer:
                    peer.sendall(text.encode())
                    assert client.stdout.readline() == text
        client.send_signal(signal.SIGTERM)
        assert client.wait(DEADLINE) == 0
    finally:
        client.kill()
        client.wait()


def check_loses_nothing_at_a_signal(programs: dict[str, pathlib.Path], port: int) -> None:
    server = subprocess.Popen([programs["graceful"]])
    try:
        with connected(port) as first, connected(port) as second:
            for peer in (first, second):
                peer.sendall(b"echo")
                assert peer.recv(4, socket.MSG_WAITALL) == b"echo"
            server.send_signal(signal.SIGTERM)
            for peer in (first, second):
                assert peer.recv(100, socket.MSG_WAITALL) == b"goodbye"
        assert server.wait(DEADLINE) == 0
    finally:
        server.kill()
        server.wait()


def listener(port: int) -> socket.socket:
    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(DEADLINE)
    return server


CHECKS = {
    check_client_and_server: {"hello", "greeter", "glib_hello", "uv_hello", "asio_hello"},
    check_ends_at_a_signal: {"sigwait"},
    check_sends_all_with_back_pressure: {"producer"},
    check_connects_again: {"reconnect"},
    check_loses_nothing_at_a_signal: {"graceful"},
}

with tempfile.TemporaryDirectory() as made:
    port = free_port()
    programs = compiled(pathlib.Path(made), port)
    assert set(programs) == set.union(*CHECKS.values()), programs
    for check in CHECKS:
        check(programs, port)
print("docs: the examples of README and guide run as they stand")
