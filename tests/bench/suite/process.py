"""Server and load processes: started on their cores, measured, always ended."""

import json
import os
import resource
import select
import signal
import subprocess
import threading
import time

from .servers import HERE, SERVERS

START_SECONDS = 20  # for the `listening` line
STOP_SECONDS = 20   # between SIGTERM and SIGKILL
LOAD_SECONDS = 60   # beyond what a load was asked for


class Failure(Exception):
    """A run that gave no result; the message says why."""


class Place:
    """Where things are and run: folders, interpreter, certificate, cores. The servers use the
    library of the build, or that of another folder."""

    def __init__(self, build, python, library=None):
        self.build = os.path.abspath(build)
        self.library = os.path.abspath(library or build)
        self.python = python
        self.certificate = os.path.join(self.build, "bench", "certificate.pem")
        self.key = os.path.join(self.build, "bench", "key.pem")
        self.cores = sorted(os.sched_getaffinity(0))

    def words(self, command):
        words = []
        for word in command:
            if word == "AT":
                words += ["127.0.0.1", "0"]
            elif word == "TLS":
                words += [self.certificate, self.key]
            else:
                words.append(str(word).format(build=self.build, here=HERE, python=self.python))
        return words

    def server_cores(self, two):
        return set(self.cores[:2 if two else 1])

    def load_cores(self, two):
        rest = set(self.cores) - self.server_cores(two)
        return {min(rest)} if rest else set(self.cores)

    def make_certificate(self):
        """One certificate for all servers, EC P-256, new for every run."""
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                   "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                   "-keyout", self.key, "-out", self.certificate]
        os.makedirs(os.path.dirname(self.key), exist_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise Failure("no certificate: openssl is not there") from None
        except subprocess.CalledProcessError as error:
            raise Failure(f"no certificate: {error.stderr.strip()}") from error


def child_setup(cores):
    """What a child does before exec: its cores, and room for descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def setup():
        os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return setup


class RunningServer:
    """A running server program; use it in a `with` statement."""

    def __init__(self, place, name, two_cores=False):
        server = SERVERS[name]
        words = place.words(server.command)
        self.program = os.path.basename(words[0])
        if not os.access(words[0], os.X_OK) and os.path.dirname(words[0]):
            raise Failure(f"{words[0]} has not been built")
        env = {**os.environ, "LD_LIBRARY_PATH": place.library,
               "OHSOCKET_LIBRARY": os.path.join(place.library, "libohsocket.so"), **server.env}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=child_setup(place.server_cores(two_cores)))
        self.pid = self.process.pid
        self.lines = []  # of stderr: (time of arrival, text)
        self.reader = threading.Thread(target=self.read_stderr, daemon=True)
        self.reader.start()

    def read_stderr(self):
        for line in self.process.stderr:
            self.lines.append((time.monotonic(), line.decode(errors="replace").rstrip()))

    def said(self):
        text = "; ".join(line for _, line in self.lines[-5:])
        return f"; {self.program} said: {text}" if text else ""

    def __enter__(self):
        try:
            self.host, self.port = self.read_address()
        except Failure as failure:
            self.stop()
            raise Failure(f"{failure}{self.said()}") from None
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, error, trace):
        ended = self.process.poll()
        self.stop()
        if kind is Failure:
            raise Failure(f"{error}{self.said()}") from None
        if kind is None and ended is not None:
            raise Failure(f"{self.program} ended early ({ended}){self.said()}")
        if kind is None and self.process.returncode != 0:
            raise Failure(f"{self.program}: exit {self.process.returncode} after SIGTERM"
                          f"{self.said()}")

    def read_address(self):
        deadline = time.monotonic() + START_SECONDS
        fd = self.process.stdout.fileno()
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Failure(f"{self.program}: no `listening` line")
            part = os.read(fd, 4096)
            if not part:
                raise Failure(f"{self.program}: ended before `listening`")
            line += part
        self.start_ms = (time.monotonic() - self.started) * 1e3
        words = line.decode(errors="replace").split()
        if len(words) != 3 or words[0] != "listening":
            raise Failure(f"{self.program}: unexpected line {line!r}")
        return words[1], words[2]

    def peak_kb(self):
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1])
        except OSError as error:
            raise Failure(f"{self.program}: {error}") from error
        raise Failure(f"{self.program}: ended early")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


def children_cpu_seconds():
    """Of children that ended: the server still runs when this is used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_load(place, command, server, seconds, options=(), two_cores=False):
    """The load's result, and how busy it kept its core."""
    words = [os.path.join(place.build, "bench", command[0])]
    words += [server.host, server.port] if server else []
    words += place.words(command[1:]) + [str(option) for option in options]
    begin = time.monotonic()
    cpu = children_cpu_seconds()
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              timeout=seconds + LOAD_SECONDS, check=False,
                              preexec_fn=child_setup(place.load_cores(two_cores)))
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} did not end in time") from error
    except OSError as error:
        raise Failure(f"{words[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise Failure(f"{command[0]}: exit {done.returncode}: {done.stderr.strip()}")
    result = json.loads(done.stdout)
    result["load_busy"] = (children_cpu_seconds() - cpu) / (time.monotonic() - begin)
    return result
