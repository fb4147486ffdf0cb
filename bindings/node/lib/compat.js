'use strict';
// Compatibility mode, see docs/reference/compat.md of the library, rule by rule: read when a socket is constructed.

const native = require('./native.js');
const { forPrograms } = require('./programs.js');

const NONE = Object.freeze({});

// What programs rely on that work on a device. The loader has it on, because what it runs was written for one.
const PROGRAMS = {
  lenient: true, // members of the wrong type count as missing, a family that is not known is IPv4, an encoding UTF-8; unknown events are ignored
  replaces: true, // one listener for each event
  otherPort: true, // instead of one that is in use
  rebinds: true, // bind of a UDP socket that is bound
};

// What else the original does, and no program needs that works there: less precise errors, and the library's own rules.
const ALL = Object.freeze({ ...PROGRAMS, original: true });

const asked = process.env.OHSOCKET_COMPAT;
const base = forPrograms && asked !== '0' ? Object.freeze(PROGRAMS) : NONE;

let rules = asked === '1' ? ALL : base;
if (rules === ALL) native.setCompat(1);

/** Sockets constructed from now on behave as OpenHarmony's own. Returns the previous setting. */
function setCompat(value) {
  const before = rules === ALL;
  rules = value ? ALL : base;
  native.setCompat(value ? 1 : 0);
  return before;
}

module.exports = { setCompat, compatRules: () => rules };
