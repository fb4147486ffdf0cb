"""The plots of the report, as SVG."""

import os

from .cases import CASES, OURS

COLOURS = {OURS: "#c0392b", "libuv": "#2471a3", "epoll": "#1e1e1e", "openssl": "#1e1e1e",
           "mmsg": "#1e1e1e", "asio": "#7d3c98", "go": "#17a589", "node": "#229954",
           "asyncio": "#b7950b", "uvloop": "#d68910", "uv_write": "#85c1e9",
           "ohsocket, Python": "#e59866", "ohsocket, Node": "#ec7063", "1 thread": "#e6b0aa",
           "tasks": "#e59866"}
CROWDS = ((1, "tcp1"), (10, "tcp10"), (100, "tcp100"), (1000, "tcp1000"), (10000, "tcp10000"))


def colour(peer):
    return COLOURS.get(peer, "#7f8c8d")


def row(table, case, peer):
    return next((r for r in table.get(case, ()) if r["peer"] == peer), None)


def draw(results, table, folder):
    """Writes the plots; returns [(file, description)] of those there is data for."""
    import matplotlib
    matplotlib.use("Agg")
    # Text as text, and the same file for the same data.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ohsocket",
                                "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
                                "axes.spines.top": False, "axes.spines.right": False,
                                "legend.frameon": False, "figure.constrained_layout.use": True})
    from matplotlib import pyplot
    drawn = []
    for name, text, make in PLOTS:
        path = os.path.join(folder, name)
        figure = make(pyplot, results, table)
        if figure is None:
            if os.path.exists(path):
                os.unlink(path)
            continue
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        drawn.append((name, text))
    return drawn


def overview(pyplot, results, table):
    """Every ratio with a goal: right of the mark is better."""
    rows = []
    for case, found in table.items():
        for r in found:
            if r.get("goal") is not None and r.get("judged"):
                flip = not CASES[case].metric.higher
                value, goal = ((1 / r["judged"], 1 / r["goal"]) if flip
                               else (r["judged"], r["goal"]))
                rows.append((f"{case}, {r['peer']}", value, goal))
    if not rows:
        return None
    rows.reverse()
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.22 * len(rows)))
    places = range(len(rows))
    good = [value >= goal for _, value, goal in rows]
    axes.barh(places, [value for _, value, _ in rows],
              color=["#58a55c" if g else "#d98880" for g in good], height=0.7)
    axes.scatter([goal for _, _, goal in rows], places, marker="|", s=120, color="black",
                 linewidths=2, zorder=3, label="goal")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_yticks(places, [label for label, _, _ in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xscale("log")
    for axis_set in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis_set(pyplot.FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("times as good as the peer (inverse for memory)")
    axes.set_title("green: the goal is met; red: it is not", fontsize=9)
    axes.legend(loc="lower right")
    return figure


def over_connections(pyplot, table, key, label, scale):
    """Lines over the number of connections: C, Python, Node."""
    groups = [(title, prefix) for title, prefix in (("C", ""), ("Python", "py-"), ("Node", "node-"))
              if any(prefix + case in table for _, case in CROWDS)]
    if not groups:
        return None
    figure, all_axes = pyplot.subplots(1, len(groups), figsize=(1.5 + 3.6 * len(groups), 3.8),
                                       squeeze=False)
    for axes, (title, prefix) in zip(all_axes[0], groups):
        peers = [p for _, case in CROWDS if prefix + case in CASES for p in CASES[prefix + case].peers]
        for peer in dict.fromkeys(peers):
            points = [(n, row(table, prefix + case, peer)) for n, case in CROWDS]
            points = [(n, r) for n, r in points if r and r[key]]
            if not points:
                continue
            axes.plot([n for n, _ in points], [r[key] * scale for _, r in points], marker="o",
                      markersize=4, color=colour(peer), label=peer,
                      linewidth=2.2 if peer == OURS else 1.3)
            if key == "median":
                axes.fill_between([n for n, _ in points], [r["min"] * scale for _, r in points],
                                  [r["max"] * scale for _, r in points], color=colour(peer), alpha=0.12)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.set_xlabel("connections")
        axes.legend(fontsize=8)
    all_axes[0][0].set_ylabel(label)
    return figure


def throughput(pyplot, results, table):
    return over_connections(pyplot, table, "median", "TCP echo 64 B, 1,000 messages/s", 1e-3)


def cost(pyplot, results, table):
    return over_connections(pyplot, table, "cpu_us_per_message", "server CPU, us for a message", 1)


def latency(pyplot, results, table):
    """The distribution of the latency, the tail spread out."""
    cases = [case for case in ("latency", "halfpeak") if table.get(case)]
    if not cases:
        return None
    figure, all_axes = pyplot.subplots(1, len(cases), figsize=(1.5 + 5 * len(cases), 4.2),
                                       squeeze=False)
    for axes, case in zip(all_axes[0], cases):
        deepest = 0
        for peer in (r["peer"] for r in table[case]):
            rounds = results["results"][case][peer]
            middle = sorted(rounds, key=lambda r: r["p99_us"])[len(rounds) // 2]
            points = [(1 / (1 - f), us) for f, us in middle["distribution"] if f < 1]
            deepest = max(deepest, points[-1][0])
            axes.plot([x for x, _ in points], [us for _, us in points], color=colour(peer), label=peer,
                      linewidth=2.2 if peer == OURS else 1.3)
        nines = [n for n in range(1, 9) if 10 ** n <= deepest]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([2] + [10 ** n for n in nines],
                        ["50 %"] + [f"{100 - 10.0 ** (2 - n):g} %" for n in nines],
                        fontsize=8)
        axes.xaxis.set_minor_locator(pyplot.NullLocator())
        axes.set_title(f"{table[case][0]['rate']:,.0f} messages/s, 100 connections", fontsize=9)
        axes.set_xlabel("share of the messages")
        axes.legend(fontsize=8)
    all_axes[0][0].set_ylabel("latency, us")
    return figure


def bars(pyplot, table, case, label, scale=1.0):
    rows = table.get(case)
    if not rows:
        return None
    figure, axes = pyplot.subplots(figsize=(6, 0.9 + 0.3 * len(rows)))
    rows = rows[::-1]
    axes.barh([r["peer"] for r in rows], [r["median"] * scale for r in rows],
              xerr=[[(r["median"] - r["min"]) * scale for r in rows],
                    [(r["max"] - r["median"]) * scale for r in rows]],
              color=[colour(r["peer"]) for r in rows], height=0.65, ecolor="#555555")
    axes.set_xlabel(label)
    return figure


def memory(pyplot, results, table):
    return bars(pyplot, table, "idle", "bytes for an idle TCP connection")


def start(pyplot, results, table):
    return bars(pyplot, table, "start", "ms from exec to listening")


PLOTS = (
    ("ratios.svg", "every ratio that has a goal", overview),
    ("throughput.svg", "throughput against connections", throughput),
    ("latency.svg", "latency distribution at a fixed rate", latency),
    ("cost.svg", "server CPU time for a message", cost),
    ("memory.svg", "memory of an idle connection", memory),
    ("start.svg", "time to start", start),
)
