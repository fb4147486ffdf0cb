"""TLS in all styles, with Python's ssl as the peer and with itself."""

import asyncio
import base64
import errno
import hashlib
import json
import os
import pathlib
import secrets
import socket
import ssl
import subprocess
import sys
import threading
from typing import Any, Dict

import pytest

import ohsocket
from ohsocket import Protocol, TLSConnectOptions, TLSSecureOptions, callback, sync

from conftest import Run, close, openssl


def test_echo_and_getters(run: Run, server_options: TLSSecureOptions, client_options: TLSSecureOptions) -> None:
    async def main() -> None:
        server_options.alpn_protocols = ["h2", "http/1.1"]
        server, client = ohsocket.construct_tls_socket_server_instance(), ohsocket.construct_tls_socket_instance()
        await server.listen(("127.0.0.1", 0), server_options)
        to = TLSConnectOptions(server.get_local_address(), client_options, ["http/1.1"], timeout=6000)
        _, connection = await asyncio.gather(client.connect(to), server.accept())
        await client.send("hello")
        assert await connection.receive() == b"hello"
        data = bytes(range(256)) * 4000

        async def answer() -> None:
            await connection.send(data)
            await connection.end()

        answering = asyncio.ensure_future(answer())
        assert b"".join([part async for part in client]) == data
        await answering
        assert client.get_protocol() == connection.get_protocol() == "TLSv1.3"
        assert client.get_cipher_suite() == ["TLS_AES_256_GCM_SHA384"]
        assert client.get_alpn() == connection.get_alpn() == "http/1.1"
        assert isinstance(client.get_signature_algorithms(), list)
        remote, own = client.get_remote_certificate(), connection.get_certificate()
        assert remote == own and remote is not None and remote.encoding_format == 0
        assert ssl.DER_cert_to_PEM_cert(remote.data).strip() == str(server_options.cert).strip()
        assert connection.get_remote_certificate() is None
        assert server.get_certificate() == own
        assert connection.get_server_name() == "" and connection.client_id == 1
        assert client.is_resumed() is False
        assert client.get_state().is_connected
        await close(client, connection, server)

    run(main())


def test_python_client(run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            server.on("connect", lambda one: one.on("message", lambda info: one.send_nowait(info.message)))
            await server.listen(("127.0.0.1", 0), server_options)
            context = ssl.create_default_context(cadata=pem["ca.crt"])
            address = server.get_local_address()
            reader, writer = await asyncio.open_connection(*address[:2], ssl=context, server_hostname="localhost")
            data = b"x" * 300_000
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            await writer.wait_closed()

    run(main())


def test_python_server(run: Run, client_options: TLSSecureOptions, pem: Dict[str, Any]) -> None:
    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem["folder"] / "server.crt", pem["folder"] / "server.key")

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
            done.set()

        done = asyncio.Event()
        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
        async with ohsocket.TLSSocket() as tls:
            await tls.connect(("localhost", server.sockets[0].getsockname()[1]), client_options)
            data = b"x" * 300_000
            sending = asyncio.ensure_future(tls.send(data))
            received = b""
            while len(received) < len(data):
                received += await tls.receive()
            await sending
            assert received == data
        await done.wait()
        server.close()
        await server.wait_closed()

    run(main())


def test_certificates_that_are_not_accepted(
    run: Run, server_options: TLSSecureOptions, client_options: TLSSecureOptions, pem: Dict[str, Any]
) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            refused = []
            server.on("error", refused.append)
            server.on("connect", lambda one: one.abort())
            await server.listen(("127.0.0.1", 0), server_options)
            client_options.server_name = "other.example"
            for options in (TLSSecureOptions(ca=pem["client.crt"]), client_options):
                async with ohsocket.TLSSocket() as tls:
                    with pytest.raises(ohsocket.CertificateError) as caught:
                        await tls.connect(server.get_local_address(), options)
                    assert isinstance(caught.value, ValueError) and caught.value.code == 2303504
                    assert caught.value.detail
            async with ohsocket.TLSSocket() as tls:  # unless the options say otherwise
                address = server.get_local_address()
                await tls.connect(TLSConnectOptions(address, skip_remote_validation=True))
            assert all(isinstance(one, ohsocket.TLSError) for one in refused)

    run(main())


def test_client_certificates(run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]) -> None:
    async def main() -> None:
        server_options.ca = [pem["ca.crt"]]
        server_options.is_bidirectional_authentication = True
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as tls:
            await server.listen(("127.0.0.1", 0), server_options)
            options = TLSSecureOptions(ca=pem["ca.crt"], cert=[pem["client.crt"]], key=pem["client.key"].encode())
            address = server.get_local_address()
            _, connection = await asyncio.gather(tls.connect(address, options), server.accept())
            shown = connection.get_remote_certificate()
            assert shown == tls.get_certificate() and shown is not None
            await close(tls, connection)

    run(main())


def test_options(run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]) -> None:
    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            server_options.key, server_options.password = pem["locked.key"], "secret"
            await server.listen(("127.0.0.1", 0), server_options)
            for named, version in ((Protocol.TLSv12, "TLSv1.2"), (["TLSv1.3"], "TLSv1.3")):
                async with ohsocket.TLSSocket() as tls:
                    tls.set_secure_options(TLSSecureOptions(ca=pem["ca.crt"], protocols=named))
                    address = server.get_local_address()
                    _, connection = await asyncio.gather(tls.connect(address), server.accept())
                    assert tls.get_protocol() == version
                    await close(tls, connection)
            async with ohsocket.TLSSocket() as tls:
                suite = "ECDHE-ECDSA-AES128-GCM-SHA256"
                options = TLSSecureOptions(
                    ca=pem["ca.crt"], cipher_suite=suite, signature_algorithms="ECDSA+SHA256", server_name="localhost"
                )
                address = server.get_local_address()
                _, connection = await asyncio.gather(tls.connect(address, options), server.accept())
                assert tls.get_cipher_suite() == connection.get_cipher_suite() == [suite]
                assert connection.get_server_name() == "localhost"
                await close(tls, connection)

    run(main())


def spki_pin(pem: str) -> str:
    """SHA-256 of the public key of a certificate, by openssl."""
    key = subprocess.run(
        ["openssl", "x509", "-noout", "-pubkey"], input=pem.encode(), capture_output=True, check=True
    ).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, capture_output=True, check=True)
    return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


def test_groups_pins_and_certificates_that_may_be_missing(
    run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]
) -> None:
    async def main() -> None:
        server_options.ca, server_options.optional_client_certificate = [pem["ca.crt"]], True
        pin = spki_pin(str(server_options.cert))
        async with ohsocket.TLSSocketServer() as server:
            await server.listen(("127.0.0.1", 0), server_options)
            address = server.get_local_address()
            shown = dict(cert=pem["client.crt"], key=pem["client.key"])
            for more, group in (({}, "secp384r1"), (shown, "secp521r1")):
                options = TLSSecureOptions(ca=pem["ca.crt"], pins=[pin], **more)
                options.groups = {"secp384r1": "P-384", "secp521r1": "P-521"}[group]
                async with ohsocket.TLSSocket() as tls:
                    _, connection = await asyncio.gather(tls.connect(address, options), server.accept())
                    assert tls.get_group() == connection.get_group() == group
                    assert tls.get_remote_certificate_chain()[0] == connection.get_certificate()
                    assert bool(connection.get_remote_certificate_chain()) == bool(more)
                    await close(tls, connection)
            other = TLSSecureOptions(ca=pem["ca.crt"], pins="sha256//" + spki_pin(pem["client.crt"]))
            async with ohsocket.TLSSocket() as tls:
                with pytest.raises(ohsocket.TLSError, match="no key of the chain is one of pins"):
                    await tls.connect(address, other)

    run(main())


BAD_OPTIONS = [
    (TLSSecureOptions(groups="X25519:NO-SUCH-GROUP"), ohsocket.TLSError),
    (TLSSecureOptions(pins=["x"]), ohsocket.TLSError),
    (TLSSecureOptions(optional_client_certificate=True, is_bidirectional_authentication=True), ohsocket.ParameterError),
    (TLSSecureOptions(cert="no pem", key="no pem"), ohsocket.TLSError),
    (TLSSecureOptions(cipher_suite="NO-SUCH-SUITE"), ohsocket.TLSError),
    (TLSSecureOptions(protocols="TLSv1.1"), ohsocket.ParameterError),
    (TLSSecureOptions(ca="a\0b"), ohsocket.ParameterError),
    (TLSSecureOptions(alpn_protocols=["x" * 256]), ohsocket.ParameterError),
    (TLSSecureOptions(ca=3), TypeError),  # type: ignore[arg-type]
    (TLSSecureOptions(cert=pathlib.Path("a.pem")), FileNotFoundError),
    ({"ca": ""}, TypeError),
]


@pytest.mark.parametrize("options,kind", BAD_OPTIONS, ids=repr)
def test_bad_options(run: Run, options: TLSSecureOptions, kind: type) -> None:
    async def main() -> None:
        tls = ohsocket.TLSSocket()
        with pytest.raises(kind):
            tls.set_secure_options(options)
        with pytest.raises(kind):
            await tls.connect(("127.0.0.1", 1), options)

    run(main())


def test_keylog(
    run: Run, tmp_path: pathlib.Path, server_options: TLSSecureOptions, client_options: TLSSecureOptions
) -> None:
    log = tmp_path / "keys.log"

    async def connect() -> None:
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as tls:
            await server.listen(("127.0.0.1", 0), server_options)
            accepting = asyncio.ensure_future(server.accept())  # which makes the handshake
            await tls.connect(server.get_local_address(), client_options)
            await close(tls, await accepting)

    async def main() -> None:
        ohsocket.set_tls_keylog(log)
        try:
            await connect()
        finally:
            ohsocket.set_tls_keylog(None)
        written = log.read_text()
        assert "CLIENT_TRAFFIC_SECRET_0 " in written
        assert log.stat().st_mode & 0o777 == 0o600
        await connect()
        assert log.read_text() == written
        with pytest.raises(ohsocket.SocketError) as caught:
            ohsocket.set_tls_keylog(str(tmp_path / "no" / "keys.log"))
        assert caught.value.errno == errno.ENOENT
        with pytest.raises(ohsocket.ParameterError):
            ohsocket.set_tls_keylog("")

    run(main())


def test_alpn_as_one_text(run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]) -> None:
    """As with the other lists, one text is a list of one, and not of its letters."""

    async def main() -> None:
        server_options.alpn_protocols = "h2"
        async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as tls:
            await server.listen(("127.0.0.1", 0), server_options)
            accepting = asyncio.ensure_future(server.accept())
            await tls.connect(
                server.get_local_address(), TLSSecureOptions(ca=pem["ca.crt"], alpn_protocols="h2")
            )
            assert tls.get_alpn() == "h2"
            await close(tls, await accepting)

    run(main())


def test_wrong_state(run: Run) -> None:
    async def main() -> None:
        tls = ohsocket.TLSSocket()
        await tls.close()  # nothing to close
        for wrong in (tls.send(b"x"), tls.end()):
            with pytest.raises(ohsocket.SocketError) as caught:
                await wrong
            assert caught.value.code == 2303600
        with pytest.raises(ohsocket.SocketError) as caught:
            tls.get_protocol()
        assert caught.value.code in (2303600, 2303501)
        with pytest.raises(ohsocket.TLSError):
            await ohsocket.TLSSocketServer().listen(("127.0.0.1", 0))  # no certificate

    run(main())


def test_an_end_without_close_notify_is_an_error(
    run: Run, server_options: TLSSecureOptions, pem: Dict[str, Any]
) -> None:
    context = ssl.create_default_context(cadata=pem["ca.crt"])

    def cut_off(address: Any) -> None:
        with socket.create_connection(address) as plain:
            secure = context.wrap_socket(plain, server_hostname="localhost")
            secure.sendall(b"last")
            os.close(secure.detach())  # a FIN and nothing before it

    async def main() -> None:
        async with ohsocket.TLSSocketServer() as server:
            await server.listen(("127.0.0.1", 0), server_options)
            address = server.get_local_address()[:2]
            cutting = asyncio.get_running_loop().run_in_executor(None, cut_off, address)
            connection = await server.accept()
            assert await connection.receive() == b"last"
            with pytest.raises((ohsocket.TLSError, ConnectionResetError)) as caught:
                await connection.receive()
            # The unread session tickets of TLS 1.3 may make a reset of it.
            assert caught.value.code in (2303505, 2303204)
            await cutting

    run(main())


def test_starttls(run: Run, server_options: TLSSecureOptions, client_options: TLSSecureOptions, pem: Any) -> None:
    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem["folder"] / "server.crt", pem["folder"] / "server.key")

        def serve(listening: Any) -> None:
            plain, _ = listening.accept()
            assert plain.recv(100) == b"STARTTLS\n"
            plain.sendall(b"go ahead\n")
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.sendall(secure.recv(100).upper())
                secure.recv(100)
            listening.close()

        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        async with ohsocket.TCPSocket() as tcp:
            await tcp.connect(address)
            await tcp.send("STARTTLS\n")
            assert await tcp.receive() == b"go ahead\n"
            async with ohsocket.construct_tls_socket_instance(tcp) as tls:
                await tls.connect(("localhost", address[1]), client_options)
                await tls.send("secret")
                assert await tls.receive() == b"SECRET"
        thread.join()

    run(main())


def test_blocking(server_options: TLSSecureOptions, client_options: TLSSecureOptions) -> None:
    def client(address: Any) -> None:
        with sync.construct_tls_socket_instance() as tls:
            tls.connect(address, client_options, timeout=6)
            tls.send("hello")
            answers.append(tls.receive(timeout=5))

    answers: "list[bytes]" = []
    with sync.construct_tls_socket_server_instance() as server:
        server.listen(("127.0.0.1", 0), server_options)
        thread = threading.Thread(target=client, args=(server.get_local_address(),))
        thread.start()
        with server.accept(timeout=5) as connection:
            for data in connection:
                connection.send(data.upper())
        thread.join()
    assert answers == [b"HELLO"]


def test_callbacks(server_options: TLSSecureOptions, client_options: TLSSecureOptions) -> None:
    server, tls = callback.construct_tls_socket_server_instance(), callback.construct_tls_socket_instance()
    seen = []

    def on_message(info: ohsocket.SocketMessageInfo) -> None:
        seen.append(info.message)
        tls.close()
        server.close()

    server.on("connect", lambda one: one.on("message", lambda info: one.send(info.message)))
    server.listen(("127.0.0.1", 0), server_options)
    tls.on("message", on_message)
    tls.connect(server.get_local_address(), client_options, lambda error: error or tls.send("hello"))
    ohsocket.run()
    assert seen == [b"hello"]


# The child makes its texts of numbers, as str of 16-bit units: so every copy in UTF-8 that there is in its memory was
# made on the way to the library.
SECRETS = """
import json, os, sys
from ohsocket import SocketError, TLSSecureOptions, sync
codes = json.loads(sys.stdin.readline())
def wide(numbers): return "".join(map(chr, [0x4e2d, *(n ^ 1 for n in numbers)]))
options = TLSSecureOptions(ca=codes["ca"], cert=codes["cert"], key=wide(codes["key"]), password=wide(codes["password"]))
control = bytearray(n ^ 1 for n in codes["control"])
with sync.TLSSocket() as tls:
    try:
        tls.connect(("127.0.0.1", codes["port"]), options)
    except SocketError as error:
        print(error.code, flush=True)
sys.stdin.readline()
"""


def in_memory(pid: int, texts: Dict[str, bytes]) -> "set[str]":
    """Which of some texts the writable memory of a process has."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, access = line.split()[:2]
            if access.startswith("rw"):
                begin, end = (int(number, 16) for number in span.split("-"))
                for at in range(begin, end, 1 << 20):
                    memory.seek(at)
                    part = memory.read(min(end - at, (1 << 20) + 4096)) or b""
                    found.update(name for name, text in texts.items() if text in part)
    return found


def test_copies_of_private_keys_and_pass_phrases_are_wiped(pem: Dict[str, Any]) -> None:
    password, control = secrets.token_hex(200), secrets.token_hex(24)
    folder = pem["folder"]
    openssl("pkcs8", "-topk8", "-in", folder / "client.key", "-passout", f"pass:\u4e2d{password}", "-out",
            folder / "wiped.key")  # fmt: skip
    key = "\n" + (folder / "wiped.key").read_text()
    texts = {"control": control.encode()}
    # Parts, because some of what was freed may have been overwritten by chance.
    texts.update({f"password at {at}": password[at : at + 40].encode() for at in range(0, 400, 50)})
    texts.update({f"line {n} of the key": line[:40].encode() for n, line in enumerate(key.split("\n")[2:-2])})
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        words = {"key": key, "password": password, "control": control}
        message: Dict[str, Any] = {name: [n ^ 1 for n in text.encode()] for name, text in words.items()}
        message.update(ca=pem["ca.crt"], cert=pem["client.crt"], port=unused.getsockname()[1])
        with subprocess.Popen([sys.executable, "-c", SECRETS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
            # Refused by the system: so the library has taken the key, and decrypted it with the pass phrase.
            assert int(child.stdout.readline()) == 2303100 + errno.ECONNREFUSED
            assert in_memory(child.pid, texts) == {"control"}
            child.stdin.close()
