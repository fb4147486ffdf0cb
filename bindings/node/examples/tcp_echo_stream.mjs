// An echo server with streams, which pass back-pressure on: node tcp_echo_stream.mjs HOST PORT
import { pipeline } from 'node:stream';
import socket from 'ohsocket';

const [address = '127.0.0.1', port = '5678'] = process.argv.slice(2);
socket.setTotalQueueLimit(64 << 20); // for all clients together
const server = socket.constructTCPSocketServerInstance();

server.on('connect', (client) => {
  const stream = client.duplex();
  pipeline(stream, stream, (error) => {
    if (error) console.error(error.message);
  });
});

await server.listen({ address, port: Number(port) });
const local = await server.getLocalAddress();
console.log(`listening ${local.address} ${local.port}`);
process.once('SIGTERM', () => server.close());
process.once('SIGINT', () => server.close());
