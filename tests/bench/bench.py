#!/usr/bin/env python3
"""Compare libohsocket with its peers on loopback.

    python3 tests/bench/bench.py --build build --runs 5 --seconds 2

The peers of a case take turns, so that a slow moment of the machine hits all
of them; a ratio is the median of the ratios of the single rounds. The server
runs on one core, the load generator on another.

Exit status: 0 measured, 1 a run failed (or, with --check, a goal was missed),
2 a program is missing.
"""

import argparse
import json
import os
import platform
import resource
import select
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leave no __pycache__ among the sources
from bench_cases import (CASES, DEFAULT_CASES, GOALS, MEMORY, NOT_QUICK, OURS,
                         RATE, SPEED)

START_SECONDS = 5      # for the `listening` line
STOP_SECONDS = 5       # between SIGTERM and SIGKILL
WARMUP_SECONDS = 0.3   # the default of the load generators
IDLE_RUN_SECONDS = 1.5  # what an idle run takes, for the time-left estimate
# Above this share of its core the load generator is a limit: a better server
# then shows in its CPU per message and no longer in messages per second.
SATURATED = 0.90


class Failure(Exception):
    """A run that gave no result; the message says why."""


def child_setup(core):
    """What a child does before exec: its core, and room for descriptors."""
    cores = sorted(os.sched_getaffinity(0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def setup():
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[core]})
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return setup


class Server:
    """A running server program; use it in a `with` statement."""

    def __init__(self, build, program):
        env = dict(os.environ, LD_LIBRARY_PATH=build)
        self.program = program
        self.process = subprocess.Popen(
            [os.path.join(build, program), "127.0.0.1", "0"], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=child_setup(0))
        self.pid = self.process.pid

    def __enter__(self):
        try:
            self.host, self.port = self.read_address()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, error, trace):
        ended = self.process.poll()
        stderr = self.stop()
        if kind is Failure and stderr:
            raise Failure(f"{error}; {self.program} said: {stderr}")
        if kind is None and ended is not None:
            raise Failure(f"{self.program} ended early ({ended}): {stderr}")
        if kind is None and self.process.returncode != 0:
            raise Failure(f"{self.program}: exit {self.process.returncode} "
                          f"after SIGTERM: {stderr}")

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
        words = line.decode(errors="replace").split()
        if len(words) != 3 or words[0] != "listening":
            raise Failure(f"{self.program}: unexpected line {line!r}")
        return words[1], words[2]

    def peak_kb(self):
        try:
            with open(f"/proc/{self.pid}/status") as status:
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
            _, stderr = self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, stderr = self.process.communicate()
        return stderr.decode(errors="replace").strip()


def run_load(build, command, server, seconds):
    words = [os.path.join(build, command[0]), server.host, server.port]
    words += [str(word) for word in command[1:]] + ["--pid", str(server.pid)]
    if seconds is not None:
        words += ["--seconds", str(seconds)]
    begin = time.monotonic()
    cpu = children_cpu_seconds()
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              timeout=(seconds or 0) + 60,
                              preexec_fn=child_setup(1), check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} did not end in time") from error
    if done.returncode != 0:
        raise Failure(f"{command[0]}: exit {done.returncode}: {done.stderr.strip()}")
    result = json.loads(done.stdout)
    result["load_busy"] = ((children_cpu_seconds() - cpu) /
                           (time.monotonic() - begin))
    return result


def children_cpu_seconds():
    """Of children that ended: the server still runs when this is used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(build, case, peer, seconds):
    metric, programs, command = CASES[case]
    with Server(build, programs[peer]) as server:
        result = run_load(build, command, server,
                          None if metric == MEMORY else seconds)
        result["peak_rss_kb"] = server.peak_kb()
    result["value"] = result[metric]
    if result.get("messages"):
        cpu = result["server_cpu_seconds"]
        result["cpu_us_per_message"] = cpu * 1e6 / result["messages"]
        result["server_busy"] = cpu / result["seconds"]
    return result


def check_programs(build, names):
    wanted = set()
    for name in names:
        _, programs, command = CASES[name]
        wanted |= set(programs.values()) | {command[0]}
    missing = [p for p in sorted(wanted)
               if not os.access(os.path.join(build, p), os.X_OK)]
    for program in missing:
        print(f"bench.py: missing program {os.path.join(build, program)}",
              file=sys.stderr)
    if missing:
        sys.exit(2)


def run_all(build, names, runs, seconds):
    """{case: {peer: [result per round]}}"""
    plan = []
    for name in names:
        for turn in range(runs):
            peers = list(CASES[name][1])
            first = turn % len(peers)  # nobody always goes first
            plan += [(name, p, turn) for p in peers[first:] + peers[:first]]

    def guess(name):
        if CASES[name][0] == MEMORY:
            return IDLE_RUN_SECONDS
        return seconds + WARMUP_SECONDS + 0.2

    results = {name: {peer: [] for peer in CASES[name][1]} for name in names}
    for done, (name, peer, turn) in enumerate(plan):
        left = sum(guess(case) for case, _, _ in plan[done:])
        print(f"[{done + 1}/{len(plan)}] {name} {peer}, round {turn + 1} "
              f"(about {left:.0f} s left)", file=sys.stderr, flush=True)
        try:
            results[name][peer].append(measure(build, name, peer, seconds))
        except Failure as failure:
            raise Failure(f"{name}, {peer}: {failure}") from failure
    return results


def median_of(rounds, key):
    values = [r[key] for r in rounds if key in r]
    return statistics.median(values) if values else None


def ratio_of(above, below, key):
    """The median of the per-round ratios; None if there is a round without."""
    pairs = [a[key] / b[key] for a, b in zip(above, below)
             if key in a and b.get(key, 0) > 0]
    return statistics.median(pairs) if len(pairs) == len(below) else None


def summarize(results):
    rows = []
    for case, peers in results.items():
        for peer, rounds in peers.items():
            values = [r["value"] for r in rounds]
            row = {"case": case, "peer": peer, "metric": CASES[case][0],
                   "median": statistics.median(values),
                   "min": min(values), "max": max(values)}
            for key in ("cpu_us_per_message", "server_busy", "load_busy",
                        "p50_us", "p99_us", "lost", "peak_rss_kb"):
                row[key] = median_of(rounds, key)
            if peer != OURS:
                row["ratio"] = ratio_of(peers[OURS], rounds, "value")
                row["cpu_ratio"] = ratio_of(rounds, peers[OURS],
                                            "cpu_us_per_message")
                row["goal"] = GOALS.get(case, {}).get(peer)
                row["verdict"] = verdict(row)
            rows.append(row)
    return rows


def verdict(row):
    if row["goal"] is None:
        return ""
    if row["ratio"] is None:
        return "MISSED"
    if row["metric"] == MEMORY:
        return "ok" if row["ratio"] <= row["goal"] else "MISSED"
    return "ok" if row["ratio"] >= row["goal"] else "MISSED"


def text(value, form):
    return "-" if value is None else format(value, form)


def print_table(rows):
    print(f"{'case':9}{'peer':9}{'median':>11} {'min..max':>21} {'unit':5}"
          f"{'cpu us':>8}{'busy':>6}{'load':>6}{'p50 us':>8}{'p99 us':>8}"
          f"{'RSS KB':>8}{'cpu x':>7}{'ratio':>7}  goal")
    units = {RATE: "msg/s", SPEED: "MB/s", MEMORY: "B/con"}
    previous = None
    for row in rows:
        if previous not in (None, row["case"]):
            print()
        previous = row["case"]
        goal = ""
        if row.get("goal") is not None:
            sign = "<=" if row["metric"] == MEMORY else ">="
            goal = f"{sign} {row['goal']:g} {row['verdict']}"
        spread = f"{row['min']:.0f}..{row['max']:.0f}"
        note = f"  lost {row['lost']:g}" if row["lost"] else ""
        print(f"{row['case']:9}{row['peer']:9}{row['median']:>11.0f} {spread:>21} "
              f"{units[row['metric']]:5}{text(row['cpu_us_per_message'], '.2f'):>8}"
              f"{text(row['server_busy'], '.0%'):>6}{text(row['load_busy'], '.0%'):>6}"
              f"{text(row['p50_us'], '.0f'):>8}{text(row['p99_us'], '.0f'):>8}"
              f"{row['peak_rss_kb']:>8.0f}{text(row.get('cpu_ratio'), '.2f'):>7}"
              f"{text(row.get('ratio'), '.2f'):>7}  {goal}{note}")
    print(f"\nratio: {OURS} / peer, median of the rounds. cpu us: server CPU per"
          f" message (bulk: per 64 KB);\ncpu x: how many times as much of it the"
          f" peer needs. busy, load: share of a core that the server\nand the load"
          f" generator used; with load above {SATURATED:.0%} a better server shows"
          f" in cpu x only.")


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare libohsocket with its peers.")
    parser.add_argument("--build", required=True, metavar="DIR")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quick", action="store_true",
                        help="3 rounds of 0.5 s, without " + ", ".join(NOT_QUICK))
    parser.add_argument("--cases", help="comma-separated: " + ",".join(CASES))
    parser.add_argument("--json", metavar="FILE", help="also write all results")
    parser.add_argument("--check", action="store_true",
                        help="exit 1 if a goal is missed")
    args = parser.parse_args()
    args.runs = args.runs or (3 if args.quick else 5)
    args.seconds = args.seconds or (0.5 if args.quick else 2)
    names = args.cases.split(",") if args.cases else DEFAULT_CASES
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error("unknown case " + ", ".join(unknown))
    if args.quick:
        names = [name for name in names if name not in NOT_QUICK]
    if args.runs < 1 or args.seconds <= 0 or not names:
        parser.error("nothing to run")
    args.names = names
    args.build = os.path.abspath(args.build)
    return args


def main():
    args = parse_arguments()
    # SIGTERM must not leave servers behind: leave through the `with` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    check_programs(args.build, args.names)
    try:
        results = run_all(args.build, args.names, args.runs, args.seconds)
    except Failure as failure:
        sys.exit(f"bench.py: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench.py: interrupted")
    rows = summarize(results)
    machine = f"Linux {platform.release()}, {len(os.sched_getaffinity(0))} cores"
    print(f"{machine}; {args.runs} rounds of {args.seconds:g} s\n")
    print_table(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"machine": machine, "runs": args.runs,
                       "seconds": args.seconds, "summary": rows,
                       "rounds": results}, file, indent=1)
            file.write("\n")
    if args.check and any(row.get("verdict") == "MISSED" for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
