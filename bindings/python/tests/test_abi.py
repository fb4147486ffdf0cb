"""The ctypes declarations against docs/reference/abi.txt and against the C compiler."""

import ctypes
import os
import pathlib
import re
import struct
import subprocess

import ohsocket
from ohsocket import _abi

ROOT = pathlib.Path(__file__).resolve().parents[3]
STRUCTS = [
    value
    for value in vars(_abi).values()
    if isinstance(value, type) and issubclass(value, ctypes.Structure) and value is not ctypes.Structure
]


def fields(of: type) -> "list[tuple[str, int, int]]":
    return [
        (name, getattr(of, name).offset, getattr(of, name).size)
        for name, *_ in of._fields_  # type: ignore[attr-defined]
    ]


def test_structs_as_in_abi_txt() -> None:
    expected: "dict[str, tuple[int, list[tuple[int, str]]]]" = {}
    text = (ROOT / "docs/reference/abi.txt").read_text()
    for line in text.split("structs (size, offsets)\n")[1].split("\n\n")[0].splitlines():
        if match := re.match(r"  (\w+) (\d+)$", line):
            current = expected[match[1]] = (int(match[2]), [])
        elif match := re.match(r"    (\d+) +.*?(\w+)(\[\d+\])?$", line):
            current[1].append((int(match[1]), match[2]))
    declared = {
        one.__name__: (ctypes.sizeof(one), [(offset, name) for name, offset, _ in fields(one)])
        for one in STRUCTS
    }
    assert declared == expected


def test_structs_as_the_compiler_lays_them_out(tmp_path: pathlib.Path) -> None:
    lines, expected = [], []
    for one in STRUCTS:
        lines.append(f'printf("{one.__name__} %zu\\n", sizeof({one.__name__}));')
        expected.append(f"{one.__name__} {ctypes.sizeof(one)}")
        for name, offset, size in fields(one):
            lines.append(
                f'printf("{name} %zu %zu\\n", offsetof({one.__name__}, {name}),'
                f" sizeof((({one.__name__} *) 0)->{name}));"
            )
            expected.append(f"{name} {offset} {size}")
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <ohsocket.h>\n#include <stdio.h>\nint main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n"
    )
    program = tmp_path / "layout"
    subprocess.run(["gcc", f"-I{ROOT}/include", source, "-o", program], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert output.splitlines() == expected


def test_record_format() -> None:
    """The struct module and ctypes see the same members at the same places."""
    raw = bytes(range(1, 97))
    event = _abi.socket_event.from_buffer_copy(raw)
    unpacked = struct.unpack(_abi.EVENT_FORMAT, raw)
    remote = (ctypes.c_uint64.from_buffer_copy(raw, 56).value, event.remote.port, event.remote.family)
    assert struct.calcsize(_abi.EVENT_FORMAT) == _abi.EVENT_SIZE == ctypes.sizeof(_abi.socket_event)
    assert unpacked == (
        event.type, event.operation, event.socket, event.user_data, event.error,
        event.data, event.size, event.connection, *remote,
    )  # fmt: skip


def test_functions_as_in_abi_txt() -> None:
    text = (ROOT / "docs/reference/abi.txt").read_text()
    assert sorted(_abi.FUNCTIONS) == text.split("symbols\n")[1].split("\n\n")[0].split()


def test_error_codes_as_in_abi_txt() -> None:
    text = (ROOT / "docs/reference/abi.txt").read_text()
    for line in text.split("errors (number, category)\n")[1].splitlines():
        name, number, category = line.split()
        code = ohsocket.ErrorCode(int(number))
        assert name.endswith(code.name.lstrip("E") if code.name.startswith("E2") else code.name)
        if number == "0":
            continue
        error = ohsocket.SocketError(code)
        assert (error.name, error.category.name.lower()) == (name, category)


def test_version() -> None:
    assert ohsocket.version() == ohsocket.__version__


def test_generated_file_is_up_to_date() -> None:
    subprocess.run(["go", "run", "./capi/headergen", "-check"], cwd=ROOT, check=True, env=os.environ)


def test_missing_library(tmp_path: pathlib.Path) -> None:
    env = dict(os.environ, OHSOCKET_LIBRARY=str(tmp_path / "none.so"))
    done = subprocess.run(
        [os.sys.executable, "-c", "import ohsocket"],  # type: ignore[attr-defined]
        env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ImportError: ohsocket: the library was not found" in done.stderr
    assert "OHSOCKET_LIBRARY" in done.stderr
