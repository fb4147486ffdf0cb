'use strict';
// The listeners of a socket. They are kept by the number of the event.

const { Event } = require('./constants.js');
const { parameterError } = require('./errors.js');
const { kCompat, kListeners, kEmit, kSubscribe } = require('./symbols.js');

// Every kind of socket takes the names of all; those that it does not have never occur.
const numbers = new Map([
  ['connect', Event.CONNECT], ['message', Event.MESSAGE], ['end', Event.END], ['drain', Event.DRAIN],
  ['error', Event.ERROR], ['close', Event.CLOSE], ['listening', Event.LISTENING],
]);

/** The number of an event. OpenHarmony ignores names that it does not know. */
function numberOf(type, compat) {
  const number = numbers.get(type);
  if (number === undefined && (!compat.lenient || typeof type !== 'string')) throw parameterError(`there is no event ${String(type)}`);
  return number;
}

function needListener(listener) {
  if (typeof listener !== 'function') throw parameterError('the listener must be a function');
}

function find(list, listener) {
  return list === undefined ? -1 : list.findIndex((l) => l === listener || l.listener === listener);
}

class Emitter {
  constructor(compat) {
    this[kCompat] = compat;
    this[kListeners] = new Array(Event.LISTENING + 1).fill(undefined);
  }

  /** Adds a listener, last; one that is there already is not added again. */
  on(type, listener) {
    const number = numberOf(type, this[kCompat]);
    needListener(listener);
    if (number === undefined) return this;
    const list = this[kListeners][number];
    if (this[kCompat].replaces || list === undefined) this[kListeners][number] = [listener];
    else if (find(list, listener.listener ?? listener) < 0) this[kListeners][number] = [...list, listener];
    this[kSubscribe](number);
    return this;
  }

  /** As on, for one event. */
  once(type, listener) {
    needListener(listener);
    const once = (...args) => {
      this.off(type, listener);
      return Reflect.apply(listener, this, args);
    };
    once.listener = listener;
    return this.on(type, once);
  }

  /** Removes a listener, or all of the event. */
  off(type, listener) {
    const number = numberOf(type, this[kCompat]);
    if (listener !== undefined) needListener(listener);
    const list = this[kListeners][number];
    if (list === undefined) return this;
    const index = find(list, listener);
    if (listener !== undefined && index < 0) return this;
    const rest = listener === undefined ? [] : list.filter((_, i) => i !== index);
    this[kListeners][number] = rest.length > 0 ? rest : undefined;
    this[kSubscribe](number);
    return this;
  }

  listenerCount(type) {
    return this[kListeners][numberOf(type, this[kCompat])]?.length ?? 0;
  }

  /**
   * Calls the listeners. Lists are replaced, never changed: this one stays whole while they change it. One that throws
   * does not keep the others from running: its exception leaves when they have.
   */
  [kEmit](number, value) {
    const list = this[kListeners][number];
    if (list === undefined) return;
    let thrown; // [exception]: it may be undefined
    for (let i = 0; i < list.length; i++) {
      const now = this[kListeners][number];
      if (now !== list && (now === undefined || !now.includes(list[i]))) continue;
      try {
        if (value === undefined) list[i].call(this);
        else list[i].call(this, value);
      } catch (error) {
        if (thrown === undefined) thrown = [error];
        else process.nextTick(rethrow, error);
      }
    }
    if (thrown !== undefined) throw thrown[0];
  }
}

function rethrow(error) {
  throw error;
}

Emitter.prototype.addListener = Emitter.prototype.on;
Emitter.prototype.removeListener = Emitter.prototype.off;

module.exports = { Emitter };
