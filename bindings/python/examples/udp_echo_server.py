"""A UDP echo server on asyncio: udp_echo_server.py HOST PORT. Runs until Ctrl-C."""

import asyncio
import sys

import ohsocket


async def main(host: str, port: int) -> None:
    async with ohsocket.UDPSocket() as udp:
        await udp.bind((host, port))
        print("listening", *udp.get_local_address()[:2], flush=True)
        async for message, remote in udp:
            await udp.send(message, (remote.address, remote.port))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
