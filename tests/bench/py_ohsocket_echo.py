#!/usr/bin/env python3
"""TCP echo with the ohsocket package: py_ohsocket_echo.py HOST PORT [asyncio|uvloop|callback|coroutine].

Runs until SIGTERM. The style is that of the loop around it; coroutine is asyncio with a task for each
connection in place of a listener.
"""

import asyncio
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bindings/python"))
import ohsocket


def echo(server):
    def connected(connection):
        send = connection.send_nowait

        def received(info):
            try:
                send(info.message)
            except ConnectionError:
                pass  # it has gone meanwhile

        connection.on("message", received)

    server.on("connect", connected)


def say(server):
    address = server.get_local_address()
    print("listening", address.address, address.port, flush=True)


async def echo_task(connection):
    async with connection:
        async for data in connection:
            await connection.send(data)


async def serve(where, coroutines):
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    server = ohsocket.TCPSocketServer()
    tasks = set()
    if coroutines:
        server.on("connect", lambda client: tasks.add(asyncio.ensure_future(echo_task(client))))
    else:
        echo(server)
    await server.listen(where)
    say(server)
    await stop
    os._exit(0)  # with clients that are still there


def main():
    where = (sys.argv[1], int(sys.argv[2]))
    style = sys.argv[3] if len(sys.argv) > 3 else "asyncio"
    if style == "callback":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server = ohsocket.callback.TCPSocketServer()
        echo(server)
        server.listen(where)
        say(server)
        ohsocket.run()
    elif style == "uvloop":
        import uvloop

        uvloop.new_event_loop().run_until_complete(serve(where, False))
    else:
        asyncio.run(serve(where, style == "coroutine"))


main()
