'use strict';
// The promises of operations. With the loader one that nobody looks at does not end the program when it is rejected,
// because it does not on a device: it is a warning, once for each place. Other promises are as always.

const path = require('node:path');

const FRAMES = 10; // the program's among the package's own
const OWN = __dirname + path.sep;
const warned = new Set();

let guarding = false;
let inherited; // the place of the promise from which one is being derived

/** It knows whether somebody has looked. Those that then() derives from it are of this kind too. */
class OperationPromise extends Promise {
  #place = inherited ?? placeOfCall();
  #looked = false;

  constructor(executor) {
    super(executor);
    guarding = true;
    super.then(undefined, (reason) => {
      // What runs in this turn may look yet.
      if (!this.#looked) setImmediate(() => this.#looked || unhandled(reason, this.#place));
    });
    guarding = false;
  }

  then(onFulfilled, onRejected) {
    this.#looked = true;
    inherited = this.#place;
    try {
      return super.then(onFulfilled, onRejected);
    } finally {
      inherited = undefined;
    }
  }

  static get [Symbol.species]() {
    return guarding ? Promise : OperationPromise;
  }
}

/** The stack is made a text only when somebody wants it. */
function placeOfCall() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const place = new Error();
  Error.stackTraceLimit = limit;
  return place;
}

function unhandled(reason, { stack }) {
  const { BusinessError } = require('./errors.js');
  // An exception of the program's own, and a program that wants to know, have what Node has for them.
  if (!(reason instanceof BusinessError) || process.listenerCount('unhandledRejection') > 0) {
    Promise.reject(reason);
    return;
  }
  const frames = stack.split('\n').slice(1).map((line) => line.trim());
  const place = frames.find((frame) => !frame.includes(OWN) && !frame.includes('node:') && !frame.includes('<anonymous>)')) ?? '';
  if (warned.has(place)) return;
  warned.add(place);
  process.emitWarning(`Nobody looks at the error ${reason.code} of an operation ${place}: ${reason.message}`, { type: 'OHSocketWarning' });
}

const forPrograms = globalThis[Symbol.for('ohsocket.programs')] === true;

module.exports = { Promise: forPrograms ? OperationPromise : Promise, forPrograms };
