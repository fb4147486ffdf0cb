// The Node package in the benchmarks: an echo server, with the arguments of node_net.mjs. Needs `make node`.
//
//   node node_ohsocket_echo.mjs tcp|udp HOST PORT
//   node node_ohsocket_echo.mjs tls HOST PORT CERTIFICATE KEY

import { readFileSync } from 'node:fs';
import socket from '../../bindings/node/lib/index.mjs';

function ignore() {} // a client that went away

async function announce(server) {
  const { address, port } = await server.getLocalAddress();
  process.stdout.write(`listening ${address} ${port}\n`);
}

const kinds = {
  async tcp(address) {
    const server = socket.constructTCPSocketServerInstance();
    server.on('connect', (client) => {
      client.on('message', ({ message }) => client.send({ data: message }).catch(ignore));
    });
    await server.listen(address);
    await announce(server);
  },

  async udp(address) {
    const udp = socket.constructUDPSocketInstance();
    udp.on('message', ({ message, remoteInfo: { address: host, port } }) => {
      udp.send({ data: message, address: { address: host, port } }).catch(ignore);
    });
    await udp.bind(address);
    await announce(udp);
  },

  async tls(address, cert, key) {
    const server = socket.constructTLSSocketServerInstance();
    server.on('connect', (client) => {
      client.on('message', ({ message }) => client.send(message).catch(ignore));
    });
    const secureOptions = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
    await server.listen({ address, secureOptions });
    await announce(server);
  },
};

const [kind, address, port, ...credentials] = process.argv.slice(2);
if (!Object.hasOwn(kinds, kind ?? '')) {
  console.error('usage: node node_ohsocket_echo.mjs tcp|udp HOST PORT | tls HOST PORT CERTIFICATE KEY');
  process.exit(2);
}
process.once('SIGTERM', () => process.exit(0));
await kinds[kind]({ address, port: Number(port) }, ...credentials);
