"""A TCP echo server with listeners, the fastest way: echo_server_listeners.py HOST PORT. Runs until Ctrl-C.

When a client does not read, its messages are held here and its reading pauses until there is room.
"""

import asyncio
import sys
from typing import List

import ohsocket


class Echo:
    """One client. The listeners keep it alive until the connection is closed."""

    def __init__(self, connection: ohsocket.TCPSocketConnection) -> None:
        self.connection = connection
        self.held: List[bytes] = []
        self.ended = False
        connection.set_option(ohsocket.Option.ALLOW_HALF_OPEN, 1)  # held bytes are sent after the end too
        connection.on("message", self.on_message)
        connection.on("drain", self.on_drain)
        connection.on("end", self.on_end)

    def on_message(self, info: ohsocket.SocketMessageInfo) -> None:
        if not self.held:
            try:
                self.connection.send_nowait(info.message)
                return
            except BlockingIOError:
                self.connection.pause()
            except ConnectionError:
                return  # it has gone, close follows
        self.held.append(info.message)

    def on_drain(self) -> None:
        self.connection.send_nowait(b"".join(self.held))  # there is room now
        self.held.clear()
        if self.ended:
            asyncio.ensure_future(self.connection.close())
        else:
            self.connection.resume()

    def on_end(self) -> None:
        self.ended = True
        if not self.held:
            asyncio.ensure_future(self.connection.close())


async def main(host: str, port: int) -> None:
    async with ohsocket.TCPSocketServer() as server:
        server.on("connect", Echo)
        await server.listen((host, port))
        print("listening", *server.get_local_address()[:2], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
