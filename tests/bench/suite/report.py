"""The report: Markdown from the results, with plots beside it."""

import os

from . import plots
from .cases import CASES, OURS
from .reasons import FLAT, reason_of
from .summary import SATURATED, causes, flatness, others_busy, summarize

# More of a core than this used by other programs, and the figures are theirs too.
QUIET = 0.1

COLUMNS = ("", "median", "min to max", "CPU us/msg", "server busy", "load busy", "p50 us",
           "p99 us", "p99.9 us", "peak RSS MB", "ratio", "CPU ratio", "goal", "")

EXPLANATION = f"""\
Each server ran on a core of its own, the load generator on another, the peers of a case in turns.
**ratio** is this library to the peer, the median of the ratios of the rounds; for throughput more is
better, for memory, latency and start less. **CPU us/msg** is the server's CPU time for a message (bulk:
for 64 KiB; connections: for a connection), **CPU ratio** how many times as much of it the peer needs.
**busy** is the share of a core that the server and the load generator used. Where the generator was the
limit (over {SATURATED:.0%} busy, and a server was not), a goal is decided by the CPU ratio, marked *CPU*.
TLS is 1.3 with TLS_AES_128_GCM_SHA256, X25519 and one EC P-256 certificate for all.
"""


def number(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def amount(value):
    return number(value, 2 if value < 10 else 1 if value < 100 else 0)


def percent(value):
    return "" if value is None else f"{value:.0%}"


def goal_text(row):
    if row.get("goal") is None:
        return ""
    sign = ">=" if CASES[row["case"]].metric.higher else "<="
    return f"{sign} {row['goal']:g}"


def verdict_text(row):
    text = row.get("verdict", "")
    if text and row.get("by_cpu"):
        text += " (CPU)"
    return f"**{text}**" if text.startswith("not") else text


def markdown_table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return out + [""]


def goal_line(results, table, name, peer):
    """The goal of a case against a peer, also when there is nothing to compare."""
    case = CASES[name]
    row = next((row for row in table.get(name, ()) if row["peer"] == peer), None)
    if row and row.get("ratio") is not None:
        return (case.section, case.title, peer, number(row["ratio"], 2),
                number(row["cpu_ratio"], 2), goal_text(row), verdict_text(row))
    reasons = results["missing"].get(name, {})
    reason = reasons.get(OURS) or reasons.get(peer) or "no result"
    sign = ">=" if case.metric.higher else "<="
    return (case.section, case.title, peer, "", "", f"{sign} {case.goals[peer]:g}", reason)


def goals_section(results, table):
    lines = [goal_line(results, table, name, peer)
             for name in results["results"] for peer in CASES[name].goals]
    flat = flatness(table)
    if flat:
        verdict = verdict_text(flat)
        lines.append(("C: echo", "CPU for a message, 10,000 connections to 10", "itself",
                      number(flat["ratio"], 2), "", f"<= {flat['goal']:g}", verdict))
    if not lines:
        return []
    met = sum(line[-1].startswith("met") for line in lines)
    head = ("", "case", "peer", "ratio", "CPU ratio", "goal", "")
    others = [f"{peer} {number(found['ratio'], 2)}" for peer in ("libuv", "epoll")
              if (found := flatness(table, peer))]
    return ([f"## Goals: {met} of {len(lines)} met", ""] + markdown_table(head, lines)
            + ([f"CPU for a message, 10,000 connections to 10, of the peers: {', '.join(others)}.", ""]
               if flat and others else [])
            + missed_section(table, flat))


def missed_section(table, flat):
    """Why goals were missed, each reason once."""
    missed = {}
    for rows in table.values():
        for row in rows:
            if row.get("verdict") == "not met":
                reason = reason_of(row["case"], row["peer"]) or "The reason is not known."
                missed.setdefault((row["peer"], reason), []).append(f"`{row['case']}`")
    if flat and flat["verdict"] == "not met":
        missed["itself", FLAT] = ["10,000 connections to 10"]
    if not missed:
        return []
    return ["### Why goals are not met, and what was tried", ""] + [
        f"- {', '.join(cases)}, {peer}: {reason}" for (peer, reason), cases in missed.items()
    ] + ["", "How this was found, and what each change gave: `docs/quality/performance.md`.", ""]


def case_lines(name, rows, missing):
    metric = CASES[name].metric
    found = {row["peer"]: row for row in rows}
    for peer in CASES[name].peers:
        if peer in found:
            row = found[peer]
            lost = f" (lost {row['lost']:g})" if row["lost"] else ""
            rss = row["peak_rss_kb"] and row["peak_rss_kb"] / 1024
            yield (peer, f"{amount(row['median'])} {metric.unit}{lost}",
                   f"{amount(row['min'])} to {amount(row['max'])}",
                   number(row["cpu_us_per_message"], 2), percent(row["server_busy"]),
                   percent(row["load_busy"]), number(row["p50_us"]), number(row["p99_us"]),
                   number(row["p999_us"]), number(rss, 1), number(row.get("ratio"), 2),
                   number(row.get("cpu_ratio"), 2), goal_text(row), verdict_text(row))
        else:
            reason = missing.get(peer, "no result")
            yield (peer, reason) + ("",) * (len(COLUMNS) - 2)


def sections(results, table):
    section = None
    for name in results["results"]:
        case = CASES[name]
        if case.section != section:
            section = case.section
            yield from (f"## {section}", "")
        yield from (f"### {case.title} (`{name}`)", "")
        if case.note:
            yield from (case.note, "")
        yield from markdown_table(COLUMNS, case_lines(name, table.get(name, ()),
                                                      results["missing"].get(name, {})))
        if case.rate_from and table.get(name):
            yield from outliers(results["results"][name])


def outliers(peers):
    """What the slow answers of the run at half of the peak were."""
    sample = next(iter(peers.values()))[0]
    yield from (f"{number(sample['rate'])} messages/s for {sample['seconds']:.0f} s, latency counted "
                "from the moment each was meant to leave. Slow: answers that took over 1 ms; those that "
                "overlap are one time. A time is put down to the load generator if that was itself off its "
                "core meanwhile, and to the garbage collector if its trace (GODEBUG=gctrace=1) shows a cycle "
                "then.", "")
    lines = []
    for peer, rounds in peers.items():
        found = causes(rounds)
        ran = sum(len(r.get("collections", ())) for r in rounds)
        waited = sum(r["server_wait_seconds"] for r in rounds)
        stolen = sum(r["steal_seconds"] for r in rounds)
        lines.append((peer, number(max(r["max_us"] for r in rounds)),
                      *(f"{times} (worst {number(worst)} us)" if times else "0"
                        for times, worst in found.values()),
                      number(ran) if any("collections" in r for r in rounds) else "",
                      number(waited, 2), number(stolen, 2)))
    yield from markdown_table(("", "max us", "slow times: generator off its core", "collector at work",
                               "neither", "collector cycles", "server waited for its core, s",
                               "stolen by the hypervisor, s"), lines)
    dropped = sum(r["slow_dropped"] for rounds in peers.values() for r in rounds)
    if dropped:
        yield from (f"There were {number(dropped)} slow times more than are kept.", "")
    ours = peers.get(OURS)
    if ours:
        yield from (conclusion(ours, peers.get("epoll")), "")


def conclusion(ours, bare):
    found = causes(ours)
    generator, collector, other = (found[cause][0] for cause in ("generator", "collector", "other"))
    if not generator + collector + other:
        return "This library had no slow answer."
    text = (f"Of the {generator + collector + other} slow times of this library {generator} fall together "
            f"with a stop of the load generator, {collector} with the collector, and {other} have "
            "neither cause")
    if bare and other:
        text += (f"; the bare C loop, which has no collector, had {causes(bare)['other'][0]} of these: "
                 "as far as the two numbers are alike it is the machine")
    return text + "."


def machine_section(results):
    machine, settings = results["machine"], results["settings"]
    memory = machine["memory_mb"]
    lines = [("processor", f"{machine['processor']}, {machine['cores']} cores"
              + (", virtual machine" if machine["hypervisor"] else "")),
             ("memory", f"{number(memory)} MB"), ("kernel", machine["kernel"]),
             ("distribution", machine["distribution"] or "unknown"),
             ("load before", number(machine["load_before"], 2)),
             ("other programs", percent(others_busy(results["results"])) + " of a core"),
             ("time", machine["time"]),
             ("runs", f"{settings['rounds']} of {settings['seconds']:g} s")]
    lines += [(name, version) for name, version in machine["versions"].items() if version]
    return ["## Machine", ""] + markdown_table(("", ""), lines)


def failures_section(results):
    if not results["failures"]:
        return []
    return ["## Failed runs", ""] + [
        f"- {f['case']}, {f['peer']}, round {f['round']}: {f['reason']}" for f in results["failures"]
    ] + [""]


def compose(results, table, pictures):
    """The report's text; pictures are (file, description), the overview first."""
    lines = ["# Benchmarks", ""]
    if results["settings"]["quick"]:
        lines += ["A quick run: one short round, no spread; for a look, not for figures.", ""]
    if results["interrupted"]:
        lines += ["The run was interrupted; this is what it had until then.", ""]
    others = others_busy(results["results"])
    if others is not None and others > QUIET:
        lines += [f"**The machine was not quiet: other programs used {others:.0%} of a core (median of the "
                  "runs). The figures are of no use but to see that everything works.**", ""]
    pictures = [f"![{description}]({name})" for name, description in pictures]
    lines += pictures[:1] + [""] + goals_section(results, table) + [EXPLANATION]
    for picture in pictures[1:]:
        lines += [picture, ""]
    lines += failures_section(results)
    lines += sections(results, table)
    lines += machine_section(results)
    return "\n".join(lines).rstrip() + "\n"


def write(results, folder):
    table = summarize(results["results"])
    pictures = plots.draw(results, table, folder)
    path = os.path.join(folder, "report.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(compose(results, table, pictures))
    print(f"\n{brief(table)}\nreport: {path}")


def brief(table):
    """The goals, for the terminal."""
    lines = [f"{'case':14}{'peer':10}{'ratio':>7}{'CPU':>7}{'goal':>9}"]
    for name, rows in table.items():
        for row in rows:
            if row.get("ratio") is None:
                continue
            lines.append(f"{name:14}{row['peer']:10}{row['ratio']:7.2f}"
                         f"{number(row['cpu_ratio'], 2):>7}{goal_text(row):>9} "
                         f"{verdict_text(row).strip('*')}")
    return "\n".join(lines)
