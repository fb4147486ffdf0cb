// UDP echo on the Node package, for tests/bench: node_ohsocket_udp_echo.mjs HOST PORT
import socket from '../../bindings/node/lib/index.mjs';

const [address, port] = process.argv.slice(2);
const udp = socket.constructUDPSocketInstance();
const ignore = () => {};

udp.on('message', ({ message, remoteInfo }) => {
  const { address, port, family } = remoteInfo;
  udp.send({ data: message, address: { address, port, family: family === 'IPv6' ? 2 : 1 } }).catch(ignore);
});
await udp.bind({ address, port: Number(port) });
await udp.setExtraOptions({ receiveBufferSize: 262144, sendBufferSize: 262144 });
const local = await udp.getLocalAddress();
console.log(`listening ${local.address} ${local.port}`);
process.once('SIGTERM', () => process.exit(0));
