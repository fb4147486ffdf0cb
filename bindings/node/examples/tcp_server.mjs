// Greets each client and prints what it says: node tcp_server.mjs HOST PORT
import socket from 'ohsocket';

const [address = '127.0.0.1', port = '5678'] = process.argv.slice(2);
const server = socket.constructTCPSocketServerInstance();

server.on('connect', (client) => {
  client.on('message', ({ message }) => console.log(`client ${client.clientId}: ${Buffer.from(message)}`));
  client.on('close', () => console.log(`client ${client.clientId} has gone`));
  client.send({ data: 'Hello, client!' }, (error) => {
    if (error) console.error(error.message);
  });
});
server.on('error', (error) => console.error(error.message));

await server.listen({ address, port: Number(port) });
const local = await server.getLocalAddress();
console.log(`listening ${local.address} ${local.port}`);
process.once('SIGTERM', () => server.close());
process.once('SIGINT', () => server.close());
