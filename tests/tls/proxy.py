"""A proxy that knows where the records of TLS begin and end, and can spoil them."""

import select
import socket
import struct
import threading

RESET, END = object(), object()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Proxy:
    """Stands between one client and the server at port. spoil(from_client, number, record) returns the bytes that are
    passed on, or (bytes, RESET) or (bytes, END) if this direction ends so behind them."""

    def __init__(self, case, port, spoil):
        self.case, self.spoil, self.server_port = case, spoil, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()
        case.own(self)

    def close(self):
        self.listener.close()

    def _run(self):
        # One thread: a connection that another thread is reading is not reset by close.
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            for connection in (client, server):  # a reset throws away what the kernel still keeps back
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = {client: [server, True, b"", 0], server: [client, False, b"", 0]}
            try:
                while ways:
                    ready, _, _ = select.select(ways, [], [], self.case.remaining())
                    if not ready:
                        return
                    for source in ready:
                        if not self._pass(source, ways):
                            ways.pop(source, None)
            except OSError:
                pass

    def _pass(self, source, ways):
        """Passes on what has come, record by record; False: nothing more in this direction."""
        way = ways[source]
        target, from_client, buffered, number = way
        data = source.recv(65536)
        if not data:
            target.shutdown(socket.SHUT_WR)
            return False
        buffered += data
        while len(buffered) >= 5 and len(buffered) >= 5 + int.from_bytes(buffered[3:5], "big"):
            size = 5 + int.from_bytes(buffered[3:5], "big")
            record, buffered = buffered[:size], buffered[size:]
            passed = self.spoil(from_client, number, record)
            number += 1
            if not isinstance(passed, tuple):
                target.sendall(passed)
                continue
            target.sendall(passed[0])
            if passed[1] is RESET:
                reset(target)
                ways.clear()
            else:
                target.shutdown(socket.SHUT_WR)
            return False
        way[2:] = buffered, number
        return True
