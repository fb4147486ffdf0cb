"""The TLS examples, as a user runs them. They are linked with the library of the build."""

import socket
import subprocess

from harness import case, make_stream
from peers import NginxServer, Options, tls_connect, tls_peer


def program(t, name):
    return t.build / "examples" / name


def get(t, port, path="/page"):
    return t.start(program(t, "https_get"), "localhost", port, path, t.cert("roots.pem"), stdin=subprocess.DEVNULL)


@case("examples: https_get, nginx")
def nginx(t):
    server = NginxServer(t, Options("ec", "1.3", False))
    page = get(t, server.port, "/some/path").finish()
    assert page.popen.returncode == 0, page.describe()
    assert page.lines == ["saw TLSv1.3 TLS_AES_256_GCM_SHA384 [] /some/path"], page.describe()
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384, http/1.1" in page.errors() and "HTTP/1.1 200 OK" in page.errors()


BODY = b"line of a page\n" * 1000
CHUNKED = b"".join(b"%x;ignored=1\r\n%s\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:9000], BODY[9000:]))
PAGES = {
    "with a length": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY), True, 0),
    "with a length, and cut": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY) + 1, BODY), True, 1),
    "in chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\nTrailer: x\r\n\r\n" % CHUNKED, True, 0),
    "in chunks, and cut": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED, True, 1),
    "to the end": (b"HTTP/1.0 200 OK\r\n\r\n" + BODY, True, 0),
    "to an end without close_notify": (b"HTTP/1.0 200 OK\r\n\r\n" + BODY, False, 1),
    "with a length and no close_notify": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY), False, 0),
    "that is not there": (b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY), True, 1),
}


def page(name, answer, notify, status):
    @case(f"examples: https_get, a page {name}")
    def check(t):
        def serve(tls):
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += tls.recv(1000)
            tls.sendall(answer[:20])
            tls.sendall(answer[20:])
            if notify:
                try:
                    tls.unwrap()
                except OSError:
                    pass
                return request
            connection = socket.socket(fileno=tls.detach())
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(t.remaining())
            while connection.recv(1000):
                pass
            connection.close()
            return request

        peer = tls_peer(t, serve, alpn=["http/1.1"])
        client = get(t, peer.port).finish()
        assert client.popen.returncode == status, client.describe()
        assert "\n".join(client.lines) + "\n" == BODY.decode(), client.describe()[:2000]
        assert peer.result().startswith(b"GET /page HTTP/1.1\r\nHost: localhost\r\n"), peer.result()


for name, entry in PAGES.items():
    page(name, *entry)


@case("examples: tls_echo_server holds back a client that does not read, and loses nothing")
def echo_server(t):
    server = t.start(program(t, "tls_echo_server"), "127.0.0.1", 0, t.cert("server-ec.pem"), t.cert("server-ec.key"))
    port = int(server.wait_line("^listening ").split()[2])
    # More than the send queue limit, all of it sent before any of it is read.
    data = make_stream(3, 1 << 20) * 40
    with tls_connect(t, port) as tls:
        tls.settimeout(0.5)
        sent = 0
        try:
            while sent < len(data):
                sent += tls.send(data[sent:sent + 65536])
        except TimeoutError:
            pass
        assert sent < len(data), "the server has taken everything and nothing was read"
        tls.settimeout(t.remaining())
        back = b""
        while len(back) < sent:
            back += tls.recv(1 << 20)
        assert back == data[:sent]
    server.popen.terminate()
    assert server.finish().popen.returncode == 0, server.describe()


@case("examples: tls_server takes a new certificate on SIGHUP")
def server_renews(t):
    cert, key = t.path("server.pem"), t.path("server.key")

    def install(name):
        for path, suffix in ((cert, ".pem"), (key, ".key")):
            with open(t.cert(name + suffix)) as source, open(path, "w") as target:
                target.write(source.read())

    install("server-ec")
    server = t.start(program(t, "tls_server"), "127.0.0.1", 0, cert, key, stderr=subprocess.STDOUT)
    port = int(server.wait_line("^listening ").split()[2])
    with tls_connect(t, port) as first:
        assert first.recv(100) == b"Hello, client!"
        install("server-rsa")
        server.popen.send_signal(1)
        subjects = set()
        while "server-rsa" not in subjects:  # the signal is handled at some moment
            with tls_connect(t, port) as tls:
                subjects.add(tls.getpeercert()["subject"][0][0][1])
            assert t.remaining() > 0.1
        first.sendall(b"still here\n")
        server.wait_line("client 1 says: still here")
    server.popen.terminate()
    assert server.finish().popen.returncode == 0, server.describe()
