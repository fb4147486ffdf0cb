'use strict';
// What the send queues of all sockets of the process may hold together.

const native = require('./native.js');
const { errorOf, parameterError } = require('./errors.js');

/** Bounds it, in bytes; 0 does not. */
function setTotalQueueLimit(bytes) {
  if (!Number.isSafeInteger(bytes)) throw parameterError('the limit must be an integer');
  const result = native.setTotalQueueLimit(bytes);
  if (result < 0) throw errorOf(result);
}

module.exports = { setTotalQueueLimit };
