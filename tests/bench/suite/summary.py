"""From rounds to rows: medians, spread, ratios and verdicts."""

import statistics

from .cases import CASES, FLAT, OURS

# Above this share of its core a program is a limit. A case whose load generator
# is the limit, and whose servers are not, is decided by the CPU time of the
# servers for a message: that is what their core would give.
SATURATED = 0.90

KEYS = ("cpu_us_per_message", "server_busy", "load_busy", "p50_us", "p99_us", "p999_us",
        "max_us", "lost", "peak_rss_kb", "messages_per_second", "rate")


def median_of(rounds, key):
    values = [r[key] for r in rounds if r.get(key) is not None]
    return statistics.median(values) if values else None


def ratio_of(above, below, key):
    """The median of the ratios of the rounds that both have; None without any."""
    others = {r["round"]: r for r in below}
    pairs = [r[key] / others[r["round"]][key] for r in above
             if r["round"] in others and r.get(key) is not None
             and others[r["round"]].get(key)]
    return statistics.median(pairs) if pairs else None


def load_limits(ours, theirs):
    """The generator, not the faster of the two servers, was the limit."""
    busiest = [(r["load_busy"] or 0, r["server_busy"] or 0) for r in (ours, theirs)]
    return all(load > SATURATED for load, _ in busiest) and any(
        server < SATURATED for _, server in busiest)


def verdict(metric, ratio, goal):
    if goal is None or ratio is None:
        return ""
    met = ratio >= goal if metric.higher else ratio <= goal
    return "met" if met else "not met"


def row_of(case, name, peer, rounds):
    values = [r["value"] for r in rounds]
    row = {"case": name, "peer": peer, "rounds": len(values), "median": statistics.median(values),
           "min": min(values), "max": max(values), "goal": case.goals.get(peer)}
    for key in KEYS:
        row[key] = median_of(rounds, key)
    return row


def compare(case, row, ours, rounds, our_rounds):
    """What the row of a peer says about ours."""
    row["ratio"] = ratio_of(our_rounds, rounds, "value")
    row["cpu_ratio"] = ratio_of(rounds, our_rounds, "cpu_us_per_message")
    row["by_cpu"] = bool(case.metric.higher and row["cpu_ratio"] and load_limits(ours, row))
    row["judged"] = row["cpu_ratio"] if row["by_cpu"] else row["ratio"]
    row["verdict"] = verdict(case.metric, row["judged"], row["goal"])


def summarize(results):
    """{case: [row of each peer, ours first]} of what has been measured."""
    table = {}
    for name, peers in results.items():
        case = CASES[name]
        rows = {peer: row_of(case, name, peer, peers[peer]) for peer in case.peers if peers.get(peer)}
        for peer, row in rows.items():
            if peer != OURS and OURS in rows:
                compare(case, row, rows[OURS], peers[peer], peers[OURS])
        if rows:
            table[name] = list(rows.values())
    return table


def flatness(table, peer=OURS):
    """What a message costs with many connections to what it costs with few."""
    few, many, goal = FLAT
    costs = [next((row["cpu_us_per_message"] for row in table.get(name, ()) if row["peer"] == peer),
                  None) for name in (few, many)]
    if not all(costs):
        return None
    ratio = costs[1] / costs[0]
    return {"few": costs[0], "many": costs[1], "ratio": ratio, "goal": goal,
            "verdict": "met" if ratio <= goal else "not met"}


def causes(rounds):
    """What the slow answers of latency runs had to do with: the first that fits.

    A time in which answers were slow is put down to the load generator when
    that was off its core meanwhile, and to the garbage collector when that
    worked meanwhile. The collector's trace arrives a moment after it.
    """
    counts = {"generator": [0, 0.0], "collector": [0, 0.0], "other": [0, 0.0]}
    for result in rounds:
        absent = [(s["begin"], s["end"]) for s in result["absent"]]
        collector = [(b - 0.002, e + 0.002) for b, e in result.get("collections", ())]
        for span in result["slow"]:
            cause = "other"
            if overlaps(span, absent):
                cause = "generator"
            elif overlaps(span, collector):
                cause = "collector"
            counts[cause][0] += 1
            counts[cause][1] = max(counts[cause][1], span["worst_us"])
    return counts


def overlaps(span, others):
    return any(begin <= span["end"] and end >= span["begin"] for begin, end in others)


def others_busy(results):
    """The median share of a core that other programs used during the runs."""
    values = [r["others_busy"] for peers in results.values() for rounds in peers.values()
              for r in rounds if "others_busy" in r]
    return statistics.median(values) if values else None
