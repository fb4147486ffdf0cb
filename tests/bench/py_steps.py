#!/usr/bin/env python3
"""What a message costs in the Python package, step by step.

    OHSOCKET_LIBRARY=build/libohsocket.so python3 tests/bench/py_steps.py [PACKAGE]

PACKAGE is the folder that holds the package `ohsocket`, bindings/python without it. Of the steps the
best time is printed; of batches of echoes (64 connections of this process with 64 bytes each) the time
that nine tenths of the batches exceed, which a busy machine does not change much.
"""

import asyncio
import contextvars
import ctypes
import os
import pathlib
import socket
import struct
import sys
import time
import timeit

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "bindings/python"))
import ohsocket
from ohsocket import _loop as records
from ohsocket._abi import EVENT_FORMAT, EVENT_SIZE
from ohsocket._library import RecordArray, fast_send, lib, memory, sizes

CONNECTIONS = 64
BATCHES = 1500
DATA = b"x" * 64


def step(name, statement, divisor=1, **names):
    number = max(1, 20000 // divisor)
    best = min(timeit.repeat(statement, globals=names, number=number, repeat=9))
    print(f"{best / number / divisor * 1e9:7.0f} ns  {name}")


def steps():
    version = ctypes.PYFUNCTYPE(ctypes.c_int)(("socket_version_number", lib))
    version.argtypes = None
    nobody = ctypes.c_int64.from_param(1 << 40)
    size = sizes[len(DATA)]
    step("a call of C without arguments", "call()", call=version)
    step("a call of C with the five arguments of a send", "call(h, d, s, None, None)",
         call=version, h=nobody, d=DATA, s=size)
    step("the same into Go and back: socket_send of an invalid handle", "call(h, d, s, None, None)",
         call=fast_send, h=nobody, d=DATA, s=size)
    array = RecordArray(CONNECTIONS)
    for record in array.records:
        record.type, record.socket, record.size = 2, 7 << 20, 64
    step("decoding a record", "for kind, a, b, c, d, e, f, g, h, i, j in unpack(view): pass", CONNECTIONS,
         unpack=struct.Struct(EVENT_FORMAT).iter_unpack, view=array.view[: CONNECTIONS * EVENT_SIZE])
    step("copying the bytes", "copy[a : a + 64]", copy=memory, a=ctypes.addressof(array.records))
    step("making the object for the listener", "new(info, (data, None))",
         new=tuple.__new__, info=ohsocket.SocketMessageInfo, data=DATA)
    step("calling a listener in its context", "run(listener, None)",
         run=contextvars.copy_context().run, listener=lambda info: None)


def batch_parts(loop):
    """One turn of the loop; how long poll, listeners and the writing took."""
    begin = time.perf_counter_ns()
    count = records.fast_poll(loop._argument, loop._array.pointer, loop._array.capacity,
                              records._NOT_AT_ALL)
    polled = time.perf_counter_ns()
    loop._dispatch(records._unpack(loop._array.view[: count * EVENT_SIZE]))
    dispatched = time.perf_counter_ns()
    loop.flush()
    return polled - begin, dispatched - polled, time.perf_counter_ns() - dispatched


async def echoes(style):
    """The parts of many batches: one answer on each connection, by listeners or by tasks."""
    connections, tasks = [], []

    async def serve(connection):
        async for data in connection:
            await connection.send(data)

    def on_client(connection):
        connections.append(connection)
        if style == "tasks":
            tasks.append(asyncio.ensure_future(serve(connection)))
        else:
            send = connection.send_nowait
            connection.on("message", lambda info: send(info.message))

    server = ohsocket.TCPSocketServer()
    server.on("connect", on_client)
    await server.listen(("127.0.0.1", 0))
    address = server.get_local_address()
    peers = [socket.create_connection((address.address, address.port)) for _ in range(CONNECTIONS)]
    while len(connections) < CONNECTIONS:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    loop = server._loop
    loop.host.remove_reader(loop.fd)
    found = []
    for _ in range(BATCHES):
        for peer in peers:
            peer.send(DATA)
        if style == "tasks":
            begin = time.perf_counter_ns()
            loop._readable()
            await asyncio.sleep(0)  # the tasks
            await asyncio.sleep(0)  # the writing
            found.append((time.perf_counter_ns() - begin,))
            for connection in connections:
                connection._unchecked = 0  # no send waits for its completion
        else:
            found.append(batch_parts(loop))
        for peer in peers:
            peer.recv(len(DATA))
    for peer in peers:
        peer.close()
    for task in tasks:
        task.cancel()
    for one in (*connections, server):
        one.abort()
    return found


def tenth(values):
    return sorted(values)[len(values) // 10] / CONNECTIONS


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    steps()
    found = asyncio.run(echoes("listeners"))
    for name, values in zip(("poll", "listeners and sends", "writing"), zip(*found)):
        print(f"{tenth(values):7.0f} ns  echo, of which {name}")
    print(f"{tenth([sum(parts) for parts in found]):7.0f} ns  echo by listeners")
    print(f"{tenth([sum(parts) for parts in asyncio.run(echoes('tasks'))]):7.0f} ns  echo by tasks")


main()
