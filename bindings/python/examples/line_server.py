"""A server of a line protocol: line_server.py HOST PORT. Port 0 takes a free one. Runs until Ctrl-C."""

import asyncio
import sys

import ohsocket


async def answer(connection: ohsocket.TCPSocketConnection) -> None:
    """A task for each client: each line comes back in upper case."""
    while line := await connection.readline():
        await connection.send(line.upper())


async def main(host: str, port: int) -> None:
    async with ohsocket.TCPSocketServer() as server:
        await server.listen((host, port))
        print("listening", *server.get_local_address()[:2], flush=True)
        await ohsocket.serve(server, answer, limit=1000, on_error=lambda one, error: print(one, error))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
