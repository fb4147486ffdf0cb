#!/usr/bin/env python3
"""The asyncio and uvloop peers of the benchmarks: an echo server.

    py_asyncio.py [--uvloop] tcp|udp HOST PORT
    py_asyncio.py [--uvloop] tls HOST PORT CERTIFICATE KEY

With protocols, which are faster than streams. Both loops set TCP_NODELAY.
"""

import argparse
import asyncio
import gc
import signal
import ssl

BACKLOG = 1024


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


async def serve(arguments):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.kind == "udp":
        transport, _ = await loop.create_datagram_endpoint(
            EchoDatagrams, local_addr=(arguments.host, arguments.port))
        address = transport.get_extra_info("sockname")
    else:
        context = None
        if arguments.kind == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(arguments.certificate, arguments.key)
        server = await loop.create_server(Echo, arguments.host, arguments.port,
                                          backlog=BACKLOG, ssl=context)
        address = server.sockets[0].getsockname()
    gc.freeze()  # what has been loaded until now need not be looked at again
    print("listening", address[0], address[1], flush=True)
    await stop.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("kind", choices=("tcp", "udp", "tls"))
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("certificate", nargs="?")
    parser.add_argument("key", nargs="?")
    arguments = parser.parse_args()
    if arguments.uvloop:
        import uvloop
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(arguments))
    else:
        asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
