"""Loads the library into Python and looks at the signal masks and the limit on open files."""

import ctypes
import os
import resource
import signal
import sys

OPEN = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT,
        signal.SIGSYS, signal.SIGPROF, signal.SIGURG, signal.SIGPIPE, signal.SIGKILL, signal.SIGSTOP}
HOST = sum(1 << (s - 1) for s in range(1, 65) if s not in OPEN and s not in (32, 33))


def blocked(task):
    with open(f"/proc/self/task/{task}/status") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))


before = set(os.listdir("/proc/self/task"))
mask = blocked(os.getpid())
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
assert limit[0] < limit[1], limit

library = ctypes.CDLL(sys.argv[1])
library.socket_construct_tcp.restype = ctypes.c_int64
library.socket_release.argtypes = [ctypes.c_int64]
handle = library.socket_construct_tcp()
assert handle > 0, handle

assert blocked(os.getpid()) == mask
assert resource.getrlimit(resource.RLIMIT_NOFILE) == limit
threads = set(os.listdir("/proc/self/task")) - before
assert threads
for thread in threads:
    assert blocked(thread) & HOST == HOST, (thread, hex(blocked(thread)))
assert library.socket_release(handle) == 0
