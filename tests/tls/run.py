"""All TLS tests: run.py BUILD [CASE...]. BUILD is the folder of the library, CASE the beginning of the names of those to
run. TLS_BYTES makes the large transfer of another size (64 MB). The last line is "N passed, N failed"."""

import os
import pathlib
import sys

import harness

MODULES = ("interop", "bad_certificates", "bad_options", "negotiation", "bad_peers", "breaks", "sessions", "names",
           "upgrades", "data", "hosts", "examples")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    case = harness.Case
    case.build = build
    case.certificates = pathlib.Path(os.environ.get("TLS_CERTIFICATES", build / "tls/certificates")).resolve()
    case.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SSL", "OPENSSL", "NODE_"))}
    case.sanitized = build.name == "asan"
    case.slowness = 4 if case.sanitized else 1
    for module in MODULES:
        __import__(module)
    return harness.run(sys.argv[2:], int(os.environ.get("TLS_WORKERS", "4")))


sys.exit(main())
