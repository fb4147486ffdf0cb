"""A TCP echo server on asyncio: echo_server.py HOST PORT. Port 0 takes a free one. Runs until Ctrl-C."""

import asyncio
import sys
from typing import Set

import ohsocket


async def echo(connection: ohsocket.TCPSocketConnection) -> None:
    """A task for each client. A client that does not read slows down its own sender only."""
    async with connection:
        try:
            async for data in connection:
                await connection.send(data)
        except ConnectionError as error:
            print(connection.client_id, error, file=sys.stderr)


async def main(host: str, port: int) -> None:
    tasks: Set["asyncio.Task[None]"] = set()
    ohsocket.set_total_queue_limit(64 << 20)  # for all clients together
    async with ohsocket.TCPSocketServer() as server:
        await server.listen((host, port))
        print("listening", *server.get_local_address()[:2], flush=True)
        async for connection in server:
            task = asyncio.create_task(echo(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
