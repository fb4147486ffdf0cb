'use strict';
// Operations that are under way. The library knows a request by its number and gives that back in the
// record of its completion. Numbers of requests with a callback are odd: the addon hands their completions
// over one by one, and those of promises together.

const { AsyncResource } = require('node:async_hooks');
const { errorOf } = require('./errors.js');
const { release, retain } = require('./alive.js');
const { failure, placeOfCall } = require('./programs.js');

const entries = [undefined]; // 0 is no request
const free = [];

/** Operations are waited for even on a socket that is unref'd, as Node waits for its own. */
function put(entry, odd) {
  retain();
  const index = free.length > 0 ? free.pop() : entries.length;
  entries[index] = entry;
  return 2 * index + odd;
}

/** Another entry for a request that is under way; returns the one it had. */
function swap(number, entry) {
  const before = entries[number >>> 1];
  entries[number >>> 1] = entry;
  return before;
}

/** Takes the entry out. */
function take(number) {
  const index = number >>> 1;
  const entry = entries[index];
  entries[index] = undefined;
  free.push(index);
  release();
  return entry;
}

let resolveKept, rejectKept;

function keep(resolve, reject) {
  resolveKept = resolve;
  rejectKept = reject;
}

/** A promise and what settles it. finish, if given, is told the result first and may return an error of its own. */
class PromiseEntry {
  constructor(handle, finish) {
    this.handle = handle;
    this.finish = finish;
    this.place = placeOfCall();
    this.promise = new Promise(keep); // one function for all: no closure for each
    this.resolve = resolveKept;
    this.reject = rejectKept;
    resolveKept = rejectKept = undefined; // or the last promise, its error and the socket in that one's stack would stay
  }

  settle(result) {
    const error = this.finish?.(result);
    if (result < 0) this.reject(failure(error ?? errorOf(result, this.handle), this.place));
    else this.resolve();
  }
}

/** Calls a callback, in the async context in which the operation was begun. */
class CallbackEntry extends AsyncResource {
  constructor(handle, callback, finish) {
    super('OHSOCKETREQUEST', { requireManualDestroy: true });
    this.handle = handle;
    this.callback = callback;
    this.finish = finish;
    this.place = placeOfCall();
  }

  settle(result) {
    const error = this.finish?.(result);
    this.emitDestroy();
    if (result < 0) this.runInAsyncScope(this.callback, undefined, failure(error ?? errorOf(result, this.handle), this.place));
    else this.runInAsyncScope(this.callback);
  }
}

/**
 * Begins an operation that completes. start is given the number of the request and returns the library's
 * result. callback: undefined makes a promise.
 */
function begin(handle, callback, start, finish) {
  if (callback === undefined) {
    const entry = new PromiseEntry(handle, finish);
    const number = put(entry, 0);
    const result = started(start, number);
    if (result < 0) take(number).settle(result);
    return entry.promise;
  }
  const number = put(new CallbackEntry(handle, callback, finish), 1);
  const result = started(start, number);
  if (result < 0) process.nextTick(refused, take(number), result);
  return undefined;
}

/** A getter of the caller's may throw: then nothing was begun, and no completion comes. */
function started(start, number) {
  try {
    return start(number);
  } catch (error) {
    take(number).emitDestroy?.();
    throw error;
  }
}

/** No callback is called before the method has returned. */
function refused(entry, result) {
  entry.settle(result);
}

/** Answers with a result that is there already. explain may make an error of it. */
function answer(handle, callback, result, value, explain) {
  const error = result < 0 ? explain?.(result) ?? errorOf(result, handle) : undefined;
  if (callback === undefined) return error ? Promise.reject(error) : Promise.resolve(value);
  if (error) process.nextTick(callback, error);
  else process.nextTick(callback, undefined, value);
  return undefined;
}

module.exports = { put, swap, take, begin, answer, PromiseEntry };
