'use strict';
// `for await` over what arrives: the messages of a socket, the clients of a server.

const { errorOf } = require('./errors.js');
const { kOpen } = require('./symbols.js');

const MOST_BYTES = 64 * 1024, MOST = 64; // that wait for the loop's body; then the kernel holds the rest back

/** What has arrived and was not taken. While there is much of it the socket is paused. */
class Arrivals {
  #socket;
  #listeners;
  #items = [];
  #bytes = 0;
  #waiting = []; // what resolves the calls of next() that found nothing
  #failure;
  #over = false;
  #paused = false;

  constructor(socket, { arrival, isStream }) {
    this.#socket = socket;
    this.#listeners = { [arrival]: (item) => this.#arrived(item), close: () => this.#finish() };
    if (isStream) {
      this.#listeners.end = () => this.#finish();
      this.#listeners.error = (error) => { this.#failure = error; };
    }
    for (const [type, listener] of Object.entries(this.#listeners)) socket.on(type, listener);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      this.#bytes -= sizeOf(value);
      if (this.#paused && this.#items.length === 0) this.#resume();
      return Promise.resolve({ value, done: false });
    }
    if (!this.#over) return new Promise((resolve) => { this.#waiting.push(resolve); });
    const failure = this.#failure;
    this.#failure = undefined;
    return failure ? Promise.reject(failure) : Promise.resolve({ value: undefined, done: true });
  }

  /** The loop was left: the socket goes on, and what was not taken is dropped. */
  return(value) {
    this.#items = [];
    this.#failure = undefined;
    this.#finish();
    return Promise.resolve({ value, done: true });
  }

  #arrived(item) {
    const resolve = this.#waiting.shift();
    if (resolve) {
      resolve({ value: item, done: false });
      return;
    }
    this.#items.push(item);
    this.#bytes += sizeOf(item);
    // The program itself may have paused the socket, or resumed it.
    if (this.#socket.isPaused() || (this.#items.length < MOST && this.#bytes < MOST_BYTES)) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume() {
    this.#paused = false;
    this.#socket.resume();
  }

  #finish() {
    if (this.#over) return;
    this.#over = true;
    for (const [type, listener] of Object.entries(this.#listeners)) this.#socket.off(type, listener);
    if (this.#paused) this.#resume();
    for (const resolve of this.#waiting.splice(0)) resolve(this.next());
  }
}

function sizeOf(item) {
  return item.message?.byteLength ?? 0;
}

/** Makes the objects of a class iterable. isStream: an error of theirs is the end. */
function arrives(Class, arrival, isStream) {
  Object.defineProperty(Class.prototype, Symbol.asyncIterator, {
    value() {
      if (!this[kOpen]) throw errorOf(this.constructor.closedResult); // it would wait for ever
      return new Arrivals(this, { arrival, isStream });
    },
    writable: true,
    configurable: true,
  });
}

module.exports = { arrives };
