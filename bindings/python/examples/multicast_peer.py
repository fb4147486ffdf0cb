"""Says something in a multicast group, and prints what is said there.

    python multicast_peer.py 239.255.0.1 5678 lo          listens
    python multicast_peer.py 239.255.0.1 5678 lo Hello    says it, and ends
"""

import asyncio
import sys

import ohsocket


async def main(group: str, port: str, interface: str, *words: str) -> None:
    address = (group, int(port))
    async with ohsocket.MulticastSocket() as peer:
        await peer.add_membership(address, interface=interface)
        if words:
            peer.set_multicast_interface(interface)
            await peer.send(" ".join(words), address)
            return
        print("listening on port", peer.get_local_address().port, flush=True)
        async for message, remote in peer:
            print(f"{remote.address} port {remote.port}: {message.decode()}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
