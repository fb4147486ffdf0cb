'use strict';
// The addon, which is built for one platform and comes with its library beside it.

const path = require('node:path');

if (process.platform !== 'linux' || process.arch !== 'x64') {
  throw new Error(`ohsocket: there is no addon for ${process.platform}-${process.arch}; it is made for linux-x64 with glibc`);
}

// With a state of this evaluation's own: a test runner, or a hot reload, may evaluate the package again over the same addon.
module.exports = require(path.join(__dirname, '..', 'prebuilds', 'linux-x64', 'ohsocket.node')).instantiate();
