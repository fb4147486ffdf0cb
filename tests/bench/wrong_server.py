#!/usr/bin/env python3
"""An echo server that makes mistakes, to see that the load generators notice.

    wrong_server.py MISTAKE tcp|udp HOST PORT

MISTAKE: flip (a bit), swallow (answers), extend (by a byte), hang up.
After some right answers, so that it is not the first one that is checked only.
"""

import selectors
import signal
import socket
import sys

RIGHT_ANSWERS = 300


def spoil(mistake, data):
    if mistake == "flip":
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
    return data + b"!" if mistake == "extend" else b""


def main():
    mistake, kind, host, port = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stream = kind == "tcp"
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    server.bind((host, int(port)))
    if stream:
        server.listen(1024)
    server.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ)
    print("listening", *server.getsockname(), flush=True)
    answers = 0
    while True:
        for key, _ in selector.select():
            if stream and key.fileobj is server:
                selector.register(server.accept()[0], selectors.EVENT_READ)
                continue
            try:
                data, source = key.fileobj.recvfrom(65536)
            except OSError:
                data, source = b"", None
            if stream and (not data or (answers > RIGHT_ANSWERS and mistake == "hang up")):
                selector.unregister(key.fileobj)
                key.fileobj.close()
                continue
            answers += 1
            if answers > RIGHT_ANSWERS:
                data = spoil(mistake, data)
            try:
                if stream:
                    key.fileobj.sendall(data)
                elif data:
                    server.sendto(data, source)
            except OSError:
                pass  # the load generator has noticed and gone


if __name__ == "__main__":
    main()
