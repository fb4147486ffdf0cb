"""Processes that make it hard: an OpenSSL configuration that means harm, ends in the middle of handshakes, a terminal, and
hosts with an OpenSSL of their own."""

import os
import pty
import re
import select
import subprocess
import sys
import time

from codes import OTHER
from harness import HERE, case
from peers import echo, tls_peer
from process import CLEAN


def hostile_environment(t):
    """What an attacker, or a careless administrator, may have set for every program."""
    module = t.path("hostile.so")
    built = subprocess.run(["cc", "-shared", "-fPIC", "-o", module, HERE / "hostile_module.c"], capture_output=True)
    assert built.returncode == 0, built.stderr
    with open(t.path("openssl.cnf"), "w") as file:
        file.write(f"""
            openssl_conf = main
            [main]
            providers = providers
            ssl_conf = ssl
            alg_section = algorithms
            [providers]
            hostile = hostile
            [hostile]
            module = {module}
            activate = 1
            [algorithms]
            default_properties = fips=yes
            [ssl]
            system_default = system
            [system]
            MinProtocol = TLSv1.3
            MaxProtocol = TLSv1.1
            CipherString = aNULL
            """)
    return dict(t.environment, OPENSSL_CONF=t.path("openssl.cnf"), OPENSSL_MODULES=t.folder, HOSTILE_MARK=t.path("mark"))


@case("hosts: OPENSSL_CONF of a hostile kind changes nothing")
def hostile_configuration(t):
    environment = hostile_environment(t)
    server = t.server(*t.identity("server-ec"), env=environment)
    client = t.client(server.port, *t.roots, "--text", "hello", env=environment)
    assert client.fields("^connected ")["protocol"] == "TLSv1.3" and client.fields("^received ")["bytes"] == "5"
    client = t.client(server.port, *t.roots, "--protocols", "1.2", "--text", "hello", env=environment)
    assert client.fields("^connected ")["protocol"] == "TLSv1.2" and client.fields("^received ")["bytes"] == "5"
    assert not os.path.exists(environment["HOSTILE_MARK"])
    # It is a hostile one: openssl itself falls for it.
    t.run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", env=environment, stderr=subprocess.STDOUT)
    assert os.path.exists(environment["HOSTILE_MARK"])


@case("hosts: no other OpenSSL comes into the process with the library")
def maps(t):
    peer = tls_peer(t, echo)
    mapped = t.client(peer.port, *t.roots, "--text", "hello", "--maps").all("^mapped ")
    assert any("libohsocket" in line for line in mapped), mapped
    needed = t.run("readelf", "-d", t.build / "libohsocket.so").lines
    linked = any("NEEDED" in line and "libcrypto" in line for line in needed)  # make OPENSSL=shared
    assert sum("libcrypto" in line for line in mapped) == linked, mapped
    assert sum("libssl" in line for line in mapped) == linked, mapped
    assert not any("ossl-modules" in line or "engines" in line for line in mapped), mapped


@case("hosts: OpenSSL has no handlers at the end of the process")
def at_exit(t):
    peer = tls_peer(t, echo)
    client = t.client(peer.port, *t.roots, "--text", "hello", "--use-at-exit", clean=False)
    assert client.popen.returncode == 0 and client.lines[-2] == CLEAN, client.describe()
    assert client.lines[-1].startswith("used code=0"), client.describe()


def storm(t, port, microseconds):
    """Handshakes, until the time has passed; 0: until the end of its standard input."""
    return t.start(t.build / "tls/tls_storm", "127.0.0.1", port, t.cert("roots.pem"), 8, microseconds)


@case("hosts: a hundred processes end in the middle of handshakes", deadline=60)
def ends(t):
    server = t.server(*t.identity("server-ec"), "--sink")
    running = []
    for i in range(100):
        running.append(storm(t, server.port, 200 + 400 * i % 30_000))
        if len(running) == 4:
            first = running.pop(0).finish()
            assert first.popen.returncode == 0, first.describe()
    for process in running:
        assert process.finish().popen.returncode == 0, process.describe()
    # Handshakes were going on: the server has seen some break, and others succeed.
    assert len(server.all("^failed ")) > 5 and server.all("^client .* connected"), server.describe()


@case("hosts: servers end in the middle of handshakes", deadline=60)
def server_ends(t):
    seen = 0
    for i in range(20):
        server = t.server(*t.identity("server-rsa"), "--sink")
        client = storm(t, server.port, 0)
        if i % 2:
            server.wait_line("^client|^failed", i)  # any moment will do: seven more are going on
        server.write("exit\n")
        server.clean = False
        assert server.finish().popen.returncode == 0, server.describe()
        assert client.finish().popen.returncode == 0, client.describe()
        seen += len(server.all("^client|^failed"))
    assert seen > 0


@case("hosts: nobody is asked for a pass phrase at a terminal")
def terminal(t):
    for program, options in (("tls_client", ["127.0.0.1", "1"]), ("tls_server", [])):
        leader, follower = pty.openpty()
        command = [t.build / "tls" / program, *options, "--cert", t.cert("client-rsa.pem"), "--key",
                   t.cert("client-rsa.pkcs8-encrypted")]
        # A session of its own, of which this is the terminal: what OpenSSL would open as /dev/tty.
        setup = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        process = subprocess.Popen([sys.executable, "-c", setup, *command], stdin=follower, stdout=follower,
                                   stderr=follower, env=t.environment, start_new_session=True)
        os.close(follower)
        said, until = b"", time.monotonic() + t.remaining() / 2
        while select.select([leader], [], [], max(until - time.monotonic(), 0))[0]:
            try:
                part = os.read(leader, 4096)
            except OSError:  # it has closed the terminal
                break
            said += part
        waiting = process.poll() is None and time.monotonic() >= until
        if waiting:
            process.kill()
        process.wait()
        os.close(leader)
        assert not waiting and process.returncode == 0, said
        assert re.search(rb"refused code=%d text=\w+: .*no password was given" % OTHER, said), said
        assert b"pass phrase" not in said.lower(), said


def preloaded(t):
    """Hosts that were not built with the sanitizer need its library first; they free nothing at their end."""
    if not t.sanitized:
        return t.environment
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    return dict(t.environment, LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0")


@case("hosts: inside Node, which has an OpenSSL of its own, both at work", deadline=30)
def inside_node(t):
    addon = t.path("addon.node")
    built = subprocess.run(["cc", "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden", "-std=gnu11", "-I", HERE / "../../include",
                            HERE / "node_addon.c", HERE / "program.c", HERE / "sha256.c", "-o", addon, "-L", t.build,
                            "-lohsocket", f"-Wl,-rpath,{t.build}"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    peer = tls_peer(t, echo, clients=10)
    node = t.run("node", HERE / "inside_node.js", addon, peer.port, t.cert("roots.pem"), env=preloaded(t))
    assert node.popen.returncode == 0 and node.lines == [
        "node TLSv1.3 TLS_AES_256_GCM_SHA384 first", "ours TLSv1.3 TLS_AES_256_GCM_SHA384 second",
        "node TLSv1.3 TLS_AES_256_GCM_SHA384 third", "ours TLSv1.3 TLS_AES_256_GCM_SHA384 fourth", "node fifth",
    ], node.describe()


@case("hosts: inside Python, which has another OpenSSL, both at work", deadline=30)
def inside_python(t):
    peer = tls_peer(t, echo, clients=100)
    python = t.run(sys.executable, HERE / "inside_python.py", t.build / "libohsocket.so", peer.port, t.cert("roots.pem"),
                   env=preloaded(t))
    assert python.popen.returncode == 0 and python.lines == ["both 30"], python.describe()
