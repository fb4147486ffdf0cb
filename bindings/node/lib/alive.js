'use strict';
// What keeps the process alive: open sockets that are referenced, and operations under way. And what keeps this
// evaluation of the package alive: open sockets, referenced or not, and operations.

const native = require('./native.js');
const { listed, unlisted } = require('./resources.js');

let active = 0;
let open = 0;

function retain() {
  if (active++ > 0) return;
  native.ref();
  native.hold();
  listed(names);
}

function release() {
  if (--active > 0) return;
  unlisted(names);
  native.letGo();
  native.unref();
}

/** A socket opens. */
function hold() {
  if (open++ === 0) native.hold();
}

function letGo() {
  if (--open === 0) native.letGo();
}

/** One name for each thing that keeps the process alive, as process.getActiveResourcesInfo gives them. */
function names() {
  return new Array(active).fill('OHSOCKET');
}

module.exports = { retain, release, hold, letGo };
