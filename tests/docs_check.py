#!/usr/bin/env python3
"""What a machine can see in the docs: links lead somewhere, and sentences are short.

tests/docs_check.py [links|words] FILE...: without files, all that git knows.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
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


def main() -> int:
    failed = 0
    for file in files("*.md"):
        for what in links(file):
            print(f"{file.relative_to(ROOT)}: {what}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
