"""Fixtures: both asyncio loops, and that every test leaves handles, loops and descriptors as they were."""

import asyncio
import gc
import os
import pathlib
import select
import signal
import subprocess
import time
from typing import Any, Callable, Coroutine, Dict, Iterator

import pytest
import uvloop

import ohsocket
from ohsocket import TLSSecureOptions

DEADLINE = 10.0
LOOK = 0.01  # between two looks at what tells nobody that it changes
STILL = 0.1
PATIENCE = DEADLINE / 2  # says what it waits for, before the time of the test is over

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def live() -> "tuple[int, int, int]":
    stats = ohsocket.get_stats()
    assert stats.internal_errors == 0
    return stats.sockets, stats.loops, len(os.listdir("/proc/self/fd"))


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """uvloop and the resolver of the library keep the descriptors of their first use. What is there before
    the tests is no garbage: the collections around each test need not look at it. A shell starts what runs in
    the background with SIGINT ignored, and Python leaves it so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loop = uvloop.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    with ohsocket.sync.TCPSocket() as tcp, pytest.raises(ohsocket.ResolveError):
        tcp.connect(("no-such-host.invalid", 80))
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    ohsocket.run()  # the loop of this thread exists before and after
    gc.collect()
    before = live()
    yield
    deadline = time.monotonic() + DEADLINE
    gc.collect()
    ohsocket.run()
    while live() != before and time.monotonic() < deadline:
        time.sleep(LOOK)  # descriptors tell nobody that they are closed
        gc.collect()
        ohsocket.run()
    assert live() == before, "sockets, loops, descriptors"


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine as asyncio.run does, with a time limit and with nothing unhandled."""

    def run_it(main: Coroutine[Any, Any, Any]) -> Any:
        unhandled = []

        async def limited() -> Any:
            asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
            return await asyncio.wait_for(main, DEADLINE)

        if request.param == "uvloop":
            loop = uvloop.new_event_loop()
            try:
                result = loop.run_until_complete(limited())
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()
        else:
            result = asyncio.run(limited())
        gc.collect()
        assert unhandled == []
        return result

    return run_it


class Waiter:
    """An event that a listener sets and a test waits for."""

    def __init__(self) -> None:
        self.values: "list[Any]" = []
        self._event = asyncio.Event()

    def __call__(self, *values: Any) -> None:
        self.values.append(values[0] if values else None)
        self._event.set()

    async def wait(self, count: int = 1) -> "list[Any]":
        while len(self.values) < count:
            self._event.clear()
            await self._event.wait()
        return self.values


async def pair() -> "tuple[ohsocket.TCPSocketServer, ohsocket.TCPSocket, ohsocket.TCPSocketConnection]":
    """A server, a client of it and the server's end of the connection."""
    server = ohsocket.TCPSocketServer()
    await server.listen(("127.0.0.1", 0))
    client = ohsocket.TCPSocket()
    await client.connect(server.get_local_address())
    return server, client, await server.accept()


async def standstill(look: Callable[[], Any]) -> Any:
    """What look() says once it has said the same for a tenth of a second.

    A sender that waits and a reader that has paused have no event that says so: nothing goes on. It may
    take a machine that is too busy for a standstill, so what a test asserts of it are upper limits."""
    deadline = time.monotonic() + PATIENCE
    seen, since = look(), time.monotonic()
    while time.monotonic() - since < STILL:
        assert time.monotonic() < deadline, f"it goes on and on: {seen}"
        await asyncio.sleep(LOOK)
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


async def left_in_the_kernel(paused: Any) -> None:
    """Returns when the kernel has something for a paused socket that the library, which has looked for
    what there is in the meantime, has not taken."""
    deadline = time.monotonic() + PATIENCE
    await round_trip()
    while not select.select([paused.fileno()], [], [], 0)[0]:
        assert time.monotonic() < deadline, "it does not arrive, or is taken in spite of the pause"
        await asyncio.sleep(0)
    await round_trip()
    assert select.select([paused.fileno()], [], [], 0)[0], "it was taken in spite of the pause"


async def round_trip() -> None:
    """Something goes all the way through the loop of the library, behind all that was there before."""
    server, client, connection = await pair()
    await client.send(b"x")
    assert await connection.receive() == b"x"
    await close(client, connection, server)


async def close(*sockets: Any) -> None:
    await asyncio.gather(*(one.close() for one in sockets))


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    """A root, and certificates of it for localhost and 127.0.0.1, and for a client; with all that Python 3.13 asks for."""
    where: pathlib.Path = tmp_path_factory.mktemp("pem")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-days", 2, "-subj", "/CN=root", "-keyout", where / "ca.key",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", where / "ca.crt")  # fmt: skip
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("client", "DNS:client")):
        openssl("req", *new_key, "-subj", f"/CN={name}", "-keyout", where / f"{name}.key", "-out", where / "r")
        (where / "x").write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
        openssl("x509", "-req", "-in", where / "r", "-CA", where / "ca.crt", "-CAkey", where / "ca.key",
                "-CAcreateserial", "-days", 2, "-extfile", where / "x", "-out", where / f"{name}.crt")  # fmt: skip
    openssl("pkcs8", "-topk8", "-in", where / "server.key", "-passout", "pass:secret", "-out",
            where / "locked.key")  # fmt: skip
    texts: Dict[str, Any] = {path.name: path.read_text() for path in where.iterdir() if path.suffix in (".key", ".crt")}
    texts["folder"] = where
    return texts


@pytest.fixture
def server_options(pem: Dict[str, Any]) -> TLSSecureOptions:
    return TLSSecureOptions(cert=pem["server.crt"], key=pem["server.key"])


@pytest.fixture
def client_options(pem: Dict[str, Any]) -> TLSSecureOptions:
    return TLSSecureOptions(ca=pem["ca.crt"])
