#!/usr/bin/env python3
"""What a machine can see in the docs: links lead somewhere, tables of errors and states are those of the header,
and no sentence of a page or of the header has more than 35 words."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
LONGEST = 35
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def files(*patterns: str) -> list[pathlib.Path]:
    named = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in named.split("\0") if name and (ROOT / name).is_file()]


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(file: pathlib.Path) -> list[str]:
    """The links of a page that lead nowhere."""
    text = FENCE.sub("", file.read_text())
    broken = []
    for target, anchor in LINK.findall(text):
        if "://" in target:
            continue
        to = (file.parent / target) if target else file
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to.read_text())):
            broken.append(f"leads nowhere: {target}{'#' + anchor if anchor else ''}")
    return broken


def errors() -> list[str]:
    """What is wrong in reference/errors.md: numbers that are not those of the names, and codes that a comment of the
    header names and the table does not have."""
    codes_header = (ROOT / "include/ohsocket_errors.h").read_text()
    numbers = dict(re.findall(r"\bSOCKET_ERROR_(\w+) = (\d+)", codes_header))
    table = (ROOT / "docs/reference/errors.md").read_text()
    named = re.findall(r"\bSOCKET_ERROR_([A-Z_]+[A-Z])\b", (ROOT / "include/ohsocket.h").read_text())
    wrong = [f"lacks {name}" for name in sorted(set(named)) if name in numbers and f"`{name}`" not in table]
    for names, codes in re.findall(r"^\| (`[A-Z`, _]+) \| ([\d, ]+) \|", table, re.M):
        wanted = [numbers.get(name) for name in re.findall(r"\w+", names)]
        if wanted != codes.split(", "):
            wrong.append(f"{names}: {codes} should be {wanted}")
    return wrong


def cell(text: str) -> str:
    """A cell of a state table without remarks: "ok (queued)" and "ok, queued" are ok, "bound: ok, else BADF" and
    "if bound" are bound."""
    if ": ok" in text or text.startswith(("if ", "while ")):
        return text.split(":")[0].split()[-1]
    return re.split(r"[ ,]", text)[0]


def rows_of_header() -> dict[tuple[str, str], list[str]]:
    """The rows of the state tables of the header, by kind and function."""
    rows: dict[tuple[str, str], list[str]] = {}
    tables = (ROOT / "include/ohsocket.h").read_text().split("WHAT MAY BE CALLED WHEN", 1)[1].split("SPDX", 1)[0]
    kind = names = ""
    for line in re.findall(r"^ \*     (.*)$", tables, re.M):
        first, *cells = re.split(r" {2,}", line.strip())
        if "new, closed" in cells:
            kind, names = first, ""
            continue
        names += first
        if cells:
            rows |= {(kind, name): [cell(text) for text in cells] for name in re.split(r", ?", names)}
            names = ""
    return rows


def states() -> list[str]:
    """The rows of the header's state tables that are not those of reference/contracts.md."""
    rows = {}
    kind = ""
    tables = (ROOT / "docs/reference/contracts.md").read_text().split("## Function x state", 1)[1]
    for line in re.sub(r"\n\|---.*", " |", tables).splitlines():
        cells = [text.strip() for text in line.strip("| ").split(" | ")]
        if line.endswith("| |"):
            kind = cells[0]
        elif line.startswith("| "):
            rows |= {(kind, name): [cell(text) for text in cells[1:]] for name in cells[0].split(", ")}
    header = rows_of_header()
    if len(header) < 20:
        return ["the state tables of the header cannot be read"]
    wrong = {key: value for key, value in header.items() if rows.get(key) != value}
    return [f"{key}: the header has {value}, not {rows.get(key)}" for key, value in wrong.items()]


def prose(file: pathlib.Path) -> str:
    """The text of a page without blocks of code, or that of the comments of a header."""
    if file.suffix == ".md":
        return FENCE.sub("", file.read_text())
    comments = re.findall(r"/\*(.*?)\*/", file.read_text(), re.S)
    return "\n\n".join(re.sub(r"^ *\* ?", "", comment, flags=re.M) for comment in comments)


def sentences(file: pathlib.Path) -> list[str]:
    """The sentences that are too long. Rows of tables and blocks of code are none."""
    text = prose(file)
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*|#>]|\s*\d+\.\s)", text):
        if not paragraph.lstrip().startswith("|") and not paragraph.startswith("    "):
            found += re.split(r"(?<=[.?!])\s+|(?<=[.?!]\))\s+", " ".join(paragraph.split()))
    return [
        f"{len(words)} words: {' '.join(words[:8])} ..."
        for words in (sentence.split() for sentence in found)
        if len(words) > LONGEST
    ]


def main() -> int:
    found = [(file.relative_to(ROOT), what) for file in files("*.md") for what in links(file)]
    # The report of the benchmarks is generated from measurements.
    for file in files("*.md", "include/*.h", ":!docs/quality/benchmarks"):
        found += [(file.relative_to(ROOT), what) for what in sentences(file)]
    found += [("docs/reference/errors.md", what) for what in errors()]
    found += [("docs/reference/contracts.md", what) for what in states()]
    for where, what in found:
        print(f"{where}: {what}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
