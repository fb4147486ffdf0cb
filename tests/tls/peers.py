"""TLS servers and clients of other makes: openssl s_server and s_client, nginx, curl, Node, Python, and Go, the only one
that does not use OpenSSL.

A server has start(case, options) -> Peer with its port; Peer.saw() says what it has agreed on with its client. A client
runs against a port and returns the same.
"""

import json
import os
import re
import signal
import socket
import ssl
import subprocess

from harness import HERE

PYTHON_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Options:
    """Of a connection: key is rsa, ec or ed; version 1.2 or 1.3; two_way whether the client shows a certificate."""

    def __init__(self, key, version, two_way):
        self.key, self.version, self.two_way = key, version, two_way

    def __str__(self):
        return f"TLS {self.version}, {self.key}, {'two-way' if self.two_way else 'one-way'}"


class Saw:
    """What a peer says of a connection. client: the subject of the client's certificate as the peer writes it."""

    def __init__(self, protocol, suite, client="", echo=""):
        self.protocol, self.suite, self.client, self.echo = protocol, suite, client, echo


def common_name(line):
    """CN in a line of the openssl program: "CN = name" up to OpenSSL 3.1, "CN=name" since."""
    return re.search(r"CN ?= ?(.*)", line).group(1)


def go_peer():
    return os.environ["TLS_GO_PEER"]


def python_context(case, server, cert=None, trust="roots.pem", version=None, two_way=False, alpn=None, ciphers=None):
    """A context of Python's ssl. A server trusts whom it asks for a certificate; a client always verifies."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(ciphers or "DEFAULT")
    if version:
        context.minimum_version = context.maximum_version = PYTHON_VERSIONS[version]
    if cert:
        context.load_cert_chain(case.cert(cert + ".pem"), case.cert(cert + ".key"))
    if not server or two_way:
        context.load_verify_locations(case.cert(trust))
        context.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def saw_of(connection, echo=""):
    certificate = connection.getpeercert() or {}
    subject = dict(pair for name in certificate.get("subject", ()) for pair in name).get("commonName", "")
    return Saw(connection.version(), connection.cipher()[0], subject, echo)


def tls_peer(t, serve, cert="server-ec", clients=1, **options):
    """A server of Python: serve(connection) after the handshake."""
    context = python_context(t, True, cert, **options)

    def handle(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            return serve(tls)

    return t.listen(handle, clients)


def echo(tls):
    """What a server of Python does mostly."""
    while data := tls.recv(65536):
        tls.sendall(data)
    return tls


def tls_connect(t, port, name="localhost", **options):
    """A connected client of Python."""
    context = python_context(t, False, **options)
    connection = socket.create_connection(("127.0.0.1", port), timeout=t.remaining())
    return context.wrap_socket(connection, server_hostname=name)


# ---- Servers ----


class OpensslServer:
    name = "openssl s_server"

    def __init__(self, case, options):
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-naccept", "1", "-cert_chain",
                   case.cert(f"server-{options.key}.pem"), "-cert", case.cert(f"server-{options.key}.leaf"), "-key",
                   case.cert(f"server-{options.key}.key"), "-tls" + options.version.replace(".", "_")]
        if options.two_way:
            command += ["-Verify", "3", "-verify_return_error", "-CAfile", case.cert("roots.pem")]
        self.process = case.start(*command, stderr=subprocess.STDOUT)
        self.port = int(self.process.wait_line(r"^ACCEPT").rsplit(":", 1)[1])
        self.request, self.answer = "hello from ohsocket\n", "tekcosho morf olleh\n"

    def saw(self):
        suite = self.process.wait_line("^Ciphersuite: ").split()[1]
        protocol = self.process.wait_line("^Protocol version: ").split()[2]
        peer = self.process.all("^Peer certificate: ")
        return Saw(protocol, suite, common_name(peer[0]) if peer else "")


class NginxServer:
    name = "nginx"

    def __init__(self, case, options):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        configuration = case.path("nginx.conf")
        user = "user root;" if os.geteuid() == 0 else ""
        verify = ""
        if options.two_way:
            verify = f"ssl_verify_client on; ssl_verify_depth 3; ssl_client_certificate {case.cert('roots.pem')};"
        with open(configuration, "w") as file:
            file.write(f"""
                daemon off; worker_processes 1; {user} error_log stderr info; pid {case.path('nginx.pid')};
                events {{ worker_connections 64; }}
                http {{
                    access_log off;
                    client_body_temp_path {case.path('body')}; proxy_temp_path {case.path('proxy')};
                    fastcgi_temp_path {case.path('fastcgi')}; uwsgi_temp_path {case.path('uwsgi')};
                    scgi_temp_path {case.path('scgi')};
                    server {{
                        listen 127.0.0.1:{self.port} ssl;
                        ssl_certificate {case.cert(f'server-{options.key}.pem')};
                        ssl_certificate_key {case.cert(f'server-{options.key}.key')};
                        ssl_protocols TLSv{options.version}; {verify}
                        location / {{
                            default_type text/plain;
                            return 200 "saw $ssl_protocol $ssl_cipher [$ssl_client_s_dn] $request_uri";
                        }}
                    }}
                }}""")
        # It takes the listening socket that the variable names, as it does when it replaces itself by a newer one.
        command = ["nginx", "-e", "stderr", "-p", os.path.dirname(configuration), "-c", configuration]
        if not os.access("/usr/sbin/nginx", os.X_OK):
            command[0] = "nginx"
        environment = dict(case.environment, NGINX=f"{listener.fileno()};", PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = case.start(*command, env=environment, pass_fds=[listener.fileno()], end_with=signal.SIGTERM)
        listener.close()
        self.request, self.answer = "GET /hello HTTP/1.0\r\n\r\n", None

    def saw(self, heard):
        found = re.search(r"saw (\S+) (\S+) \[(.*)\] (\S+)", heard)
        assert found, heard
        return Saw(found[1], found[2], found[3].replace("CN=", ""), found[4])


class NodeServer:
    name = "Node"

    def __init__(self, case, options):
        self.process = case.start("node", HERE / "peer.js", "server", json.dumps({
            "cert": case.cert(f"server-{options.key}.pem"), "key": case.cert(f"server-{options.key}.key"),
            "version": "TLSv" + options.version, "ca": case.cert("roots.pem") if options.two_way else None}))
        self.port = json.loads(self.process.wait_line('"port"'))["port"]
        self.request = self.answer = "hello from ohsocket\n"

    def saw(self):
        return Saw(**json.loads(self.process.wait_line('"protocol"')))


class GoServer:
    name = "Go"

    def __init__(self, case, options):
        self.process = case.start(go_peer(), "server", json.dumps({
            "cert": case.cert(f"server-{options.key}.pem"), "key": case.cert(f"server-{options.key}.key"),
            "version": "TLSv" + options.version, "ca": case.cert("roots.pem") if options.two_way else ""}))
        self.port = json.loads(self.process.wait_line('"port"'))["port"]
        self.request = self.answer = "hello from ohsocket\n"

    def saw(self):
        return Saw(**json.loads(self.process.wait_line('"protocol"')))


class PythonServer:
    name = "Python"

    def __init__(self, case, options):
        context = python_context(case, True, f"server-{options.key}", version=options.version, two_way=options.two_way)

        def serve(connection):
            with context.wrap_socket(connection, server_side=True) as tls:
                while data := tls.recv(65536):
                    tls.sendall(data)
                return saw_of(tls)

        self.listener = case.listen(serve)
        self.port = self.listener.port
        self.request = self.answer = "hello from ohsocket\n"

    def saw(self):
        return self.listener.result()


# ---- Clients ----


def openssl_client(case, port, options):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", "-verify_return_error", "-CAfile",
               case.cert("roots.pem"), "-verify_hostname", "localhost", "-tls" + options.version.replace(".", "_")]
    if options.two_way:
        command += ["-cert_chain", case.cert(f"client-{options.key}.pem"), "-cert",
                    case.cert(f"client-{options.key}.leaf"), "-key", case.cert(f"client-{options.key}.key")]
    client = case.start(*command, stderr=subprocess.STDOUT)
    client.wait_line("^Verification: OK")
    client.write("hello, server\n")
    echo = client.wait_line("^hello")
    client.finish()
    return Saw(client.one("^Protocol version: ").split()[2], client.one("^Ciphersuite: ").split()[1], echo=echo)


def curl_client(case, port, options):
    command = ["curl", "-sSv", "--noproxy", "*", "--http1.1", "--cacert", case.cert("roots.pem"), "--tlsv" + options.version,
               "--tls-max", options.version, f"https://localhost:{port}/hello", "--connect-to", f"::127.0.0.1:{port}"]
    if options.two_way:
        command += ["--cert", case.cert(f"client-{options.key}.pem"), "--key", case.cert(f"client-{options.key}.key")]
    client = case.run(*command, stderr=subprocess.STDOUT)
    assert client.popen.returncode == 0, client.describe()
    found = re.search(r"SSL connection using (\S+) / (\S+)", client.one("SSL connection using"))
    return Saw(found[1], found[2], echo=client.one("^GET /hello HTTP/1.1"))


def node_client(case, port, options):
    client = case.run("node", HERE / "peer.js", "client", json.dumps({
        "port": port, "ca": case.cert("roots.pem"), "version": "TLSv" + options.version, "text": "hello, server",
        "cert": case.cert(f"client-{options.key}.pem") if options.two_way else None,
        "key": case.cert(f"client-{options.key}.key") if options.two_way else None}))
    return Saw(**json.loads(client.one('"protocol"')))


def go_client(case, port, options):
    identity = case.cert(f"client-{options.key}") if options.two_way else ""
    client = case.run(go_peer(), "client", json.dumps({
        "port": port, "ca": case.cert("roots.pem"), "version": "TLSv" + options.version, "text": "hello, server",
        "cert": identity and identity + ".pem", "key": identity and identity + ".key"}))
    return Saw(**json.loads(client.one('"protocol"')))


def python_client(case, port, options):
    context = python_context(case, False, f"client-{options.key}" if options.two_way else None, version=options.version)
    with socket.create_connection(("127.0.0.1", port), timeout=case.remaining()) as connection:
        with context.wrap_socket(connection, server_hostname="localhost") as tls:
            tls.sendall(b"hello, server")
            return saw_of(tls, tls.recv(100).decode())
