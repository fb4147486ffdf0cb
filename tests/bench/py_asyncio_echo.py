#!/usr/bin/env python3
"""TCP echo on asyncio at its best, a Protocol that writes to its transport: py_asyncio_echo.py HOST PORT
[asyncio|uvloop|streams]. Runs until SIGTERM. asyncio sets TCP_NODELAY by itself."""

import asyncio
import os
import signal
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(host, port, streams):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    if streams:
        server = await asyncio.start_server(echo, host, port, backlog=4096)
    else:
        server = await loop.create_server(Echo, host, port, backlog=4096)
    print("listening", *server.sockets[0].getsockname()[:2], flush=True)
    await server.serve_forever()


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    style = sys.argv[3] if len(sys.argv) > 3 else "asyncio"
    if style == "uvloop":
        import uvloop

        uvloop.new_event_loop().run_until_complete(serve(host, port, False))
    else:
        asyncio.run(serve(host, port, style == "streams"))


main()
