'use strict';
// bind of a UDP socket and listen of a server are done when they return, but their answer comes after the
// listening event, as OpenHarmony has it.

const { begin, take } = require('./requests.js');

class Opening {
  #requests = [];

  /** open returns the library's result. */
  begin(handle, callback, open, finish) {
    return begin(handle, callback, (request) => {
      const result = open();
      if (result >= 0) this.#requests.push(request);
      return result;
    }, finish);
  }

  /** The listening event has been dispatched, or the close event of a socket that was closed at once. */
  settle() {
    const requests = this.#requests;
    this.#requests = [];
    for (const request of requests) take(request).settle(0);
  }
}

module.exports = { Opening };
