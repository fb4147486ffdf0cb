"""The end of the interpreter, fork, spawn and subinterpreters, in processes of their own."""

import subprocess
import sys
import textwrap

import pytest

SETUP = """
import asyncio, os, sys, threading
import ohsocket
from ohsocket import callback, sync

async def serve(on_client):
    server = ohsocket.TCPSocketServer()
    server.on("connect", on_client)
    await server.listen(("127.0.0.1", 0))
    return server
"""


# What a subinterpreter runs.
SUB = """
import asyncio, ohsocket
async def main():
    async with ohsocket.TCPSocketServer() as server, ohsocket.TCPSocket() as client:
        server.on("connect", lambda c: c.on("message", lambda info: c.send_nowait(info.message)))
        await server.listen(("127.0.0.1", 0))
        await client.connect(server.get_local_address())
        await client.send(b"x")
        assert await client.receive() == b"x"
asyncio.run(main())
print("echo")
"""


def python(source: str, *options: str, timeout: float = 30) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, *options, "-c", SETUP + textwrap.dedent(source).replace("@@@", SUB)],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done


TRAFFIC = """
    async def main():
        server = await serve(lambda c: c.on("message", lambda info: c.send_nowait(info.message)))
        client = ohsocket.TCPSocket()
        await client.connect(server.get_local_address())
        rounds, under_way = 0, asyncio.Event()
        def on_message(info):
            nonlocal rounds
            client.send_nowait(info.message)
            rounds += 1
            if rounds == 100:
                under_way.set()
        client.on("message", on_message)
        for _ in range(100):
            await client.send(b"x" * 100)
        await asyncio.wait_for(under_way.wait(), 20)
        {end}
    asyncio.run(main())
    print("done")
"""


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "pass", "keep.append((server, client))"])
def test_exit_with_traffic(end: str) -> None:
    for _ in range(3):
        done = python("keep = []\n" + textwrap.dedent(TRAFFIC.format(end=end)))
        assert done.stderr == ""


def test_exit_with_an_open_callback_loop_in_another_thread() -> None:
    python(
        """
        def work():
            server = callback.TCPSocketServer()
            server.on("connect", lambda c: c.on("message", lambda info: c.send(info.message)))
            server.listen(("127.0.0.1", 0))
            tcp = callback.TCPSocket()
            def on_message(info):
                tcp.send(info.message)
                under_way.set()
            tcp.on("message", on_message)
            tcp.connect(server.get_local_address(), lambda error: tcp.send(b"x"))
            ohsocket.run()
        under_way = threading.Event()
        threading.Thread(target=work, daemon=True).start()
        assert under_way.wait(20)
        """
    )


def test_exit_warns_about_what_is_open() -> None:
    done = python(
        """
        tcp = sync.TCPSocketServer()
        tcp.listen(("127.0.0.1", 0))
        del tcp
        """,
        "-W", "default",
    )  # fmt: skip
    assert "ResourceWarning: unclosed <ohsocket.TCPSocketServer" in done.stderr


def test_fork() -> None:
    """Everything says so in the child; the parent is not disturbed."""
    done = python(
        """
        async def main():
            server = await serve(lambda c: c.on("message", lambda info: c.send_nowait(info.message)))
            async with ohsocket.TCPSocket() as client:
                await client.connect(server.get_local_address())
                child = os.fork()
                if child == 0:
                    try:
                        for wrong in (ohsocket.TCPSocket, sync.TCPSocket, client.get_local_address,
                                      lambda: client.send_nowait(b"x"), ohsocket.get_stats):
                            try:
                                wrong()
                                print("worked", wrong)
                            except ohsocket.ForkedError as error:
                                assert isinstance(error, RuntimeError)
                                print(error)
                        sys.stdout.flush()
                    finally:
                        os._exit(0)
                os.waitpid(child, 0)
                await client.send(b"x")
                print("parent", await client.receive())
            await server.close()
        asyncio.run(main())
        """,
        "-W", "error::ResourceWarning",
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 6, done.stdout
    assert all(line.startswith("[SOCKET_ERROR_FORKED 2300003]") for line in lines[:5]), lines
    assert "load it after the fork, or exec" in lines[0]
    assert lines[5] == "parent b'x'"


WORKER = """
import multiprocessing, sys
from ohsocket import sync, ForkedError

def work(address):
    try:
        with sync.TCPSocket() as tcp:
            tcp.connect(address)
            tcp.send(b"child")
    except ForkedError as error:
        sys.exit(7)

if __name__ == "__main__":
    with sync.TCPSocketServer() as server:
        server.listen(("127.0.0.1", 0))
        child = multiprocessing.get_context(sys.argv[1]).Process(
            target=work, args=(tuple(server.get_local_address()[:2]),))
        child.start()
        if sys.argv[1] == "spawn":
            with server.accept(20) as connection:
                print(connection.receive(20).decode())
        child.join()
        print(child.exitcode)
"""


@pytest.mark.parametrize("method,expected", [("spawn", "child\n0\n"), ("fork", "7\n")])
def test_multiprocessing(tmp_path: "object", method: str, expected: str) -> None:
    script = tmp_path / "worker.py"  # type: ignore[operator]
    script.write_text(WORKER)
    done = subprocess.run(
        [sys.executable, script, method], capture_output=True, text=True, timeout=40, check=False
    )
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_subinterpreter() -> None:
    """One with its own GIL may refuse ctypes; then the import says so and nothing else happens."""
    done = python(
        '''
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        source = """@@@"""
        for _ in range(2):
            one = interpreters.create()
            failure = None
            try:
                failure = interpreters.run_string(one, source)
            except Exception as error:
                failure = error
            if failure:
                assert "does not support loading in subinterpreters" in str(failure), failure
                print("echo")
            interpreters.destroy(one)
        async def main():
            server = await serve(lambda c: None)
            await server.close()
        asyncio.run(main())
        ''',
    )
    assert done.stdout == "echo\necho\n"


def test_no_python_thread_and_no_library_thread_in_python() -> None:
    """The library runs no Python code on threads of its own."""
    python(
        """
        seen = set()
        async def main():
            def note(*_):
                seen.add(threading.get_ident())
            server = await serve(note)
            async with ohsocket.TCPSocket() as client:
                for name in ("connect", "close"):
                    client.on(name, note)
                await client.connect(server.get_local_address())
            await server.close()
        asyncio.run(main())
        assert seen == {threading.get_ident()}
        assert threading.active_count() == 1
        """
    )
