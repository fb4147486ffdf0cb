"""The schedule: who runs when, progress, and results that survive failures."""

import re
import statistics
import sys
import time

from .cases import CASES, LATENCY, START
from .machine import Usage
from .process import Failure, RunningServer, run_load
from .servers import SERVERS

# The cycle's three phases in `gc 7 @12.3s 1%: 0.018+0.31+0.002 ms clock, ...`
GC_LINE = re.compile(r"^gc \d+ @[\d.]+s \d+%: ([\d.]+)\+([\d.]+)\+([\d.]+) ms clock")


class Settings:
    """How long and how often."""

    def __init__(self, quick, rounds=None, seconds=None):
        self.quick = quick
        self.rounds = rounds or (1 if quick else 5)
        self.seconds = seconds or (0.5 if quick else 2.0)
        self.warmup = 0.1 if quick else 0.3

    def seconds_of(self, case):
        return case.seconds[1 if self.quick else 0] or self.seconds

    def rounds_of(self, case):
        return case.rounds or self.rounds

    def guess(self, case):
        """Seconds that a run takes, for the time that is left."""
        measured = self.seconds_of(case) + self.warmup if case.timed else 0
        return measured + case.overhead


def with_needed(names):
    """A case that builds on the result of another runs after it."""
    ordered = []
    for name in names:
        needed = CASES[name].rate_from
        if needed and needed not in names:
            ordered.append(needed)
        ordered.append(name)
    return ordered


def find_missing(names):
    """{case: {peer: reason}} for servers that are not there."""
    missing = {}
    for name in names:
        for peer, server in CASES[name].peers.items():
            reason = SERVERS[server].missing() if server else None
            if reason:
                missing.setdefault(name, {})[peer] = reason
    return missing


def make_plan(names, missing, settings):
    """(case, peer, round): the peers of a case take turns, nobody always first."""
    plan = []
    for name in names:
        peers = [p for p in CASES[name].peers if p not in missing.get(name, {})]
        for turn in range(settings.rounds_of(CASES[name])):
            first = turn % len(peers) if peers else 0
            plan += [(name, peer, turn) for peer in peers[first:] + peers[:first]]
    return plan


def plan_seconds(plan, settings):
    return sum(settings.guess(CASES[name]) for name, _, _ in plan)


def collections(lines):
    """When the garbage collector ran, from the trace on stderr: [begin, end]."""
    spans = []
    for arrived, line in lines:
        match = GC_LINE.match(line)
        if match:
            spans.append([arrived - sum(map(float, match.groups())) / 1e3, arrived])
    return spans


def unused(case):
    """What a load tells and nothing is made of: it would fill the results."""
    if case.metric is not LATENCY:
        return ("distribution",)
    return () if case.rate_from else ("slow", "absent")


class Runner:
    def __init__(self, place, names, settings):
        self.place = place
        self.settings = settings
        self.names = with_needed(names)
        self.missing = find_missing(self.names)
        self.plan = make_plan(self.names, self.missing, settings)
        self.results = {name: {} for name in self.names}
        self.failures = []

    def run(self):
        began = time.monotonic()
        guessed = 0.0
        left = plan_seconds(self.plan, self.settings)
        for name, reasons in self.missing.items():
            for peer, reason in reasons.items():
                say(f"{name}, {peer}: {reason}\n")
        for number, (name, peer, turn) in enumerate(self.plan, 1):
            case = CASES[name]
            say(f"[{number}/{len(self.plan)}] {name}, {peer}, round {turn + 1}: ")
            say(self.run_one(name, case, peer, turn))
            guessed += self.settings.guess(case)
            left -= self.settings.guess(case)
            pace = (time.monotonic() - began) / guessed
            say(f"; {duration(left * pace)} left\n")

    def run_one(self, name, case, peer, turn):
        try:
            result = self.measure(case, peer)
        except Failure as failure:
            self.failures.append({"case": name, "peer": peer, "round": turn + 1,
                                  "reason": str(failure)})
            return f"FAILED: {failure}"
        result["round"] = turn + 1
        self.results[name].setdefault(peer, []).append(result)
        return f"{result['value']:,.{1 if result['value'] < 100 else 0}f} {case.metric.unit}"

    def measure(self, case, peer):
        command = self.command_of(case)
        seconds = self.settings.seconds_of(case) if case.timed else 0
        options = []
        if case.timed:
            options += ["--seconds", seconds, "--warmup", self.settings.warmup]
        if case.peers[peer] is None:
            result = run_load(self.place, command, None, seconds, options)
        else:
            result = self.measure_server(case, peer, command, seconds, options)
        result["value"] = result[case.metric.key]
        for key in unused(case):
            result.pop(key, None)
        if result.get("messages"):
            cpu = result["server_cpu_seconds"]
            result["cpu_us_per_message"] = cpu * 1e6 / result["messages"]
            result["server_busy"] = cpu / result["seconds"]
        return result

    def measure_server(self, case, peer, command, seconds, options):
        with RunningServer(self.place, case.peers[peer], case.two_cores) as server:
            result = {}
            if command:
                usage = Usage(server.pid)
                result = run_load(self.place, command, server, seconds,
                                  [*options, "--pid", server.pid], case.two_cores)
                result.update(usage.result())
            result[START.key] = server.start_ms
            result["peak_rss_kb"] = server.peak_kb()
        if "GODEBUG" in SERVERS[case.peers[peer]].env:
            result["collections"] = collections(server.lines)
        return result

    def command_of(self, case):
        if case.rate_from is None:
            return case.load
        rate = self.half_peak(case)
        return tuple(rate if word == "{half_peak}" else word for word in case.load)

    def half_peak(self, case):
        """Half of what the slowest of the case's peers reached; the same for all."""
        peers = self.results[case.rate_from]
        peaks = [statistics.median(r["value"] for r in peers[p]) for p in case.peers if p in peers]
        if not peaks:
            raise Failure(f"no result of {case.rate_from} to take a rate from")
        return round(min(peaks) / 2)


def say(text):
    print(text, end="", file=sys.stderr, flush=True)


def duration(seconds):
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60} s"
