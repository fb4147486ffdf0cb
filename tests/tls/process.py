"""Processes of which every line can be waited for, and what the lines of the test programs say."""

import re
import signal
import subprocess
import tempfile
import threading

# The last line of a test program.
CLEAN = "live sockets=0 loops=0 queued=0 sessions=0 contexts=0 internal_errors=0 descriptors=0"


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
