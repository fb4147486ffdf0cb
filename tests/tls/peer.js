// A TLS server or client of Node: node peer.js server|client OPTIONS, with OPTIONS in JSON. It prints lines of JSON.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [role, json] = process.argv.slice(2);
const options = JSON.parse(json);
const read = (path) => (path ? fs.readFileSync(path) : undefined);
const say = (value) => console.log(JSON.stringify(value));

const secure = {
  cert: read(options.cert),
  key: read(options.key),
  ca: read(options.ca),
  minVersion: options.version,
  maxVersion: options.version,
};

function agreed(socket, echo) {
  const { subject } = socket.getPeerCertificate();
  return { protocol: socket.getProtocol(), suite: socket.getCipher().name, client: subject ? subject.CN : '', echo };
}

if (role === 'server') {
  const server = tls.createServer({ ...secure, requestCert: !!options.ca, rejectUnauthorized: true }, (socket) => {
    say(agreed(socket, ''));
    socket.pipe(socket);
    socket.on('error', (error) => say({ error: error.message }));
  });
  server.on('tlsClientError', (error) => say({ error: error.message }));
  server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
} else {
  const socket = tls.connect({ ...secure, host: '127.0.0.1', port: options.port, servername: 'localhost' }, () => {
    socket.write(options.text);
  });
  socket.once('data', (data) => {
    say(agreed(socket, data.toString()));
    socket.end();
  });
  socket.on('error', (error) => say({ error: error.message }));
}
