'use strict';
// bind of a UDP socket and listen of a server are done when they return, but their answer comes after the
// listening event, as OpenHarmony has it.

const { ErrorCode } = require('./constants.js');
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

const BUSY = [-ErrorCode.ADDRINUSE, -ErrorCode.SERVER_ADDRINUSE];

/** Opens at a port; with the rule of compatibility mode at another one when that is in use. open returns the library's result. */
function openAtPort({ address, port }, compat, open) {
  const result = open(port);
  if (!compat.otherPort || !BUSY.includes(result)) return result;
  const another = open(0);
  // The library does so itself when it is told of the whole mode; the loader's choice must not be silent.
  if (another >= 0) process.emitWarning(`${address}:${port} is in use: another port was taken`, { type: 'OHSocketWarning' });
  return another;
}

module.exports = { Opening, openAtPort };
