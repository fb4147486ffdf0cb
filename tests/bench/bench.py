#!/usr/bin/env python3
"""Compare libohsocket with its peers on loopback: `make bench`.

    python3 tests/bench/bench.py --build build [--quick] [--cases tcp100,idle]

The peers of a case take turns, so that a slow moment of the machine hits all
of them. The server runs on one core, the load generator on another. Writes
bench/results.json, bench/report.md and plots into the build folder.

Exit status: 0 measured, 1 some run failed (the report has what did not),
2 nothing to do, 130 interrupted (the report has what was measured until then).
"""

import argparse
import json
import os
import re
import signal
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ among the sources
from suite import machine, report
from suite.cases import CASES
from suite.process import Failure, Place
from suite.runner import Runner, Settings, duration, plan_seconds


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare libohsocket with its peers.")
    parser.add_argument("--build", required=True, metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="one round of 0.5 s")
    parser.add_argument("--rounds", type=int, help="instead of 5")
    parser.add_argument("--seconds", type=float, help="of a run, instead of 2")
    parser.add_argument("--cases", help="comma-separated: " + ",".join(CASES))
    parser.add_argument("--plan", action="store_true", help="only say what would run, and how long")
    parser.add_argument("--report", action="store_true", help="only make the report again")
    arguments = parser.parse_args()
    arguments.names = arguments.cases.split(",") if arguments.cases else list(CASES)
    unknown = [name for name in arguments.names if name not in CASES]
    if unknown:
        parser.error("unknown case " + ", ".join(unknown))
    if (arguments.rounds or 1) < 1 or (arguments.seconds or 1) <= 0:
        parser.error("nothing to run")
    return arguments


def readable(results):
    """JSON with a line for each round."""
    rounds = []

    def keep(result):
        rounds.append(json.dumps(result))
        return f"@{len(rounds) - 1}@"

    short = {case: {peer: [keep(r) for r in found] for peer, found in peers.items()}
             for case, peers in results["results"].items()}
    text = json.dumps({**results, "results": short}, indent=1)
    return re.sub(r'"@(\d+)@"', lambda match: rounds[int(match[1])], text) + "\n"


def measure(arguments, path):
    place = Place(arguments.build, sys.executable)
    settings = Settings(arguments.quick, arguments.rounds, arguments.seconds)
    runner = Runner(place, arguments.names, settings)
    if arguments.plan:
        for name, peer, turn in runner.plan:
            print(name, peer, turn + 1, sep="\t")
        print(f"{len(runner.plan)} runs, about {duration(plan_seconds(runner.plan, settings))}",
              file=sys.stderr)
        return 0
    described = machine.describe(place.python)
    place.make_certificate()
    interrupted = False
    try:
        runner.run()
    except KeyboardInterrupt:
        interrupted = True
    results = {
        "format": 1,
        "machine": described,
        "settings": {"quick": settings.quick, "rounds": settings.rounds,
                     "seconds": settings.seconds, "warmup": settings.warmup},
        "interrupted": interrupted,
        "missing": runner.missing,
        "failures": runner.failures,
        "results": runner.results,
    }
    with open(path, "w", encoding="utf-8") as file:
        file.write(readable(results))
    report.write(results, os.path.dirname(path))
    if interrupted:
        return 130
    return 1 if runner.failures else 0


def main():
    arguments = parse_arguments()
    path = os.path.join(os.path.abspath(arguments.build), "bench", "results.json")
    # SIGTERM must not leave servers behind: leave through the `with` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not arguments.report:
        try:
            sys.exit(measure(arguments, path))
        except Failure as failure:
            sys.exit(f"bench.py: {failure}")
    try:
        with open(path, encoding="utf-8") as file:
            report.write(json.load(file), os.path.dirname(path))
    except FileNotFoundError:
        print("bench.py: no results yet: run make bench", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
