#!/usr/bin/env python3
"""The benchmarks' own test: `make test-bench`.

Every server serves every load of its cases for a moment, and the load
generators check each answer; servers that make mistakes must be noticed; the
report is made from results with gaps. Without --all only those servers run
that need no more than the tests have: the library's, bare epoll, recvmmsg and
OpenSSL, asyncio and Go. With --all (`make test-bench ALL=1`): all of them.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import bench
import compare
from suite import machine, reasons, report, summary
from suite.cases import CASES, MEMORY, MESSAGES, OURS, Case
from suite.process import Failure, Place, RunningServer, run_load
from suite.runner import Settings, collections, find_missing, make_plan, with_needed
from suite.servers import SERVERS, Server

SECONDS = 0.1
# Fewer connections than in the benchmarks: whether it works, not how fast.
SMALLER = {10000: 1100}
PLACE = None
ALL = False


def is_wanted(name):
    """Of all servers, those whose dependencies are there."""
    server = SERVERS[name]
    return (ALL or server.group == "test") and server.missing() is None


def load_of(case):
    if case.rate_from:
        return tuple(2000 if word == "{half_peak}" else word for word in case.load)
    return tuple(SMALLER.get(word, word) for word in case.load)


class Loads(unittest.TestCase):
    def run_case(self, case, peer):
        options = ["--seconds", SECONDS, "--warmup", 0.05] if case.timed else []
        with RunningServer(PLACE, case.peers[peer], case.two_cores) as server:
            self.assertLess(server.start_ms, 10000)
            self.assertGreater(server.peak_kb(), 0)
            if not case.load:
                return None
            return run_load(PLACE, load_of(case), server, SECONDS,
                            [*options, "--pid", server.pid], case.two_cores)

    def test_every_server_with_every_load(self):
        runs = set()
        for name, case in CASES.items():
            for peer, server in case.peers.items():
                key = (server, load_of(case))
                if server is None or key in runs or not is_wanted(server):
                    continue
                runs.add(key)
                with self.subTest(case=name, peer=peer):
                    result = self.run_case(case, peer)
                    if result and case.metric is not MEMORY:
                        self.assertGreater(result["messages"], 0)
                        self.assertGreater(result[case.metric.key], 0)
                        self.assertGreaterEqual(result["server_cpu_seconds"], 0)
        self.assertGreater(len(runs), 30)

    def test_loading_the_library(self):
        case = CASES["load"]
        result = run_load(PLACE, case.load, None, SECONDS)
        self.assertGreater(result["load_and_listen_ms"], 0)


class Comparison(unittest.TestCase):
    def test_each_side_loads_its_own_library(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.path.join(PLACE.build, compare.LIBRARY), folder)
            for library in (folder, PLACE.build):
                place = Place(PLACE.build, sys.executable, library)
                with RunningServer(place, CASES["tcp1"].peers[OURS]) as server:
                    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as maps:
                        loaded = {line.split()[-1] for line in maps if "libohsocket" in line}
                self.assertEqual(loaded, {os.path.realpath(os.path.join(library, compare.LIBRARY))})

    def test_a_library_is_as_good_as_itself(self):
        settings = Settings(True, 1, SECONDS)
        runners = [compare.Runner(PLACE, ["udp64"], settings) for _ in range(2)]
        results, failures = compare.run_all(runners, ["udp64"], 2)
        self.assertEqual(failures, [])
        self.assertTrue(0.2 < compare.summary(results["udp64"])["ratio"] < 5)

    def test_ratios_are_of_pairs(self):
        found = compare.summary([(1, 2), (10, 10), (100, 50)])
        self.assertEqual((found["ratio"], found["range"]), (1, [0.5, 2]))
        self.assertIn("udp64", compare.table({"udp64": found}))


class Mistakes(unittest.TestCase):
    """A load generator that does not notice would make any server look good."""

    def complaint(self, mistake, kind, load):
        name = f"wrong {mistake} {kind}"
        tls = ("TLS",) if kind == "tls" else ()
        SERVERS[name] = Server(("{python}", "{here}/wrong_server.py", mistake, kind, "AT", *tls),
                               "tests/bench/wrong_server.py", "test")
        self.addCleanup(SERVERS.pop, name, None)
        with self.assertRaises(Failure) as caught, RunningServer(PLACE, name) as server:
            run_load(PLACE, load, server, SECONDS, ["--seconds", 30, "--pid", server.pid])
        return str(caught.exception)

    def test_of_tcp_servers(self):
        echo = ("tcp_load", "--connections", 4, "--size", 64)
        rate = ("tcp_rate_load", "--connections", 4, "--size", 64, "--rate", 2000)
        for load in (echo, rate, ("tcp_connect_load",)):
            with self.subTest(load=load[0]):
                self.assertIn("wrong content", self.complaint("flip", "tcp", load))
        self.assertIn("longer", self.complaint("extend", "tcp", echo))
        self.assertIn("closed", self.complaint("hang-up", "tcp", echo))

    def test_of_udp_servers(self):
        load = ("udp_load", "--sockets", 2, "--window", 4, "--size", 64)
        self.assertIn("wrong content", self.complaint("flip", "udp", load))
        self.assertIn("instead of 64", self.complaint("extend", "udp", load))

    def test_of_servers_that_swallow(self):
        load = ("tcp_load", "--connections", 2, "--size", 64)
        self.assertIn("no reply for 5 seconds", self.complaint("swallow", "tcp", load))

    def test_of_tls_servers(self):
        echo = ("tls_load", "--connections", 4, "--size", 64)
        self.assertIn("wrong content", self.complaint("flip", "tls", echo))
        self.assertIn("longer", self.complaint("extend", "tls", echo))
        self.assertIn("closed", self.complaint("hang-up", "tls", echo))
        self.assertIn("wrong content", self.complaint("flip", "tls", ("tls_handshake_load",)))


class Schedule(unittest.TestCase):
    def test_every_server_has_its_program_or_a_reason(self):
        for name, case in CASES.items():
            for server in filter(None, case.peers.values()):
                with self.subTest(case=name, server=server):
                    self.assertIn(server, SERVERS)

    def test_peers_take_turns_and_missing_ones_none(self):
        plan = make_plan(["tcp1"], {"tcp1": {"go": "not there"}}, Settings(False, rounds=2))
        self.assertEqual([p for _, p, _ in plan],
                         [OURS, "libuv", "epoll", "asio", "libuv", "epoll", "asio", OURS])

    def test_a_rate_comes_after_its_peak(self):
        self.assertEqual(with_needed(["halfpeak"]), ["tcp100", "halfpeak"])

    def test_missing_programs_have_a_reason(self):
        SERVERS["absent"] = Server(("{build}/bench/absent", "AT"), "tests/bench/absent.c")
        self.addCleanup(SERVERS.pop, "absent")
        CASES["absent"] = Case("absent", "none", MESSAGES, {OURS: "absent"})
        self.addCleanup(CASES.pop, "absent")
        self.assertEqual(find_missing(["absent"]),
                         {"absent": {OURS: "not built: tests/bench/absent.c is not there"}})

    def test_collector_trace(self):
        line = "gc 3 @1.500s 0%: 0.010+2.0+0.005 ms clock, 0.01+0/0/0+0.005 ms cpu, 4->4->1 MB"
        (span,) = collections([(10.0, "something else"), (20.0, line)])
        self.assertAlmostEqual(span[0], 20.0 - 0.002015)
        self.assertEqual(span[1], 20.0)


def measured(value, turn=1, **more):
    return {"value": value, "round": turn, "cpu_us_per_message": 5.0, "load_busy": 0.5,
            "server_busy": 1.0, "others_busy": 0.5, **more}


class Summary(unittest.TestCase):
    def rows(self, ours, libuv):
        table = summary.summarize({"tcp1": {OURS: ours, "libuv": libuv}})
        return {row["peer"]: row for row in table["tcp1"]}

    def test_ratio_is_the_median_of_the_rounds_that_both_have(self):
        ours = [measured(30, 1), measured(20, 2), measured(99, 3)]
        row = self.rows(ours, [measured(10, 1), measured(10, 2)])["libuv"]
        self.assertEqual((row["ratio"], row["median"], row["verdict"]), (2.5, 10, "met"))

    def test_less_is_not_met(self):
        self.assertEqual(self.rows([measured(10)], [measured(10)])["libuv"]["verdict"], "not met")

    def test_the_generators_limit_is_decided_by_cpu_time(self):
        ours = measured(10, load_busy=0.99, server_busy=0.5, cpu_us_per_message=2.0)
        peer = measured(10, load_busy=0.99, server_busy=1.0, cpu_us_per_message=4.0)
        row = self.rows([ours], [peer])["libuv"]
        self.assertTrue(row["by_cpu"])
        self.assertEqual((row["judged"], row["verdict"]), (2.0, "met"))

    def test_causes_of_slow_answers(self):
        slow = [{"begin": t, "end": t + 0.01, "worst_us": 5000, "count": 3} for t in (1, 2, 3)]
        found = summary.causes([{"slow": slow, "absent": [{"begin": 0.9, "end": 1.005}],
                                 "collections": [[2.0, 2.001]]}])
        self.assertEqual([times for times, _ in found.values()], [1, 1, 1])


def results_with_gaps():
    return {"machine": machine.describe(sys.executable), "interrupted": True,
            "settings": {"quick": True, "rounds": 1, "seconds": 0.1, "warmup": 0.1},
            "missing": {"tcp1": {"go": "not built: go is not there"}},
            "failures": [{"case": "tcp1", "peer": "asio", "round": 1, "reason": "it broke"}],
            "results": {"tcp1": {OURS: [measured(20)], "libuv": [measured(10)]}, "idle": {}}}


class Report(unittest.TestCase):
    def test_gaps_are_said(self):
        results = results_with_gaps()
        text = report.compose(results, summary.summarize(results["results"]), [])
        for expected in ("not quiet", "go is not there", "it broke", "interrupted",
                         ">= 1.5 | met", "no result"):
            self.assertIn(expected, text)

    def test_a_missed_goal_has_its_reason(self):
        results = results_with_gaps()
        results["results"]["tcp1"][OURS] = [measured(9)]
        text = report.compose(results, summary.summarize(results["results"]), [])
        self.assertIn(f"`tcp1`, libuv: {reasons.KERNEL}", text)

    def test_every_reason_belongs_to_a_goal(self):
        used = {reasons.reason_of(name, peer) for name, case in CASES.items() for peer in case.goals}
        self.assertEqual([r for r in reasons.REASONS if r[2] not in used], [])

    def test_results_survive_the_file(self):
        results = results_with_gaps()
        self.assertEqual(json.loads(bench.readable(results)), results)


class Plots(unittest.TestCase):
    def test_what_there_is_is_drawn(self):
        results = results_with_gaps()
        with tempfile.TemporaryDirectory() as folder:
            report.write(results, folder)
            self.assertEqual(sorted(os.listdir(folder)),
                             ["cost.svg", "ratios.svg", "report.md", "throughput.svg"])


CLASSES = (Loads, Comparison, Mistakes, Schedule, Summary, Report)


def main():
    global PLACE, ALL
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--all", action="store_true", help="all servers, not only the tests'")
    arguments = parser.parse_args()
    ALL = arguments.all
    PLACE = Place(arguments.build, sys.executable)
    PLACE.make_certificate()
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    tests = unittest.TestSuite(map(load, CLASSES + ((Plots,) if ALL else ())))
    sys.exit(not unittest.TextTestRunner().run(tests).wasSuccessful())


if __name__ == "__main__":
    main()
