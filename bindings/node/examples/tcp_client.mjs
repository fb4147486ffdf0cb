// Connects, sends a line, prints the answer, closes: node tcp_client.mjs HOST PORT
import socket from 'ohsocket';

const [address = '127.0.0.1', port = '5678'] = process.argv.slice(2);
const tcp = socket.constructTCPSocketInstance();

tcp.on('message', ({ message, remoteInfo }) => {
  console.log(`${remoteInfo.address} port ${remoteInfo.port}: ${Buffer.from(message)}`);
  tcp.close();
});
tcp.on('error', (error) => console.error(error.message));
tcp.on('close', () => console.log('closed'));

try {
  await tcp.connect({ address: { address, port: Number(port) }, timeout: 6000 });
  await tcp.send({ data: 'Hello, server!' });
} catch (error) {
  console.error(String(error)); // "BusinessError: connect 127.0.0.1:5678: Connection refused"
  process.exitCode = 1;
}
