"""Our client with servers of other makes, and the reverse: every version, kind of key, with and without a client's
certificate. Both sides have to say the same of the connection."""

import itertools

import peers
from harness import case

ALL = [peers.Options(*choice) for choice in itertools.product(("rsa", "ec", "ed"), ("1.2", "1.3"), (False, True))]


def our_client(server, options):
    @case(f"interop: our client, {server.name}, {options}")
    def check(t):
        peer = server(t, options)
        identity = t.identity(f"client-{options.key}") if options.two_way else []
        wait = ["--until-end"] if peer.answer is None else ["--expect", len(peer.answer)]
        client = t.client(peer.port, *t.roots, *identity, "--name", "localhost", "--text", peer.request, "--show", *wait)
        ours = client.fields("^connected ")
        heard = client.one("^heard ")
        if peer.answer is None:
            saw = peer.saw(heard)
            assert saw.echo == "/hello", heard
        else:
            saw = peer.saw()
            assert heard == "heard " + peer.answer.replace("\n", "|"), heard
        assert ours["protocol"] == saw.protocol == "TLSv" + options.version, (ours, vars(saw))
        assert ours["suite"] == saw.suite, (ours, vars(saw))
        assert saw.client == (f"client-{options.key}" if options.two_way else ""), vars(saw)
        assert client.one("^closed ") == "closed code=0"


def our_server(name, connect, options):
    @case(f"interop: our server, {name}, {options}")
    def check(t):
        mode = ["--http"] if name == "curl" else []
        trust = [*t.roots, "--two-way"] if options.two_way else []
        server = t.server(*t.identity(f"server-{options.key}"), *trust, *mode)
        saw = connect(t, server.port, options)
        server.wait_line("^client 1 closed ")
        ours = server.fields("^client 1 connected ")
        assert ours["protocol"] == saw.protocol == "TLSv" + options.version, (ours, vars(saw))
        assert ours["suite"] == saw.suite, (ours, vars(saw))
        assert saw.echo.startswith("GET /hello" if mode else "hello, server"), vars(saw)
        assert (ours["remote"] != "none") == options.two_way, ours


for options in ALL:
    for server in (peers.OpensslServer, peers.NginxServer, peers.NodeServer, peers.PythonServer, peers.GoServer):
        our_client(server, options)
    for name, connect in (("openssl s_client", peers.openssl_client), ("curl", peers.curl_client),
                          ("Node", peers.node_client), ("Python", peers.python_client), ("Go", peers.go_client)):
        our_server(name, connect, options)
