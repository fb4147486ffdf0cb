"""Certificates and keys as files, DER and what an ssl.SSLContext shows."""

import asyncio
import pathlib
import ssl
from typing import Any, Dict

import pytest

import ohsocket
from ohsocket import Protocol, TLSIdentity, TLSSecureOptions

from conftest import Run, close, openssl

KEYS = {
    "rsa.pkcs1": ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ec.sec1": ("ecparam", "-genkey", "-noout", "-name", "prime256v1"),
    "ec.pkcs8": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ed25519": ("genpkey", "-algorithm", "ed25519"),
}


@pytest.fixture(scope="session")
def der(pem: Dict[str, Any]) -> Dict[str, bytes]:
    return {name: ssl.PEM_cert_to_DER_cert(pem[name]) for name in ("server.crt", "ca.crt", "client.crt")}


async def handshake(server_options: TLSSecureOptions, client_options: TLSSecureOptions) -> None:
    async with ohsocket.TLSSocketServer() as server, ohsocket.TLSSocket() as tls:
        await server.listen(("127.0.0.1", 0), server_options)
        accepting = asyncio.ensure_future(server.accept())
        try:
            await tls.connect(server.get_local_address(), client_options)
            await close(tls, await accepting)
        finally:
            accepting.cancel()


def test_files(run: Run, pem: Dict[str, Any]) -> None:
    folder: pathlib.Path = pem["folder"]

    async def main() -> None:
        await handshake(
            TLSSecureOptions(cert_file=folder / "server.crt", key_file=str(folder / "server.key")),
            TLSSecureOptions(ca_file=str(folder / "ca.crt")),
        )
        await handshake(
            TLSSecureOptions(cert=folder / "server.crt", key=folder / "locked.key", password="secret"),
            TLSSecureOptions(ca=[folder / "client.crt", folder / "ca.crt"]),
        )
        identity = TLSIdentity(folder / "server.crt", folder / "server.key")
        server = TLSSecureOptions(cert=folder / "server.crt", key_file=folder / "server.key", more_identities=[identity])
        await handshake(server, TLSSecureOptions(ca_file=folder / "ca.crt"))

    run(main())


def test_der(run: Run, pem: Dict[str, Any], der: Dict[str, bytes], tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        openssl("pkey", "-in", pem["folder"] / "server.key", "-outform", "DER", "-out", tmp_path / "key.der")
        (tmp_path / "cert.der").write_bytes(der["server.crt"])
        key = (tmp_path / "key.der").read_bytes()
        ours = TLSSecureOptions(ca=[der["client.crt"], der["ca.crt"]])
        await handshake(TLSSecureOptions(cert=der["server.crt"], key=key), ours)
        await handshake(TLSSecureOptions(cert_file=tmp_path / "cert.der", key_file=tmp_path / "key.der"), ours)
        openssl("pkcs8", "-topk8", "-in", pem["folder"] / "server.key", "-passout", "pass:secret", "-outform",
                "DER", "-out", tmp_path / "locked.der")  # fmt: skip
        locked = TLSSecureOptions(cert=der["server.crt"], key_file=tmp_path / "locked.der", password="secret")
        await handshake(locked, ours)

    run(main())


@pytest.mark.parametrize("kind", KEYS)
def test_every_form_of_key_in_der(kind: str, tmp_path: pathlib.Path) -> None:
    """A server takes a certificate with the key that belongs to it, and refuses it with another."""
    openssl(*KEYS[kind], "-out", tmp_path / "key.pem")
    command = {"rsa.pkcs1": ["rsa", "-traditional"], "ec.sec1": ["ec"]}.get(kind, ["pkey"])
    openssl(*command, "-in", tmp_path / "key.pem", "-outform", "DER", "-out", tmp_path / "key.der")
    openssl("req", "-x509", "-key", tmp_path / "key.pem", "-subj", "/CN=x", "-days", 2, "-out", tmp_path / "c.pem")
    with ohsocket.sync.TLSSocketServer() as server:
        server.listen(("127.0.0.1", 0), TLSSecureOptions(cert=tmp_path / "c.pem", key=tmp_path / "key.der"))
        server.set_secure_options(TLSSecureOptions(cert=tmp_path / "c.pem", key=(tmp_path / "key.der").read_bytes()))


@pytest.mark.parametrize(
    "options, error",
    [
        (TLSSecureOptions(cert="x", cert_file="x"), ValueError),
        (TLSSecureOptions(key="x", key_file="x"), ValueError),
        (TLSSecureOptions(ca="x", ca_file="x"), ValueError),
        (TLSSecureOptions(key_file="/no/such/file"), FileNotFoundError),
        (TLSSecureOptions(ca_file="/no/such/file"), FileNotFoundError),
        (TLSSecureOptions(key=b"a\0b"), ValueError),
        (TLSSecureOptions(cert="x", key=b"0\x82\xff\xff\x02\x01\x00\x30"), ohsocket.SocketError),
        (TLSSecureOptions(cert="x", key=b"0\x88\xff\xff\xff\xff\xff\xff\xff\xff\xff"), ohsocket.SocketError),
        (TLSSecureOptions(cert=b"0000"), ohsocket.SocketError),
        (TLSSecureOptions(cert=5), TypeError),  # type: ignore[arg-type]
        (TLSSecureOptions(key=5), TypeError),  # type: ignore[arg-type]
    ],
)
def test_bad_certificates(options: TLSSecureOptions, error: type) -> None:
    with ohsocket.sync.TLSSocket() as tls, pytest.raises(error):
        tls.set_secure_options(options)


def test_ssl_contexts(run: Run, pem: Dict[str, Any]) -> None:
    folder: pathlib.Path = pem["folder"]
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.verify_mode = ssl.CERT_REQUIRED
    theirs.load_verify_locations(folder / "ca.crt")
    theirs.minimum_version = ssl.TLSVersion.TLSv1_3
    files = {"cert_file": folder / "server.crt", "key_file": folder / "server.key"}
    server = TLSSecureOptions.from_ssl_context(theirs, **files)
    assert server.is_bidirectional_authentication and server.protocols == [Protocol.TLSv13]
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    client = TLSSecureOptions.from_ssl_context(context, cert_file=folder / "client.crt", key_file=folder / "client.key")
    assert not client.skip_remote_validation and client.ca is not None

    async def main() -> None:
        await handshake(server, client)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        old = TLSSecureOptions.from_ssl_context(context)
        with pytest.raises(ohsocket.SocketError):
            await handshake(server, old)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        blind = TLSSecureOptions.from_ssl_context(context)
        assert blind.skip_remote_validation and blind.cipher_suite is not None
        await handshake(TLSSecureOptions(**files), blind)

    run(main())


def test_what_an_ssl_context_has_and_cannot_be_taken() -> None:
    def refused(context: Any, match: str, **more: Any) -> None:
        with pytest.raises(ValueError, match=match):
            TLSSecureOptions.from_ssl_context(context, **more)

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    refused(server, "cert_file and key_file")
    server.sni_callback = lambda *arguments: None
    refused(server, "more_identities", cert="x", key="x")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    refused(client, "ca=None for the system's store")
    assert TLSSecureOptions.from_ssl_context(client, ca=None).ca is None
    client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    refused(client, "revocation")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    refused(client, "server_name", ca=None)
    server.sni_callback = None
    server.verify_mode = ssl.CERT_OPTIONAL
    asking = TLSSecureOptions.from_ssl_context(server, cert="x", key="x", ca=None)
    assert asking.optional_client_certificate and not asking.is_bidirectional_authentication
    with pytest.raises(TypeError):
        TLSSecureOptions.from_ssl_context(None)  # type: ignore[arg-type]
