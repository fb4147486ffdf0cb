// TCP echo on the Node package, for tests/bench: node_ohsocket_echo.mjs HOST PORT
import socket from '../../bindings/node/lib/index.mjs';

const [address, port] = process.argv.slice(2);
const server = socket.constructTCPSocketServerInstance();
const ignore = () => {};

server.on('connect', (client) => {
  client.on('message', ({ message }) => client.send({ data: message }).catch(ignore));
});
await server.listen({ address, port: Number(port) });
const local = await server.getLocalAddress();
console.log(`listening ${local.address} ${local.port}`);
process.once('SIGTERM', () => process.exit(0));
