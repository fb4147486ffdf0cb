#!/usr/bin/env python3
"""Compare the cost of two builds of the library: `make bench-compare BASE=PATH`.

    python3 tests/bench/compare.py --build build --base ../before/build [--pairs 15]

The same servers and loads as the benchmarks' run with one library and then with
the other, in pairs that take turns, so that a slow moment of the machine hits
both. Prints for each case the median of the pairs' ratios of CPU per message (of
memory per connection in the case `idle`), this build to the base, and how far the
ratios lie apart. Writes bench/compare.json into the build folder.

Exit status: 0 measured, 1 some run failed, or a median is above --limit,
2 nothing to do.
"""

import argparse
import json
import os
import signal
import statistics
import sys

sys.dont_write_bytecode = True  # leave no __pycache__ among the sources
from suite.cases import CASES, OURS
from suite.process import Failure, Place
from suite.runner import Runner, Settings, duration, say

NAMES = "tcp1,tcp100,tcp1000,udp64,tls100,idle,burst"
LIBRARY = "libohsocket.so.1"


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare two builds of libohsocket.")
    parser.add_argument("--build", required=True, metavar="DIR")
    parser.add_argument("--base", required=True, metavar="DIR", help=f"has another {LIBRARY}")
    parser.add_argument("--pairs", type=int, default=15, help="of runs for each case (15)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a run (1)")
    parser.add_argument("--cases", default=NAMES, help="comma-separated: " + NAMES)
    parser.add_argument("--limit", type=float, help="of the medians, for the exit status")
    arguments = parser.parse_args()
    arguments.names = arguments.cases.split(",")
    for name in arguments.names:
        if name not in CASES:
            parser.error("unknown case " + name)
    for folder in (arguments.build, arguments.base):
        if not os.path.exists(os.path.join(folder, LIBRARY)):
            parser.error(f"no {LIBRARY} in {folder}")
    if arguments.pairs < 1 or arguments.seconds <= 0:
        parser.error("nothing to run")
    return arguments


def cost(result, metric):
    """What a run has cost: less is better."""
    if "cpu_us_per_message" in result:
        return result["cpu_us_per_message"]
    if metric.higher:
        raise Failure(f"the load tells no cost, only {metric.unit}")
    return result["value"]


def unit(name):
    return CASES[name].metric.unit if not CASES[name].metric.higher else "us/msg"


def run_pair(runners, name, turn):
    """(cost of the base, cost of this build); they take turns in being first."""
    costs = [None, None]
    for index in (0, 1) if turn % 2 == 0 else (1, 0):
        case = CASES[name]
        costs[index] = cost(runners[index].measure(case, OURS), case.metric)
    return costs


def run_all(runners, names, pairs):
    """{case: [(base, this)]}, and what failed."""
    results = {name: [] for name in names}
    failures = []
    guess = sum(2 * runners[0].settings.guess(CASES[name]) for name in names) * pairs
    say(f"{len(names) * pairs} pairs, about {duration(guess)}\n")
    for turn in range(pairs):
        for name in names:
            try:
                base, this = run_pair(runners, name, turn)
            except Failure as failure:
                failures.append(f"{name}, pair {turn + 1}: {failure}")
                say(f"[{turn + 1}/{pairs}] {failures[-1]}\n")
                continue
            results[name].append((base, this))
            say(f"[{turn + 1}/{pairs}] {name}: {this / base:.3f}\n")
    return results, failures


def summary(pairs):
    """Medians of both costs, and of the ratios with their spread."""
    ratios = sorted(this / base for base, this in pairs)
    quarters = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return {
        "pairs": len(pairs),
        "base": statistics.median(base for base, _ in pairs),
        "this": statistics.median(this for _, this in pairs),
        "ratio": statistics.median(ratios),
        "quartiles": [quarters[0], quarters[2]],
        "range": [ratios[0], ratios[-1]],
    }


def table(summaries):
    lines = [f"{'case':10} {'pairs':>5} {'base':>9} {'this':>9} {'unit':8} {'ratio':>6}  quartiles      range"]
    for name, s in summaries.items():
        spread = "  ".join(f"{low:.3f}..{high:.3f}" for low, high in (s["quartiles"], s["range"]))
        lines.append(f"{name:10} {s['pairs']:5} {s['base']:9.3f} {s['this']:9.3f} {unit(name):8} "
                     f"{s['ratio']:6.3f}  {spread}")
    return "\n".join(lines)


def main():
    arguments = parse_arguments()
    # SIGTERM must not leave servers behind: leave through the `with` blocks.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = Settings(False, 1, arguments.seconds)
    places = [Place(arguments.build, sys.executable, library)
              for library in (arguments.base, arguments.build)]
    try:
        places[0].make_certificate()
    except Failure as failure:
        sys.exit(f"compare.py: {failure}")
    runners = [Runner(place, arguments.names, settings) for place in places]
    results, failures = run_all(runners, arguments.names, arguments.pairs)
    summaries = {name: summary(pairs) for name, pairs in results.items() if pairs}
    with open(os.path.join(arguments.build, "bench", "compare.json"), "w", encoding="utf-8") as file:
        json.dump({"base": os.path.abspath(arguments.base), "seconds": arguments.seconds,
                   "failures": failures, "summaries": summaries, "results": results}, file, indent=1)
    print(table(summaries))
    above = [name for name, s in summaries.items() if arguments.limit and s["ratio"] > arguments.limit]
    if above:
        print(f"above {arguments.limit}: " + ", ".join(above))
    sys.exit(1 if failures or above else 0)


if __name__ == "__main__":
    main()
