"""As client.py, without asyncio: client_blocking.py HOST PORT TEXT."""

import sys

import ohsocket
from ohsocket import sync


def main(host: str, port: int, text: str) -> None:
    with sync.TCPSocket() as tcp:
        tcp.connect((host, port), timeout=6.0)
        tcp.send(text)
        tcp.end()
        for data in tcp:
            sys.stdout.write(data.decode())
        print()


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    except ohsocket.SocketError as error:
        sys.exit(f"client: {error}")
