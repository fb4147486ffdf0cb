"""An echo server survives clients that fill its queue, read nothing and reset.

hostile.py [--tls] [--clients N] COMMAND...

Starts the command, which prints "listening ADDRESS PORT", and lets hostile clients at it. Afterwards the server has as many
sockets as before, serves a polite client, and ends by SIGTERM.
"""

import argparse
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

PATIENCE = 20  # seconds, for any single thing to happen
PIECE = b"x" * 65536
QUIET = 0.3  # seconds in which a full connection takes nothing
LONG = 5  # seconds for filling: some servers read on and refuse to answer


def descriptors(pid):
    """Of sockets: another loop of the server, which stays, has others."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass  # closed meanwhile
    return count


def await_descriptors(pid, most):
    deadline = time.monotonic() + PATIENCE
    while descriptors(pid) > most:
        if time.monotonic() > deadline:
            sys.exit(f"{descriptors(pid)} descriptors, {most} before the clients")
        time.sleep(0.02)


class Client:
    """A client that writes and reads nothing, over TLS if it is given a context."""

    def __init__(self, address, context):
        self.plain = socket.create_connection(address, PATIENCE)
        self.stream = context.wrap_socket(self.plain) if context else self.plain
        self.stream.setblocking(False)

    def fill(self):
        """Writes as much as is taken now."""
        try:
            for _ in range(100):
                self.stream.send(PIECE)
            return True
        except (BlockingIOError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False  # the server has had enough

    def reset(self):
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()


def fill_all(clients):
    """Until none of them is taken anything from: queues and buffers are full."""
    deadline = time.monotonic() + LONG
    while clients and time.monotonic() < deadline:
        writable = select.select([], [c.stream for c in clients], [], QUIET)[1]
        if not writable:
            return
        clients = [c for c in clients if c.stream not in writable or c.fill()]


def echo(address, context):
    with socket.create_connection(address, PATIENCE) as plain:
        stream = context.wrap_socket(plain) if context else plain
        stream.sendall(b"polite")
        got = b""
        while len(got) < 6:
            part = stream.recv(100)
            if not part:
                sys.exit("a polite client is not served")
            got += part
        stream.close()


def attack(address, context, pid, count):
    before = descriptors(pid)
    echo(address, context)
    clients = [Client(address, context) for _ in range(count)]
    fill_all(clients)
    for client in clients[: count // 2]:
        client.reset()
    for client in clients[count // 2 :]:
        client.stream.close()  # with bytes unread, which is a reset too
    await_descriptors(pid, before)
    echo(address, context)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    server = subprocess.Popen(options.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        words = server.stdout.readline().split()
        assert words[:1] == ["listening"], words
        attack((words[1], int(words[2])), context, server.pid, options.clients)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) in (0, -signal.SIGTERM), server.returncode
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
