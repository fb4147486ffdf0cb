// TCP echo on node:net, for tests/bench: node_net_echo.mjs HOST PORT
import net from 'node:net';

const [address, port] = process.argv.slice(2);
const server = net.createServer({ noDelay: true, allowHalfOpen: false }, (client) => {
  client.on('data', (data) => client.write(data));
  client.on('error', () => {});
});
server.listen({ host: address, port: Number(port), backlog: 4096 }, () => {
  const local = server.address();
  console.log(`listening ${local.address} ${local.port}`);
});
process.once('SIGTERM', () => process.exit(0));
