'use strict';
// process.getActiveResourcesInfo() shows Node's own resources only, and a program that asks it why it does not end
// would not find its sockets. So its answer is extended, once in a process however often the package is evaluated.

const KEY = Symbol.for('ohsocket.activeResources');

/** Functions that name what keeps the process alive: of the evaluations of the package in which something does. */
function sources() {
  if (process[KEY] !== undefined) return process[KEY];
  const all = new Set();
  Object.defineProperty(process, KEY, { value: all });
  const own = process.getActiveResourcesInfo;
  process.getActiveResourcesInfo = function getActiveResourcesInfo() {
    return [...own.call(process), ...[...all].flatMap((names) => names())];
  };
  return all;
}

function listed(names) {
  sources().add(names);
}

function unlisted(names) {
  sources().delete(names);
}

module.exports = { listed, unlisted };
