// The Node peers of the benchmarks: an echo server with node:net, node:dgram or node:tls.
//
//   node node_net.mjs tcp|udp HOST PORT
//   node node_net.mjs tls-sink|tls HOST PORT CERTIFICATE KEY

import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const BACKLOG = 1024;

function announce({ address, port }) {
  process.stdout.write(`listening ${address} ${port}\n`);
}

function echo(socket) {
  socket.on('error', () => socket.destroy()); // a client that resets
  socket.on('data', (data) => socket.write(data));
}

function discard(socket) {
  socket.on('error', () => socket.destroy());
  socket.on('data', () => {});
}

function serveDatagrams(host, port) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.on('error', () => {}); // of an earlier answer, to a client that went away
  socket.bind(port, host, () => announce(socket.address()));
}

function serveTls(host, port, certificate, key, onConnection) {
  const options = {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    minVersion: 'TLSv1.3',
    noDelay: true,
  };
  const server = tls.createServer(options, onConnection);
  server.on('tlsClientError', () => {}); // a client that went away in its handshake
  server.listen({ host, port, backlog: BACKLOG }, () => announce(server.address()));
}

const [kind, host, port, certificate, key] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(0));
switch (kind) {
  case 'tcp': {
    const server = net.createServer({ noDelay: true }, echo);
    server.listen({ host, port: Number(port), backlog: BACKLOG }, () => announce(server.address()));
    break;
  }
  case 'udp':
    serveDatagrams(host, Number(port));
    break;
  case 'tls':
    serveTls(host, Number(port), certificate, key, echo);
    break;
  case 'tls-sink':
    serveTls(host, Number(port), certificate, key, discard);
    break;
  default:
    process.stderr.write(`node_net.mjs: unknown kind ${kind}\n`);
    process.exitCode = 2;
}
