"""Sends a line to a TCP server and prints the answer, on asyncio: client.py HOST PORT TEXT."""

import asyncio
import sys

import ohsocket


async def main(host: str, port: int, text: str) -> None:
    async with ohsocket.TCPSocket() as tcp:
        await tcp.connect((host, port), timeout=6.0)
        await tcp.send(text)
        await tcp.end()
        async for data in tcp:
            sys.stdout.write(data.decode())
        print()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
    except ohsocket.SocketError as error:
        sys.exit(f"client: {error}")
