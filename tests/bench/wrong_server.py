#!/usr/bin/env python3
"""An echo server that makes mistakes, to see that the load generators notice.

    wrong_server.py MISTAKE tcp|udp HOST PORT
    wrong_server.py MISTAKE tls HOST PORT CERTIFICATE KEY

MISTAKE: flip (a bit), swallow (answers), extend (by a byte), hang-up. The first
answers are right, so that it is not enough to look at those.
"""

import asyncio
import signal
import ssl
import sys

RIGHT_ANSWERS = 50


class Mistaken(asyncio.Protocol, asyncio.DatagramProtocol):
    answers = 0  # of all connections

    def __init__(self, mistake):
        self.mistake = mistake

    def connection_made(self, transport):
        self.transport = transport

    def answer(self, data):
        Mistaken.answers += 1
        if Mistaken.answers <= RIGHT_ANSWERS:
            return data
        middle = len(data) // 2
        return {"flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:],
                "extend": data + b"!", "swallow": None, "hang-up": b""}[self.mistake]

    def data_received(self, data):
        answer = self.answer(data)
        if answer:
            self.transport.write(answer)
        elif answer is not None:
            self.transport.close()

    def datagram_received(self, data, address):
        self.transport.sendto(self.answer(data), address)


async def serve(mistake, kind, host, port, *certificate):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if kind == "udp":
        transport, _ = await loop.create_datagram_endpoint(lambda: Mistaken(mistake),
                                                           local_addr=(host, int(port)))
        address = transport.get_extra_info("sockname")
    else:
        context = None
        if kind == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        server = await loop.create_server(lambda: Mistaken(mistake), host, int(port), ssl=context)
        address = server.sockets[0].getsockname()
    print("listening", address[0], address[1], flush=True)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
