'use strict';
// What keeps the process alive: open sockets that are referenced, and operations under way.

const native = require('./native.js');

let active = 0;

function retain() {
  if (active++ === 0) native.ref();
}

function release() {
  if (--active === 0) native.unref();
}

module.exports = { retain, release };
