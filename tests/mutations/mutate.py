#!/usr/bin/env python3
"""Reads mutations and applies them.

mutate.py check [MUTATION...]            whether each (of none: all here) applies to the tree around this file
mutate.py compile [MUTATION...]          whether the packages that each changes compile (a second each)
mutate.py apply MUTATION TREE ORIGINALS  applies it to TREE, and copies the files it changes to ORIGINALS before

A mutation is a file ID.mutation:

    Broken: the last byte up to the limit is refused
    Test: test_udp:queued_datagrams_are_bounded

    In: core/socket: func (s *Socket) sendable
    - if used > 0 && used+int64(total) > s.opts.queueLimit {
    + if used > 0 && used+int64(total) >= s.opts.queueLimit {

"In" names a folder and the beginning of a declaration of Go or C ("const X" may stand in a group); the files of the
folder are searched for it, without tests and subfolders. It may also name a file and a declaration, or a file alone.

Changes follow, written as in a patch but without line numbers: "-" marks a line that is removed, "+" one that is
added, " " one that stays. "..." separates changes of the same declaration, another "In" begins the next place. The
removed and staying lines must stand together in the declaration exactly once; lines that stay are needed only to make
them unique or to say where lines are added. Only the indentation within a change counts: all of it moves with the code.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple


class Failure(Exception):
    pass


class Change(NamedTuple):
    old: list[str]
    new: list[str]


class Place(NamedTuple):
    path: str
    declaration: str  # empty: the whole file
    changes: list[Change]

    def __str__(self) -> str:
        return self.path + (f": {self.declaration}" if self.declaration else "")


def common_indentation(lines: list[str]) -> str:
    indentations = [re.match(r"\s*", line)[0] for line in lines if line.strip()]
    common = min(indentations, key=len, default="")
    while not all(i.startswith(common) for i in indentations):
        common = common[:-1]
    return common


def read_change(lines: list[str]) -> Change:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines = lines[1:]
    for line in lines:
        if line.strip() and line[0] not in "-+ ":
            raise Failure(f'a line begins neither with "-", "+" nor " ": {line}')
    marks = [line[:1] or " " for line in lines]
    texts = [line[1:] for line in lines]
    margin = len(common_indentation(texts))
    texts = [text[margin:].rstrip() for text in texts]
    change = Change(
        [text for mark, text in zip(marks, texts) if mark != "+"],
        [text for mark, text in zip(marks, texts) if mark != "-"],
    )
    if not any(change.old):
        raise Failure("a change has no line that goes or stays")
    if change.old == change.new:
        raise Failure("a change changes nothing")
    return change


def read_place(lines: list[str]) -> Place:
    path, _, declaration = lines[0].removeprefix("In: ").partition(": ")
    changes: list[list[str]] = [[]]
    for line in lines[1:]:
        if line.strip() == "...":
            changes.append([])
        else:
            changes[-1].append(line)
    return Place(path.strip(), declaration.strip(), [read_change(c) for c in changes])


def read_mutation(file: Path) -> list[Place]:
    """The places of a mutation; its head has to be whole."""
    lines = file.read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("In: ")]
    if not starts:
        raise Failure('there is no "In: "')
    head = lines[: starts[0]]
    for key in ("Broken: ", "Test: "):
        if sum(line.startswith(key) for line in head) != 1:
            raise Failure(f'the head needs one line "{key}..."')
    return [read_place(lines[a:b]) for a, b in zip(starts, [*starts[1:], len(lines)])]


def end_of_declaration(lines: list[str], start: int) -> int:
    """The line after the declaration, if it is laid out as gofmt and the C files of the library do."""
    code = re.sub(r"\s*(//.*|/\*.*\*/)$", "", lines[start])
    if code.endswith(("{", "(", ",", "=", "`")):
        for i in range(start + 1, len(lines)):
            if lines[i].startswith(("}", ")", "`")) and not lines[i].endswith("{"):
                return i + 1
    return start + 1


def is_prototype(lines: list[str], start: int) -> bool:
    """Whether a function of C is declared here, not defined."""
    text = ""
    for line in lines[start:]:
        text += line
        if line.endswith((";", "{")):
            break
    return "(" in text and text.endswith(";") and not re.search(r"[={]", text)


def declarations(file: Path, beginning: str) -> list[tuple[Path, int, int]]:
    """Where declarations of the file begin and end whose text begins so."""
    lines = file.read_text().split("\n")
    boundary = r"\b" if re.match(r"\w", beginning[-1]) else ""
    pattern = re.compile(re.escape(beginning) + boundary)
    keyword, _, name = beginning.partition(" ")
    member = re.compile(r"\t" + re.escape(name) + boundary) if keyword in ("const", "var", "type") else None
    found = []
    for i, line in enumerate(lines):
        if pattern.match(line):
            if file.suffix == ".go" or not is_prototype(lines, i):
                found.append((file, i, end_of_declaration(lines, i)))
        elif member and line == keyword + " (":
            found += [(file, j, j + 1) for j in range(i, end_of_declaration(lines, i)) if member.match(lines[j])]
    return found


def find_place(tree: Path, place: Place) -> tuple[Path, int, int]:
    """The file, and the lines from and to which the place is in it."""
    where = tree / place.path
    if where.is_file():
        files = [where]
    elif where.is_dir() and place.declaration:
        files = [f for s in ("go", "c", "h") for f in sorted(where.glob(f"*.{s}")) if not f.name.endswith("_test.go")]
    else:
        raise Failure(f"there is no {place.path}" if not where.exists() else f"{place.path}: no declaration is named")
    if not place.declaration:
        return where, 0, len(where.read_text().split("\n"))
    found = [d for f in files for d in declarations(f, place.declaration)]
    if len(found) != 1:
        many = ", ".join(f"{f.relative_to(tree)}:{i + 1}" for f, i, _ in found)
        why = f"is declared more than once: {many}" if many else "is not declared"
        raise Failure(f"{place}: {why}")
    return found[0]


def match_at(lines: list[str], old: list[str]) -> str | None:
    """The indentation by which old is moved where it is the beginning of lines; None: it is not."""
    first = next(i for i, text in enumerate(old) if text)
    if len(lines) < len(old) or not lines[first].endswith(old[first]):
        return None
    moved = lines[first].removesuffix(old[first])
    same = all(line == (moved + text if text else "") for line, text in zip(lines, old))
    return moved if same and not moved.strip() else None


def apply_to(tree: Path, places: list[Place]) -> dict[Path, str]:
    """The new texts of the files that the places change."""
    edits: dict[Path, list[tuple[int, int, list[str]]]] = {}
    for place in places:
        file, start, end = find_place(tree, place)
        lines = file.read_text().split("\n")
        for old, new in place.changes:
            found = [(i, m) for i in range(start, end) if (m := match_at(lines[i:end], old)) is not None]
            if len(found) != 1:
                text = "\n    ".join(old)
                raise Failure(f"{place}: has {len(found)} times instead of once:\n    {text}")
            at, moved = found[0]
            edits.setdefault(file, []).append((at, at + len(old), [moved + t if t else "" for t in new]))
    texts = {}
    for file, changes in edits.items():
        lines = file.read_text().split("\n")
        changes.sort(reverse=True)
        if any(a[0] < b[1] for a, b in zip(changes, changes[1:])):
            raise Failure(f"{file.relative_to(tree)}: changes overlap")
        for start, end, new in changes:
            lines[start:end] = new
        texts[file] = "\n".join(lines)
    return texts


def apply(file: Path, tree: Path, originals: Path) -> None:
    for changed, text in apply_to(tree, read_mutation(file)).items():
        original = originals / changed.relative_to(tree)
        original.parent.mkdir(parents=True, exist_ok=True)
        original.write_text(changed.read_text())
        changed.write_text(text)


def check(files: list[Path], tree: Path) -> int:
    failures = 0
    for file in files:
        try:
            apply_to(tree, read_mutation(file))
        except Failure as failure:
            failures += 1
            print(f"{file.name}: {failure}", file=sys.stderr)
    return failures


def compile_changed(file: Path, tree: Path) -> None:
    """Compiles the packages that the mutation changes, with the changed files laid over those of the tree."""
    texts = apply_to(tree, read_mutation(file))
    packages = sorted({"./" + str(changed.parent.relative_to(tree)) for changed in texts})
    with tempfile.TemporaryDirectory() as folder:
        overlay: dict[str, str] = {}
        for changed, text in texts.items():
            copy = Path(folder) / f"{len(overlay)}{changed.suffix}"
            copy.write_text(text)
            overlay[str(changed)] = str(copy)
        listing = Path(folder) / "overlay.json"
        listing.write_text(json.dumps({"Replace": overlay}))
        # vet reads Go and checks its types, which is all that is asked of it, in a tenth of the time of a build.
        command = ["go", "vet", "-atomic"] if all(f.suffix == ".go" for f in texts) else ["go", "build", "-o=/dev/null"]
        command += [f"-overlay={listing}", *packages]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"does not compile:\n{done.stderr}")


def check_compiles(files: list[Path], tree: Path) -> int:
    failures = 0
    for file in files:
        try:
            compile_changed(file, tree)
        except Failure as failure:
            failures += 1
            print(f"{file.name}: {failure}", file=sys.stderr, flush=True)
    return failures


def main(arguments: list[str]) -> int:
    here = Path(__file__).resolve().parent
    checks = {"check": check, "compile": check_compiles}
    if arguments[:1] and arguments[0] in checks:
        files = [Path(a) for a in arguments[1:]] or sorted(here.glob("*.mutation"))
        return 1 if checks[arguments[0]](files, here.parent.parent) else 0
    if arguments[:1] == ["apply"] and len(arguments) == 4:
        try:
            apply(*(Path(a) for a in arguments[1:]))
        except Failure as failure:
            print(f"{Path(arguments[1]).name}: {failure}", file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
