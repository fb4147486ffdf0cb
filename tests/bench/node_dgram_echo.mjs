// UDP echo on node:dgram, for tests/bench: node_dgram_echo.mjs HOST PORT
// Its own look-up spares node the tick that it takes for numeric addresses too.
import dgram from 'node:dgram';

const [address, port] = process.argv.slice(2);
const udp = dgram.createSocket({
  type: 'udp4',
  lookup: (name, options, callback) => callback(null, name, 4),
  recvBufferSize: 262144,
  sendBufferSize: 262144,
});

udp.on('message', (data, from) => udp.send(data, 0, data.length, from.port, from.address));
udp.bind({ address, port: Number(port) }, () => {
  const local = udp.address();
  console.log(`listening ${local.address} ${local.port}`);
});
process.once('SIGTERM', () => process.exit(0));
