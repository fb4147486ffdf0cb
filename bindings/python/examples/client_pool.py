"""Questions over a pool of three connections: client_pool.py HOST PORT QUESTION..."""

import asyncio
import sys

import ohsocket


async def ask(pool: "asyncio.Queue[ohsocket.TCPSocket]", question: str) -> bytes:
    connection = await pool.get()  # whichever is free
    try:
        await connection.send(question + "\n")
        return await connection.readline()
    finally:
        pool.put_nowait(connection)


async def main(host: str, port: int, *questions: str) -> None:
    pool: "asyncio.Queue[ohsocket.TCPSocket]" = asyncio.Queue()
    for _ in range(3):
        connection = ohsocket.TCPSocket()
        await connection.connect((host, port))
        pool.put_nowait(connection)
    for answer in await asyncio.gather(*(ask(pool, question) for question in questions)):
        print(answer.decode().strip())
    await asyncio.gather(*(pool.get_nowait().close() for _ in range(3)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
