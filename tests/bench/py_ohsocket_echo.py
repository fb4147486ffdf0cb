#!/usr/bin/env python3
"""Echo servers with the ohsocket package.

    py_ohsocket_echo.py [--uvloop | --tasks] tcp|udp HOST PORT
    py_ohsocket_echo.py [--uvloop | --tasks] tls HOST PORT CERTIFICATE KEY

With --tasks a task for each TCP or TLS client takes the place of a listener. Prints `listening HOST PORT`
and runs until SIGTERM.
"""

import asyncio
import os
import pathlib
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bindings/python"))
import ohsocket


def on_client(connection):
    send = connection.send_nowait

    def on_message(info):
        try:
            send(info.message)
        except ConnectionError:
            pass  # it has gone meanwhile; close follows

    connection.on("message", on_message)


async def serve_client(connection):
    async with connection:
        try:
            async for data in connection:
                await connection.send(data)
        except OSError:
            pass  # the client has gone


def udp_echo(udp):
    send = udp.send_nowait

    def on_message(info):
        remote = info.remote_info
        send(info.message, (remote.address, remote.port))

    udp.on("message", on_message)


async def serve(kind, where, secure, tasks):
    running = set()

    def start_task(connection):
        task = asyncio.ensure_future(serve_client(connection))
        running.add(task)
        task.add_done_callback(running.discard)

    if kind == "udp":
        server = ohsocket.UDPSocket()
        udp_echo(server)
        await server.bind(where)
    else:
        server = ohsocket.TLSSocketServer() if kind == "tls" else ohsocket.TCPSocketServer()
        server.on("connect", start_task if tasks else on_client)
        await (server.listen(where, secure) if kind == "tls" else server.listen(where))
    address = server.get_local_address()
    # With clients that are still there: nothing is to be closed gracefully.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    print("listening", address.address, address.port, flush=True)
    await asyncio.Event().wait()


def main():
    flags = [word for word in sys.argv[1:] if word.startswith("--")]
    kind, host, port, *files = [word for word in sys.argv[1:] if not word.startswith("--")]
    secure = None
    if kind == "tls":
        cert, key = (pathlib.Path(path).read_text() for path in files)
        secure = ohsocket.TLSSecureOptions(cert=cert, key=key)
    serving = serve(kind, (host, int(port)), secure, "--tasks" in flags)
    if "--uvloop" in flags:
        import uvloop

        uvloop.new_event_loop().run_until_complete(serving)
    else:
        asyncio.run(serving)


main()
