"""Why a goal is not met, where that is known; docs/performance.md has the measurements."""

import fnmatch

KERNEL = (
    "Nine tenths of the server's time are the kernel's, in a receive and a send for each message, which both servers "
    "make alike; only what is left can be won. Tried: fewer waits, one write for many messages, looking again "
    "before waiting, io_uring."
)
CROSSINGS = (
    "Two crossings between C and Go for each message, and the bookkeeping that lets any thread call anything. Tried: "
    "the Go scheduler is kept from taking the loop's processor, counters and look-ups need no locks, one block is kept "
    "with the loop."
)
UDP = (
    "Both receive and send many datagrams in one system call; the kernel's work for each is nearly all of the time. Won: "
    "answers of one size to one address leave as one (UDP_SEGMENT), the text of the last sender is kept."
)
BULK = (
    "The sender is the limit, and runs of any one server differ by up to two times; by CPU time for 64 KiB the servers "
    "are alike. Tried: larger and fewer reads."
)
HANDSHAKES = (
    "OpenSSL's part is the same in both; what is left is Go code in many places. Won: one call reads what a handshake "
    "came to, nothing is encoded or named twice, the Go scheduler has its turn before it takes one."
)
TLS_NODE = (
    "OpenSSL and the kernel are what both servers spend most of their time in, so that even the bare C loop is not far "
    "above the goal (its row is beside this one). Won: records and crossings are batched, sessions are shared."
)
UVLOOP = (
    "Of a message six sevenths are the kernel's in both. What is left for a message is less than what ctypes needs to "
    "decode a record, make its object, call the listener and call send. Tried: see the rows on Python in the list of "
    "what was tried."
)
ASYNCIO_TLS = (
    "A bare C loop on OpenSSL, which has no Python at all, does not reach it either: its row is beside this one."
)
NODE_NET = (
    "node:net makes the same two system calls for a message, seven tenths of the time; a tenth is the ArrayBuffer that "
    "each message is in, which the API demands. Won: batches, one callback scope for a turn, no closures. Tried: "
    "other ways of making ArrayBuffers, addresses as numbers, one call for many sends."
)
IDLE = (
    "An idle connection is one Go object of 208 bytes and its places in the tables of handles and descriptors; the "
    "rest is the runtime's and differs from run to run. Won: the object had 512 bytes, the tables twice as much."
)

# (cases, peer, reason): the first that fits.
REASONS = (
    ("tcp*", "libuv", KERNEL),
    ("tcp*", "epoll", CROSSINGS),
    ("udp*", "*", UDP),
    ("receive*", "*", BULK),
    ("send*", "*", BULK),
    ("tls*", "node", TLS_NODE),
    ("tls*", "openssl", HANDSHAKES),
    ("py-tcp*", "uvloop", UVLOOP),
    ("py-tls*", "asyncio", ASYNCIO_TLS),
    ("node-*", "node", NODE_NET),
    ("idle", "libuv", IDLE),
)


def reason_of(case, peer):
    """None: it is not known."""
    return next((text for cases, other, text in REASONS
                 if fnmatch.fnmatch(case, cases) and fnmatch.fnmatch(peer, other)), None)
