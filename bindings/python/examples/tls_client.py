"""A line to a TLS server whose certificate a file vouches for: tls_client.py HOST PORT CA_FILE LINE"""

import asyncio
import sys

import ohsocket


async def main(host: str, port: int, ca: str, line: str) -> None:
    async with ohsocket.TLSSocket() as tls:
        await tls.connect((host, port), ohsocket.TLSSecureOptions(ca_file=ca), timeout=6.0)
        await tls.send(line + "\n")
        print(tls.get_protocol(), (await tls.readline()).decode().strip())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
