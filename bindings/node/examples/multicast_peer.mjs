// Says something in a multicast group, and prints what is said there.
//
//   node multicast_peer.mjs 239.255.0.1 5678 lo          listens
//   node multicast_peer.mjs 239.255.0.1 5678 lo Hello    says it, and ends

import socket from 'ohsocket';

const [address, port, name, ...words] = process.argv.slice(2);
const group = { address, port: Number(port) };
const peer = socket.constructMulticastSocketInstance();

peer.on('message', ({ message, remoteInfo }) => {
  if (words.length === 0) console.log(`${remoteInfo.address} port ${remoteInfo.port}: ${new TextDecoder().decode(message)}`);
});
await peer.addMembership({ ...group, interface: name });
if (words.length > 0) {
  peer.setMulticastInterface(name);
  await peer.send({ data: words.join(' '), address: group });
  await peer.close();
} else {
  console.log('listening on port', (await peer.getLocalAddress()).port);
}
