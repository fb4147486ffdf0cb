'use strict';
// Operations behind a close that is under way: on a device close() ends the period in its call, so that programs open
// again in the next line. Here what opens waits for the close, and what is called after it waits behind it.

const { AsyncResource } = require('node:async_hooks');
const { release, retain } = require('./alive.js');

class AfterClose {
  #operations = [];

  constructor() {
    retain();
  }

  /** begins is what the method would have done. opens: it waits for every close before it, and not for this one only. */
  add(callback, begins, opens = false) {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        this.#operations.push({ opens, begins: () => {
          try {
            resolve(begins());
          } catch (error) { // those of OpenHarmony's later classes throw
            reject(error);
          }
        } });
      });
    }
    const inContext = AsyncResource.bind(() => {
      try {
        begins();
      } catch (error) {
        process.nextTick(callback, error);
      }
    }, 'OHSOCKETREQUEST');
    this.#operations.push({ opens, begins: inContext });
    return undefined;
  }

  /** Begins what waits, up to one that opens while mustWait(). Returns whether there are others. */
  run(mustWait) {
    const operations = this.#operations;
    while (operations.length > 0) {
      if (operations[0].opens && mustWait()) return true;
      operations.shift().begins();
    }
    release();
    return false;
  }
}

module.exports = { AfterClose };
