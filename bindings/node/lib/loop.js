'use strict';
// The loop of this thread: takes records from the addon to the socket they belong to.

const native = require('./native.js');
const { Event } = require('./constants.js');
const { kEvent, kHandle } = require('./symbols.js');
const requests = require('./requests.js');

// The layout of struct shared in src/addon.h.
const memory = native.setup({}, dispatch, complete);
const ints = new Int32Array(memory);
const doubles = new Float64Array(memory, 0, 6);
const SLOT = 1, ERROR = 2, SIZE = 3, PORT = 4, FAMILY = 5, ADDRESS = 6, COUNT = 7, COMPLETIONS = 12;
const SOCKET = 4, CONNECTION = 5;

// The sockets that are open, by slot: an open socket is not garbage, as with node:net. A slot belongs to one
// socket object until that is gone.
const sockets = [];
const freeSlots = [];
const addresses = [];
let active = 0;

/** One record. address: the text of an address that the addon has not handed over before. */
function dispatch(address) {
  const type = ints[0];
  const slot = ints[SLOT];
  if (address !== undefined) addresses[ints[ADDRESS]] = address;
  if (type === Event.COMPLETION) {
    requests.take(slot).settle(ints[ERROR]);
    return;
  }
  const socket = sockets[slot];
  // What was fetched for a socket that has been released since is dropped.
  if (socket !== undefined && socket[kHandle] === doubles[SOCKET]) socket[kEvent](type);
}

/** A run of completions whose results are promises: no code of the program runs in here. */
function complete() {
  const end = COMPLETIONS + 2 * ints[COUNT];
  for (let i = COMPLETIONS; i < end; i += 2) requests.take(ints[i]).settle(ints[i + 1]);
}

/** The record that is being dispatched, to be read before any other code runs. */
const record = {
  get error() { return ints[ERROR]; },
  get size() { return ints[SIZE]; },
  get port() { return ints[PORT]; },
  get family() { return ints[FAMILY]; },
  get address() { return addresses[ints[ADDRESS]]; },
  get connection() { return doubles[CONNECTION]; },
};

function takeSlot() {
  return freeSlots.length > 0 ? freeSlots.pop() : sockets.push(undefined) - 1;
}

function giveSlot(slot) {
  sockets[slot] = undefined;
  freeSlots.push(slot);
}

/** The socket in a slot is open from now on; undefined: it no longer is. */
function setSocket(slot, socket) {
  sockets[slot] = socket;
}

/** Open sockets that are referenced keep the process alive. */
function retain() {
  if (active++ === 0) native.ref();
}

function release() {
  if (--active === 0) native.unref();
}

// A socket object that is garbage is not open; its handle goes with it.
const garbage = new FinalizationRegistry(({ handle, slot }) => {
  native.release(handle);
  giveSlot(slot);
});

module.exports = { record, takeSlot, giveSlot, setSocket, retain, release, garbage };
