// A TLS echo server; with CA clients have to show a certificate: node tls_server.mjs HOST PORT CERTIFICATE KEY [CA]
import { readFileSync } from 'node:fs';
import socket from 'ohsocket';

const [address = '127.0.0.1', port = '8443', cert = 'cert.pem', key = 'key.pem', ca] = process.argv.slice(2);
const server = socket.constructTLSSocketServerInstance();

server.on('connect', (client) => {
  client.on('message', ({ message }) => {
    client.send(message, (error) => {
      if (error) console.error(error.message);
    });
  });
});
server.on('error', (error) => console.error(error.message)); // a handshake that failed; the server goes on

await server.listen({
  address: { address, port: Number(port) },
  secureOptions: {
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
    ca: ca && readFileSync(ca, 'utf8'),
    isBidirectionalAuthentication: ca !== undefined,
  },
});
const local = await server.getLocalAddress();
console.log(`listening ${local.address} ${local.port}`);
process.once('SIGTERM', () => server.close());
process.once('SIGINT', () => server.close());
