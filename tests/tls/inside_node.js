// The library and Node's own tls in one process: node inside_node.js ADDON PORT CA. Prints what each has heard.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [path, port, ca] = process.argv.slice(2);
const addon = { exports: {} };

function ask(text, then) {
  const socket = tls.connect({ host: '127.0.0.1', port: +port, servername: 'localhost', ca: fs.readFileSync(ca) }, () => {
    socket.write(text);
  });
  socket.once('data', (data) => {
    console.log(`node ${socket.getProtocol()} ${socket.getCipher().name} ${data}`);
    then(socket);
  });
}

// Before the library is there, while both are at work, and with a connection that is older than the library.
ask('first', (old) => {
  process.dlopen(addon, path);
  console.log(`ours ${addon.exports.exchange('127.0.0.1', +port, ca, 'second')}`);
  ask('third', (socket) => {
    socket.end();
    console.log(`ours ${addon.exports.exchange('127.0.0.1', +port, ca, 'fourth')}`);
    old.write('fifth');
    old.once('data', (data) => {
      console.log(`node ${data}`);
      old.end();
    });
  });
});
