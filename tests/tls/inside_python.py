"""The library and Python's own ssl in one process, at work at the same time: inside_python.py LIBRARY PORT CA."""

import ctypes
import socket
import ssl
import sys
import threading

library_path, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]


class Address(ctypes.Structure):
    _fields_ = [("address", ctypes.c_char_p), ("port", ctypes.c_int32), ("family", ctypes.c_int32)]


class Identity(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("cert", "key", "password")]


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("protocols", ctypes.c_uint32), ("identity", Identity),
                ("more_identities", ctypes.c_void_p), ("ca", ctypes.POINTER(ctypes.c_char_p)),
                ("cipher_suite", ctypes.c_char_p), ("signature_algorithms", ctypes.c_char_p),
                ("alpn_protocols", ctypes.c_void_p), ("server_name", ctypes.c_char_p)]
    _fields_ += [(f"number{i}", ctypes.c_int32) for i in range(8)]  # ca_count is number1
    _fields_ += [("groups", ctypes.c_char_p), ("pins", ctypes.c_void_p), ("pin_count", ctypes.c_int64)]


class ConnectOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("timeout_ms", ctypes.c_int32), ("address", Address),
                ("tls", ctypes.POINTER(Options))]


class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("operation", ctypes.c_int32), ("socket", ctypes.c_int64),
                ("user_data", ctypes.c_void_p), ("error", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("connection", ctypes.c_int64),
                ("remote", Address), ("reserved2", ctypes.c_uint64 * 3)]


MESSAGE, CLOSE, COMPLETION, RECORDS, TLS = 2, 6, 8, 2, 5
ROUNDS = 30


def python_client(text):
    context = ssl.create_default_context(cafile=ca)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as tls:
            tls.sendall(text)
            return tls.recv(100)


def our_client(library, text):
    """Through a loop in record mode: no call comes back into Python."""
    loop = library.socket_loop_create(RECORDS)
    handle = library.socket_construct(loop, TLS)
    with open(ca, "rb") as file:
        texts = (ctypes.c_char_p * 1)(file.read())
    options = Options(struct_size=ctypes.sizeof(Options), ca=texts, number1=1)
    to = ConnectOptions(ctypes.sizeof(ConnectOptions), 0, Address(b"127.0.0.1", port, 0), ctypes.pointer(options))
    library.socket_subscribe(handle, 1 << MESSAGE | 1 << CLOSE, None)
    assert library.socket_connect(handle, ctypes.byref(to), ctypes.c_void_p(1), None) == 0
    assert library.socket_send(handle, text, len(text), None, None) == 0
    events, heard = (Event * 16)(), b""
    while True:
        for event in events[:library.socket_loop_poll(loop, events, 16, -1)]:
            assert event.error == 0, event.error
            if event.type == MESSAGE:
                heard += ctypes.string_at(event.data, event.size)
                library.socket_close(handle, None, None)
            elif event.type == CLOSE:
                library.socket_loop_close(loop)
                return heard


def main():
    assert python_client(b"before") == b"before"
    library = ctypes.CDLL(library_path)
    for function in (library.socket_loop_create, library.socket_construct):
        function.restype = ctypes.c_int64
    library.socket_construct.argtypes = [ctypes.c_int64, ctypes.c_int]
    library.socket_subscribe.argtypes = [ctypes.c_int64, ctypes.c_uint32, ctypes.c_void_p]
    library.socket_connect.argtypes = [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.socket_send.argtypes = [ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
    library.socket_close.argtypes = [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
    library.socket_loop_poll.argtypes = [ctypes.c_int64, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.socket_loop_close.argtypes = [ctypes.c_int64]
    heard = []

    def ours():
        for i in range(ROUNDS):
            heard.append(our_client(library, b"ours %d" % i))

    thread = threading.Thread(target=ours)
    thread.start()
    for i in range(ROUNDS):
        assert python_client(b"theirs %d" % i) == b"theirs %d" % i
    thread.join()
    assert heard == [b"ours %d" % i for i in range(ROUNDS)], heard
    print("both", ROUNDS)


main()
