'use strict';
// Compatibility mode, see docs/reference/compat.md of the library: read when a socket is constructed.

const native = require('./native.js');
const { forPrograms } = require('./programs.js');

// With the loader it is on, because what it runs was written for the original: OHSOCKET_COMPAT=0 switches it off.
let on = process.env.OHSOCKET_COMPAT === '1' || (forPrograms && process.env.OHSOCKET_COMPAT !== '0');
if (on) native.setCompat(1);

/** Sockets constructed from now on behave as OpenHarmony's own. Returns the previous setting. */
function setCompat(value) {
  const before = on;
  on = Boolean(value);
  native.setCompat(on ? 1 : 0);
  return before;
}

module.exports = { setCompat, isCompat: () => on };
