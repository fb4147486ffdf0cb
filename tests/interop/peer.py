"""The other end of the echo program, with Python's own sockets.

    peer.py tcp-client PORT BYTES    sends that many bytes to an echo server and reads them back
    peer.py tcp-server BYTES         prints its port and does the same with the echo client that connects
    peer.py udp-client PORT COUNT    sends datagrams of many sizes and expects each back
    peer.py udp-server               prints its port and answers datagrams until it is ended

Sender and receiver hash what they have; the exit status tells whether the hashes agree.
"""
import hashlib
import os
import socket
import sys
import threading

CHUNK = 1 << 20
DEADLINE = 400


def send_bytes(connection, count, digest):
    block = bytearray(os.urandom(CHUNK))
    for number in range(0, count, CHUNK):
        block[:8] = number.to_bytes(8, "little")
        piece = memoryview(block)[: min(CHUNK, count - number)]
        digest.update(piece)
        connection.sendall(piece)
    connection.shutdown(socket.SHUT_WR)


def exchange(connection, count):
    connection.settimeout(DEADLINE)
    sent, received, total = hashlib.sha256(), hashlib.sha256(), 0
    sender = threading.Thread(target=send_bytes, args=(connection, count, sent), daemon=True)
    sender.start()
    buffer = bytearray(CHUNK)
    while n := connection.recv_into(buffer):
        received.update(memoryview(buffer)[:n])
        total += n
    sender.join(DEADLINE)
    connection.close()
    if total != count or sent.digest() != received.digest():
        sys.exit(f"{total} of {count} bytes came back, {sent.hexdigest()} {received.hexdigest()}")


def tcp_client(port, count):
    exchange(socket.create_connection(("127.0.0.1", int(port)), DEADLINE), int(count))


def tcp_server(count):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        print(listener.getsockname()[1], flush=True)
        connection, _ = listener.accept()
    exchange(connection, int(count))


def udp_client(port, count):
    sizes = [0, 1, 2, 100, 1400, 1472, 1473, 8000, 30000, 65507]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        s.connect(("127.0.0.1", int(port)))
        for number in range(int(count)):
            data = os.urandom(sizes[number % len(sizes)])
            s.send(data)
            if s.recv(65536) != data:
                sys.exit(f"datagram {number} of {len(data)} bytes came back changed")


def udp_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        print(s.getsockname()[1], flush=True)
        while True:
            data, sender = s.recvfrom(65536)
            s.sendto(data, sender)


if __name__ == "__main__":
    {"tcp-client": tcp_client, "tcp-server": tcp_server, "udp-client": udp_client, "udp-server": udp_server}[
        sys.argv[1]
    ](*sys.argv[2:])
