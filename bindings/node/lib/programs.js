'use strict';
// With the loader (register/programs.mjs) an error of an operation at which nobody looks does not end the program, because
// it does not on a device. The loader has to know which errors are those, and where the operation was called.

const failures = globalThis[Symbol.for('ohsocket.programs')];
const FRAMES = 10; // the program's among the package's own

/** The stack is made a text only when somebody wants it. Undefined without the loader. */
function placeOfCall() {
  if (failures === undefined) return undefined;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const place = new Error();
  Error.stackTraceLimit = limit;
  return place;
}

/** An error of an operation. place: of its call, if that is over. */
function failure(error, place) {
  failures?.set(error, place);
  return error;
}

module.exports = { failure, placeOfCall, forPrograms: failures !== undefined };
