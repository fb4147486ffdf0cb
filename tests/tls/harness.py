"""What the cases of the TLS tests are made of: a registry, processes and servers that end with their case, deadlines."""

import array
import concurrent.futures
import fcntl
import hashlib
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

from process import Process

HERE = pathlib.Path(__file__).resolve().parent

cases = []


def case(name, deadline=20, alone=False):
    """Registers a function of a Case. alone: nothing else runs meanwhile."""

    def register(function):
        cases.append((name, function, deadline, alone))
        return function

    return register


class Listener:
    """A server in a thread: handler(connection) for each client; what it returns or raises is in results."""

    def __init__(self, case, handler, clients=1):
        self.case, self.handler, self.clients = case, handler, clients
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.results = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for _ in range(self.clients):
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.settimeout(self.case.remaining())
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                result = self.handler(connection)
            except Exception as error:
                result = error
        with self.changed:
            self.results.append(result)
            self.changed.notify_all()

    def wait(self, count=1):
        """The results of the first clients."""
        with self.changed:
            while len(self.results) < count:
                if not self.changed.wait(self.case.remaining()):
                    raise AssertionError(f"the peer in Python is not done, it has {self.results}")
            return self.results[:count]

    def result(self):
        """What the handler of the only client has returned; what it has raised is raised."""
        result = self.wait()[0]
        if isinstance(result, Exception):
            raise AssertionError("the peer in Python failed") from result
        return result

    def close(self):
        self.socket.close()


class Case:
    """One case at work. What it starts ends with it."""

    slowness = 1
    build = None
    certificates = None
    environment = None
    runs = itertools.count()

    def __init__(self, name, deadline):
        self.name = name
        self.until = time.monotonic() + deadline * self.slowness
        self.owned = []
        self.folder = None

    def remaining(self):
        return max(self.until - time.monotonic(), 0.01)

    def own(self, thing):
        self.owned.append(thing)
        return thing

    def cert(self, name):
        return str(self.certificates / name)

    def identity(self, name):
        return ["--cert", self.cert(name + ".pem"), "--key", self.cert(name + ".key")]

    @property
    def roots(self):
        return ["--ca", self.cert("roots.pem")]

    def path(self, name):
        if self.folder is None:
            self.folder = tempfile.mkdtemp(dir=self.build / "tls")
        return os.path.join(self.folder, name)

    def start(self, *command, **options):
        options.setdefault("env", self.environment)
        return self.own(Process(self, command, **options))

    def run(self, *command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return self.start(*command, **options).finish()

    def start_client(self, port, *options, host="127.0.0.1", **more):
        more.setdefault("clean", True)
        return self.start(self.build / "tls/tls_client", host, port, *options, **more)

    def client(self, port, *options, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        return self.start_client(port, *options, **more).finish()

    def server(self, *options, **more):
        server = self.start(self.build / "tls/tls_server", *options, clean=True, **more)
        server.port = int(server.wait_line("^port ").split()[1])
        return server

    def listen(self, handler, clients=1):
        return self.own(Listener(self, handler, clients))

    def end(self, failed):
        problem = None
        for thing in reversed(self.owned):
            if isinstance(thing, Process) and thing.clean and not failed:
                try:
                    thing.finish()
                except AssertionError as error:
                    problem = problem or error
        for thing in reversed(self.owned):
            thing.kill() if isinstance(thing, Process) else thing.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if problem is not None:
            raise problem

    def described(self):
        return "\n".join(thing.describe() for thing in self.owned if isinstance(thing, Process))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def make_stream(seed, size):
    """The bytes of stream_make in program.c."""
    state = (seed * 0x9E3779B97F4A7C15 + 1) % 2**64
    words = []
    for _ in range((size + 7) // 8):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        words.append(state.to_bytes(8, "little"))
    return b"".join(words)[:size]


def receive_all(connection):
    """What comes until the end, and how it ended: the exception or None."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except OSError as error:
        return b"".join(parts), error
    return b"".join(parts), None


def wait_until_full(case, connection):
    """Waits until the peer has sent what it can to one that does not read: something has come, and for a tenth of a second
    nothing more. Nothing tells that there will be no more. This is the reader that is slow on purpose."""
    size, still = array.array("i", [0]), 0
    while still < 10:
        before = size[0]
        assert time.monotonic() < case.until, f"{before} bytes have come, and it goes on"
        time.sleep(0.01)
        fcntl.ioctl(connection, termios.FIONREAD, size)
        still = still + 1 if size[0] == before > 0 else 0


def _run_case(entry):
    name, function, deadline, _ = entry
    case, began, error = Case(name, deadline), time.monotonic(), None
    try:
        try:
            function(case)
        except BaseException:
            error = traceback.format_exc() + "\n" + case.described()
        case.end(error is not None)
    except BaseException:
        error = traceback.format_exc() + "\n" + case.described()
    return name, time.monotonic() - began, error


def run(chosen, workers):
    """Runs the cases whose names begin with one of the chosen; the last line is the count."""
    entries = [e for e in cases if not chosen or any(e[0].startswith(c) for c in chosen)]
    results = []

    def report(result):
        name, seconds, error = result
        results.append(result)
        print(f"{'FAIL' if error else 'ok  '} {name} ({seconds:.1f} s)", flush=True)
        if error:
            print("\n".join("     " + line for line in error.splitlines()), flush=True)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_run_case, e) for e in entries if not e[3]]
        for future in concurrent.futures.as_completed(futures):
            report(future.result())
    for entry in entries:
        if entry[3]:
            report(_run_case(entry))
    failed = sum(1 for _, _, error in results if error)
    slowest = sorted(results, key=lambda r: -r[1])[:3]
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds, _ in slowest), file=sys.stderr)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 0 if results and not failed else 1
