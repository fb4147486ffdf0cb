'use strict';
// The addon, which is built for one platform and comes with its library beside it.

const path = require('node:path');

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new Error(`ohsocket: there is no addon for ${process.platform}-${process.arch}; it is made for linux-x64 with glibc`);
}

module.exports = require(path.join(__dirname, '..', 'prebuilds', 'linux-x64', 'ohsocket.node'));
