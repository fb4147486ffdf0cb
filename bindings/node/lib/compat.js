'use strict';
// Compatibility mode, see docs/reference/compat.md of the library: read when a socket is constructed.

const native = require('./native.js');

let on = process.env.OHSOCKET_COMPAT === '1';

/** Sockets constructed from now on behave as OpenHarmony's own. Returns the previous setting. */
function setCompat(value) {
  const before = on;
  on = Boolean(value);
  native.setCompat(on ? 1 : 0);
  return before;
}

module.exports = { setCompat, isCompat: () => on };
