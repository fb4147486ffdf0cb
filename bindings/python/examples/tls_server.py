"""The line server with TLS: tls_server.py HOST PORT CERTIFICATE KEY, files of PEM or DER. Runs until Ctrl-C."""

import asyncio
import sys

import ohsocket


async def answer(connection: ohsocket.TLSSocketConnection) -> None:
    while line := await connection.readline():
        await connection.send(line.upper())


async def main(host: str, port: int, certificate: str, key: str) -> None:
    async with ohsocket.TLSSocketServer() as server:
        await server.listen((host, port), ohsocket.TLSSecureOptions(cert_file=certificate, key_file=key))
        print("listening", *server.get_local_address()[:2], flush=True)
        await ohsocket.serve(server, answer, on_error=lambda one, error: print(one, error))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
    except KeyboardInterrupt:
        pass
