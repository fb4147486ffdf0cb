// What the loader switches on for programs that were written for a device, see "OpenHarmony programs unchanged" in
// the README: rules of compat mode, unless OHSOCKET_COMPAT=0, and warnings instead of the end of the program when nobody
// looks at the error of an operation. A mark is enough: the package, of which there may be several evaluations, is loaded
// when the program imports it, and notes the errors of its operations in here.

import { fileURLToPath } from 'node:url';

const OWN = fileURLToPath(new URL('..', import.meta.url));

/** Errors of operations, with the place of the call (an Error), if it is not in their own stack. */
const failures = new WeakMap();
globalThis[Symbol.for('ohsocket.programs')] = failures;

// A listener of unhandledRejection would be asked for every promise of the program, and would change what Node does with
// those of others. Node emits the event first and ends the program when nobody has listened: so it is answered here.
const emit = process.emit;
process.emit = function emitWarned(type, ...rest) {
  const handled = Reflect.apply(emit, this, [type, ...rest]);
  if (handled || type !== 'unhandledRejection' || !isFailure(rest[0])) return handled;
  warn(rest[0]);
  return true;
};

function isFailure(reason) {
  return typeof reason === 'object' && reason !== null && failures.has(reason);
}

const warned = new Set();

function warn(error) {
  const place = placeOf(error);
  const key = place || error.message;
  if (warned.has(key)) return;
  warned.add(key);
  process.emitWarning(`Nobody looks at the error ${error.code} of an operation ${place}: ${error.message}`, { type: 'OHSocketWarning' });
}

/** The first line of the stack that is the program's. */
function placeOf(error) {
  const { stack } = failures.get(error) ?? error;
  const frames = String(stack).split('\n').map((line) => line.trim()).filter((line) => line.startsWith('at '));
  return frames.find((frame) => !frame.includes(OWN) && !frame.includes('node:') && !frame.includes('<anonymous>)')) ?? '';
}
