"""Why a goal is not met, where that is known; docs/quality/performance.md has the measurements."""

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
RECEIVING = (
    "The sender is the limit, and runs of any one server differ by more than the goal leaves; reads and waits for 64 KiB "
    "are fewer than the bare loop's. Tried: larger and fewer reads."
)
SENDING = (
    "The caller's memory is its own again when a send returns, so that what the kernel does not take at once is copied; "
    "the peers send from memory that they keep."
)
HANDSHAKES = (
    "OpenSSL's part is the same in both; what is left is Go code in many places. Won: one call reads what a handshake "
    "came to, nothing is encoded or named twice, the Go scheduler has its turn before it takes one."
)
TLS_NODE = (
    "OpenSSL and the kernel are what both servers spend most of their time in: the bare C loop on OpenSSL, whose row is "
    "beside this one, does not reach it either. Won: the Go scheduler has its turn before it takes one, OpenSSL's queue of "
    "errors is looked at before it is cleared."
)
UVLOOP = (
    "Of uvloop's time for a message seven eighths are the kernel's. The rest is less than what ctypes needs to "
    "decode a record, make its object, call the listener and call send. Tried: see the rows on Python in the list of "
    "what was tried."
)
ASYNCIO_TLS = (
    "A bare C loop on OpenSSL, which has no Python at all, does not reach it either: its row is beside this one."
)
NODE_TLS = "As in C: OpenSSL and the kernel are most of it, in both servers."
NODE_NET = (
    "node:net makes the same two system calls for a message, seven tenths of the time; a tenth is the ArrayBuffer that "
    "each message is in, which the API demands. Won: batches, one callback scope for a turn, no closures. Tried: "
    "other ways of making ArrayBuffers, one call for many sends."
)
ONE = (
    "With one message on its way the server waits for the client most of the time, and the client for it: what a "
    "wake-up costs decides, and that is the kernel's."
)
FLAT = (
    "So it is with the bare C loop, whose figure is above: what a message costs more is the kernel's."
)
IDLE = (
    "An idle connection is one Go object of 192 bytes and its places in the tables of handles and descriptors; the "
    "rest is the runtime's and differs from run to run. Won: the object had 512 bytes, the tables twice as much."
)

# (cases, peer, reason): the first that fits.
REASONS = (
    ("tcp*", "libuv", KERNEL),
    ("tcp*", "epoll", CROSSINGS),
    ("udp*", "*", UDP),
    ("receive*", "*", RECEIVING),
    ("send*", "*", SENDING),
    ("tls*", "node", TLS_NODE),
    ("tls*", "openssl", HANDSHAKES),
    ("*-tcp1", "*", ONE),
    ("py-tcp*", "uvloop", UVLOOP),
    ("py-tls*", "asyncio", ASYNCIO_TLS),
    ("node-tls*", "node", NODE_TLS),
    ("node-*", "node", NODE_NET),
    ("idle", "libuv", IDLE),
)


def reason_of(case, peer):
    """None: it is not known."""
    return next((text for cases, other, text in REASONS
                 if fnmatch.fnmatch(case, cases) and fnmatch.fnmatch(peer, other)), None)
