// Sends a datagram to itself, prints it and closes: node udp.mjs
import socket from 'ohsocket';

const udp = socket.constructUDPSocketInstance();

udp.on('listening', () => console.log('listening'));
udp.on('message', async ({ message, remoteInfo }) => {
  console.log(`${remoteInfo.size} bytes from port ${remoteInfo.port}: ${Buffer.from(message)}`);
  await udp.close();
});
udp.on('close', () => console.log('closed'));

await udp.bind({ address: '127.0.0.1' });
await udp.setExtraOptions({ receiveBufferSize: 65536, broadcast: false });
await udp.send({ data: 'Hello, myself!', address: await udp.getLocalAddress() });
