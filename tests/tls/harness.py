"""What the cases of the TLS tests are made of: a registry, processes and servers that end with their case, deadlines."""

import collections
import concurrent.futures
import hashlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
CLEAN = "live sockets=0 loops=0 queued=0 internal_errors=0 descriptors=0"

cases = []


def case(name, deadline=20, alone=False):
    """Registers a function of a Case. alone: nothing else runs meanwhile."""

    def register(function):
        cases.append((name, function, deadline, alone))
        return function

    return register


def fields(line):
    """The values of a line of the test programs; text has all that follows it."""
    found = {}
    line, _, text = line.partition(" text=")
    for key, value in re.findall(r"(\w+)=(\S*)", line):
        found[key] = value
    found["text"] = text
    return found


class Process:
    """A process of which every line can be waited for."""

    def __init__(self, case, command, clean=False, end_with=signal.SIGKILL, **options):
        self.case, self.command, self.clean = case, [str(word) for word in command], clean
        self.end_with = end_with
        self.lines, self.ended = [], False
        self.changed = threading.Condition()
        self.log = tempfile.TemporaryFile()
        options.setdefault("stderr", self.log)
        options.setdefault("stdin", subprocess.PIPE)
        self.popen = subprocess.Popen(self.command, stdout=subprocess.PIPE, **options)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\r\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, pattern, count=1):
        """The count-th line that matches, as soon as it is there."""
        with self.changed:
            while True:
                found = self.all(pattern)
                if len(found) >= count:
                    return found[count - 1]
                if self.ended:
                    raise AssertionError(f"ended without {pattern!r}\n{self.describe()}")
                if not self.changed.wait(self.case.remaining()):
                    raise AssertionError(f"out of time for {pattern!r}\n{self.describe()}")

    def write(self, text):
        self.popen.stdin.write(text.encode())
        self.popen.stdin.flush()

    def finish(self):
        """Waits for the end; ours have to end well and to hold nothing any more."""
        if self.popen.stdin and not self.popen.stdin.closed:
            try:
                self.popen.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.popen.wait(self.case.remaining())
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"did not end\n{self.describe()}") from None
        self.reader.join(self.case.remaining())
        if self.clean:
            self.clean = False
            assert self.popen.returncode == 0, f"exit status {self.popen.returncode}\n{self.describe()}"
            assert self.lines and self.lines[-1] == CLEAN, f"something is left\n{self.describe()}"
        return self

    def kill(self):
        if self.popen.poll() is None:
            self.popen.send_signal(self.end_with)
            self.popen.wait()
        self.reader.join(5)
        self.popen.stdout.close()
        if self.popen.stdin and not self.popen.stdin.closed:
            try:
                self.popen.stdin.close()
            except BrokenPipeError:
                pass

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def describe(self):
        return "\n".join([" ".join(self.command), *("  | " + line[:600] for line in self.lines), self.errors()[-6000:]])

    def all(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def one(self, pattern):
        found = self.all(pattern)
        assert len(found) == 1, f"{len(found)} lines match {pattern!r}\n{self.describe()}"
        return found[0]

    def fields(self, pattern):
        return fields(self.one(pattern))

    def expect(self, pattern, code, text):
        """One line of a failure, its code and what its text has to name."""
        found = self.fields(pattern)
        assert found["code"] == str(code), f"code {found['code']}, not {code}\n{self.describe()}"
        assert re.search(text, found["text"]), f"{found['text']!r} does not say {text!r}\n{self.describe()}"
        return found

    def refuse(self, pattern):
        assert not self.all(pattern), f"there is {pattern!r}\n{self.describe()}"


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
