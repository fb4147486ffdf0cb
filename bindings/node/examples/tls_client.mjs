// One-way and two-way TLS: node tls_client.mjs HOST PORT CA [CERTIFICATE KEY [PASSWORD]]
import { readFileSync } from 'node:fs';
import socket from 'ohsocket';

const [address = 'localhost', port = '8443', ca = 'ca.pem', cert, key, password] = process.argv.slice(2);
const tls = socket.constructTLSSocketInstance();

tls.on('message', ({ message }) => {
  console.log(`received: ${Buffer.from(message)}`);
  tls.close();
});
tls.on('error', (error) => console.error(error.message));
tls.on('close', () => console.log('closed'));

try {
  await tls.connect({
    address: { address, port: Number(port) },
    secureOptions: {
      ca: readFileSync(ca, 'utf8'),
      cert: cert && readFileSync(cert, 'utf8'),
      key: key && readFileSync(key, 'utf8'),
      password,
      protocols: [socket.Protocol.TLSv12, socket.Protocol.TLSv13],
    },
  });
  console.log(await tls.getProtocol(), (await tls.getCipherSuite()).join());
  await tls.send('Hello, server!');
} catch (error) {
  console.error(String(error)); // the reason is in the message: an unknown authority, another name...
  process.exitCode = 1;
}
