"""Sends a datagram and prints the answer, blocking: udp_client.py HOST PORT TEXT."""

import sys

import ohsocket
from ohsocket import sync


def main(host: str, port: int, text: str) -> None:
    with sync.UDPSocket() as udp:
        udp.connect((host, port))
        udp.send(text)
        message, remote = udp.receive(timeout=5)
        print(f"{remote.address} port {remote.port}: {message.decode()}")


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    except ohsocket.SocketError as error:
        sys.exit(f"client: {error}")
