"""A proxy that knows where the records of TLS begin and end, and can spoil them."""

import socket
import struct
import threading

RESET, END = object(), object()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Proxy:
    """Stands between one client and the server at port. spoil(from_client, number, record) returns what is passed on, and
    RESET or END behind it if the connection is to end so: bytes or (bytes, RESET)."""

    def __init__(self, case, port, spoil):
        self.case, self.spoil = case, spoil
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server_port = port
        threading.Thread(target=self._run, daemon=True).start()
        case.own(self)

    def close(self):
        self.listener.close()

    def _run(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", self.server_port))
        for connection in (client, server):
            connection.settimeout(self.case.remaining())
        threads = [threading.Thread(target=self._pass, args=(*pair,), daemon=True)
                   for pair in ((True, client, server), (False, server, client))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
        server.close()

    def _pass(self, from_client, source, target):
        buffered, number = b"", 0
        try:
            while data := source.recv(65536):
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
                        source.close()
                    else:
                        target.shutdown(socket.SHUT_WR)
                    return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
