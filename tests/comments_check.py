#!/usr/bin/env python3
"""What a machine can see in the comments of Go and C: no line of a comment is wider than 100 columns,
nothing is defined by "is what" (or how, where, who), and no function says that a lock is held which its name says
already (`Locked`)."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 100
# The C prototype of an exported function of Go, which headergen reads.
PROTOTYPE = "// C: "
GENERATED = re.compile(r"^(// Code generated|/\*? ?Code generated)", re.M)
# Strings, characters and then comments, so that a "//" inside a string is not taken for one.
TOKEN = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`[^`]*`|//[^\n]*|/\*.*?\*/", re.S)
DEFINITION = re.compile(r"^(?:A |An |The |Package )?[\w.]+ (?:(?:is|are) (?:what|how|where|who)|has what)\b")
LOCKED = re.compile(r"^(\w+Locked)\b.*\bmu is held\b", re.S)


def sources() -> list[pathlib.Path]:
    named = subprocess.run(
        ["git", "ls-files", "-z", "*.go", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in named.split("\0") if name and (ROOT / name).is_file()]


def comments(text: str) -> list[tuple[int, int]]:
    """Where comments begin and end."""
    found = [match.span() for match in TOKEN.finditer(text)]
    return [span for span in found if text.startswith(("//", "/*"), span[0])]


def wide(text: str, begin: int, end: int) -> list[int]:
    """The numbers of the lines of a comment that are too wide."""
    line = text.count("\n", 0, begin) + 1
    start = text.rfind("\n", 0, begin) + 1
    lines = text[start:end].split("\n")
    return [
        line + i
        for i, each in enumerate(lines)
        if len(each.expandtabs(4)) > WIDTH and not each.startswith(PROTOTYPE)
    ]


def paragraphs(text: str) -> list[tuple[int, str]]:
    """The comments of a file, each with its first line; lines of // below each other are one."""
    found: list[tuple[int, str]] = []
    last = -1
    for begin, end in comments(text):
        line = text.count("\n", 0, begin) + 1
        words = " ".join(re.sub(r"^\s*(//|/\*+|\*+/?)", "", part) for part in text[begin:end].split("\n"))
        words = " ".join(words.removesuffix("*/").split())
        if found and line == last + 1 and text.startswith("//", begin):
            found[-1] = (found[-1][0], f"{found[-1][1]} {words}")
        else:
            found.append((line, words))
        last = text.count("\n", 0, end) + 1
    return found


def check(text: str) -> list[tuple[int, str]]:
    found = [
        (line, f"a comment of more than {WIDTH} columns")
        for begin, end in comments(text)
        for line in wide(text, begin, end)
    ]
    for line, words in paragraphs(text):
        if DEFINITION.match(words):
            found.append((line, 'defined by "is what" or "is how": say what it holds, returns or does'))
        if LOCKED.match(words):
            found.append((line, '"mu is held" says what the name says already'))
    return sorted(found)


def main() -> int:
    wrong = 0
    for file in sources():
        text = file.read_text()
        if GENERATED.search(text[:2000]):
            continue
        for line, what in check(text):
            print(f"{file.relative_to(ROOT)}:{line}: {what}", file=sys.stderr)
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
