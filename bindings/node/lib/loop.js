'use strict';
// The loop of this thread: takes records from the addon to the socket they belong to.

const native = require('./native.js');
const { hold, letGo } = require('./alive.js');
const { Event } = require('./constants.js');
const { kEvent, kHandle } = require('./symbols.js');
const requests = require('./requests.js');

// The layout of struct shared in src/addon.h: records, each of 12 numbers (as doubles: 6), and a tail.
const memory = native.setup(deliver);
const ints = new Int32Array(memory);
const doubles = new Float64Array(memory);
const INTS = 12, DOUBLES = 6;
const TYPE = 0, SLOT = 1, ERROR = 2, SIZE = 3, PORT = 4, FAMILY = 5, ADDRESS = 6;
const SOCKET = 4, CONNECTION = 5;
const TAIL = ints.length - 4;
const COUNT = TAIL, NEXT = TAIL + 1, ASKED_PORT = TAIL + 2, ASKED_FAMILY = TAIL + 3;

// The sockets that are open, by slot: an open socket is not garbage, as with node:net. A slot belongs to one
// socket object until that is gone.
const sockets = [];
const freeSlots = [];
const addresses = [];

/** The number of the record that is being dispatched. */
let current = 0;

// Runs what has been put off with process.nextTick and by promises, as Node does between its timers. It is not
// documented (DEP0134, a warning with --pending-deprecation), but a callback scope for each record, which the
// addon makes if there is no such function, costs three times as much.
const endTurn = process._tickCallback;

/**
 * Hands over the records of a batch inside a callback scope. An exception of a listener leaves it; the addon
 * reports that, ends the scope and calls again for the rest.
 */
function deliver() {
  while (ints[NEXT] < ints[COUNT]) {
    if (isPromise(ints[NEXT])) settle();
    else dispatch(ints[NEXT]++);
    if (endTurn === undefined) return;
    endTurn();
  }
}

/** Requests with a callback have odd numbers and are handed over like events. */
function isPromise(number) {
  const at = number * INTS;
  return ints[at + TYPE] === Event.COMPLETION && (ints[at + SLOT] & 1) === 0;
}

/** Promises are settled a run at a time: their reactions are put off anyway, so no code of the program runs in here. */
function settle() {
  do {
    const at = ints[NEXT]++ * INTS;
    requests.take(ints[at + SLOT]).settle(ints[at + ERROR]);
  } while (ints[NEXT] < ints[COUNT] && isPromise(ints[NEXT]));
}

function dispatch(number) {
  const at = number * INTS;
  const index = ints[at + ADDRESS];
  if (index < 0) addresses[-1 - index] = native.address(number);
  const type = ints[at + TYPE];
  const slot = ints[at + SLOT];
  if (type === Event.COMPLETION) {
    requests.take(slot).settle(ints[at + ERROR]);
    return;
  }
  const socket = sockets[slot];
  // What was fetched for a socket that has been released since is dropped.
  if (socket === undefined || socket[kHandle] !== doubles[number * DOUBLES + SOCKET]) return;
  current = number;
  socket[kEvent](type);
}

/** The record that is being dispatched, to be read before any other code runs. */
const record = {
  get error() { return ints[current * INTS + ERROR]; },
  get connection() { return doubles[current * DOUBLES + CONNECTION]; },
};

// As OpenHarmony writes it.
const FAMILIES = [undefined, 'IPv4', 'IPv6'];

/** The message that is being dispatched, as its listeners get it. */
function takeMessage() {
  const at = current * INTS;
  const index = ints[at + ADDRESS];
  return {
    message: native.payload(current),
    remoteInfo: {
      address: addresses[index < 0 ? -1 - index : index],
      family: FAMILIES[ints[at + FAMILY]],
      port: ints[at + PORT],
      size: ints[at + SIZE],
    },
  };
}

/** An address that native.getAddress has just returned. */
function takeAddress(address) {
  return { address, port: ints[ASKED_PORT], family: ints[ASKED_FAMILY] };
}

function takeSlot() {
  return freeSlots.length > 0 ? freeSlots.pop() : sockets.push(undefined) - 1;
}

function giveSlot(slot) {
  setSocket(slot, undefined);
  freeSlots.push(slot);
}

/** The socket in a slot is open from now on; undefined: it no longer is. */
function setSocket(slot, socket) {
  if (sockets[slot] === undefined && socket !== undefined) hold();
  else if (sockets[slot] !== undefined && socket === undefined) letGo();
  sockets[slot] = socket;
}

// A socket object that is garbage is not open; its handle goes with it.
const garbage = new FinalizationRegistry(({ handle, slot }) => {
  native.release(handle);
  giveSlot(slot);
});

module.exports = {
  record, takeMessage, takeAddress, takeSlot, giveSlot, setSocket, garbage,
};
