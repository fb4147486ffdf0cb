"""Finds libohsocket, loads it and declares its functions."""

import ctypes
import os
import sys
from typing import Any, Dict, List

from ._abi import EVENT_SIZE, FUNCTIONS, VERSION_MAJOR, socket_event

if sys.version_info < (3, 10):
    # Its signal handlers are installed without SA_ONSTACK, and Go's runtime ends the process when one runs.
    raise ImportError("ohsocket needs CPython 3.10 or later")

SONAME = f"libohsocket.so.{VERSION_MAJOR}"


def _candidates() -> List[str]:
    """Where the library may be: OHSOCKET_LIBRARY, inside the package (wheels), then the system."""
    named = os.environ.get("OHSOCKET_LIBRARY")
    if named:
        return [named]
    bundled = os.path.join(os.path.dirname(__file__), SONAME)
    return [bundled, SONAME] if os.path.exists(bundled) else [SONAME]


def _load() -> Any:
    failures = []
    for path in _candidates():
        try:
            # PyDLL keeps the GIL. None of the functions used here waits, and beside a busy thread
            # giving it up and getting it back costs more than the call.
            library = ctypes.PyDLL(path)
        except OSError as error:
            failures.append(f"{path}: {error}")
            continue
        for name, (result, parameters) in FUNCTIONS.items():
            function = getattr(library, name, None)
            if function is None:
                raise ImportError(
                    f"ohsocket: {path} has no {name}: it is older than this package", path=path
                )
            function.restype = result
            function.argtypes = parameters
        major = library.socket_version_number() >> 16
        if major != VERSION_MAJOR:
            raise ImportError(
                f"ohsocket: {path} has version {major}, not {VERSION_MAJOR}", path=path
            )
        return library
    raise ImportError(
        "ohsocket: the library was not found. Install the wheel, or the library (make install), "
        "or name it in OHSOCKET_LIBRARY. Tried: " + "; ".join(failures)
    )


lib: Any = _load()


def _undeclared(name: str) -> Any:
    """A function of its own without argtypes: converting the arguments by them costs more than the
    call. It is given what from_param returns, which is converted already, bytes and None only."""
    function = ctypes.PYFUNCTYPE(ctypes.c_int)((name, lib))
    function.argtypes = None  # type: ignore[assignment]
    return function


# The calls made for every message.
fast_send: Any = _undeclared("socket_send")
fast_send_to: Any = _undeclared("socket_send_to")
fast_poll: Any = _undeclared("socket_loop_poll")
fast_flush: Any = _undeclared("socket_loop_flush")

# A handle as an argument of theirs.
handle_argument: Any = ctypes.c_int64.from_param


class _Sizes(Dict[int, Any]):
    """Lengths as arguments, those of small messages made once."""

    def __missing__(self, length: int) -> Any:
        size = ctypes.c_size_t.from_param(length)
        if length <= 4096:
            self[length] = size
        return size


sizes = _Sizes()

# As a completion: make a record.
RECORD = ctypes.c_void_p(1)

# All memory of the process, to copy bytes out of by their address: memory[a:a + n] is one call that
# makes a bytes object, where ctypes.string_at takes three times as long. Nothing else is done with it.
memory: Any = (ctypes.c_char * (2**63 - 1)).from_address(0)


class RecordArray:
    """Room for records of the library, seen as bytes too."""

    def __init__(self, capacity: int) -> None:
        self.records = (socket_event * capacity)()
        self.pointer = ctypes.byref(self.records)
        self.capacity = ctypes.c_int.from_param(capacity)
        raw = (ctypes.c_char * (EVENT_SIZE * capacity)).from_buffer(self.records)
        self.view = memoryview(raw).cast("B")


def text_at(address: int) -> str:
    """The NUL-terminated text at an address."""
    return ctypes.string_at(address).decode("ascii", "replace")
