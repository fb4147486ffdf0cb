#!/usr/bin/env python3
"""Functions whose names end in Locked neither lock nor unlock: part of `make lint`.

Who calls one holds the mutex of its receiver, and holds it afterwards. All other functions of
the packages that have such a mutex unlock only what they have locked themselves: before a
function's first unlock there is a lock. What is the unlock of a mutex itself is named below;
lockCaughtUp is a lock.
"""

import pathlib
import re
import sys

UNLOCKS = {("core/socket/socket.go", "unlock")}
FUNCTION = re.compile(r"^func (?:\([^)]*\) )?(\w+)")
LOCKED = re.compile(r"\b(?:[\w.]*\bmu\.Lock(?:Second)?\(\)|\w+\.lock(?:CaughtUp)?\()")
UNLOCKED = re.compile(r"\b(?:[\w.]*\bmu\.Unlock\(\)|\w+\.unlock\(\))")


def functions(path):
    """(line, name, body) of each."""
    name, first, body = None, 0, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = FUNCTION.match(line)
        if match:
            name, first, body = match[1], number, []
            if line.endswith("}") and "{" in line:
                yield first, name, [line[line.index("{"):]]
                name = None
        elif line == "}" and name:
            yield first, name, body
            name = None
        elif name:
            body.append(re.sub(r"//.*", "", line))


def faults(path):
    for line, name, body in functions(path):
        text = "\n".join(body)
        lock, unlock = LOCKED.search(text), UNLOCKED.search(text)
        if name.endswith("Locked"):
            if lock or unlock:
                yield f"{path}:{line}: {name} locks or unlocks: its caller holds the mutex"
        elif unlock and (str(path), name) not in UNLOCKS:
            if not lock or unlock.start() < lock.start():
                yield f"{path}:{line}: {name} unlocks what it has not locked"


def main():
    found = [fault for path in sorted(pathlib.Path("core").rglob("*.go"))
             if not path.name.endswith("_test.go") for fault in faults(path)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
