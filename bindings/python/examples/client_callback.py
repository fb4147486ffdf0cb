"""As client.py, with callbacks as in OpenHarmony: client_callback.py HOST PORT TEXT."""

import sys
from typing import List, Optional

import ohsocket
from ohsocket import callback


def main(host: str, port: int, text: str) -> Optional[ohsocket.SocketError]:
    failures: List[ohsocket.SocketError] = []
    tcp = callback.construct_tcp_socket_instance()

    def on_message(info: ohsocket.SocketMessageInfo) -> None:
        sys.stdout.write(info.message.decode())

    def on_connected(error: Optional[ohsocket.SocketError]) -> None:
        if error:
            failures.append(error)
            return
        tcp.send(text)
        tcp.end()

    tcp.on("message", on_message)
    tcp.on("close", print)
    tcp.connect((host, port), on_connected, timeout=6.0)
    ohsocket.run()  # until nothing is open
    return failures[0] if failures else None


if __name__ == "__main__":
    failure = main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    if failure:
        sys.exit(f"client: {failure}")
