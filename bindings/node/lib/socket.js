'use strict';
// What all sockets have: their handle, the open period, events and getters.

const { AsyncResource } = require('node:async_hooks');
const { inspect } = require('node:util');
const native = require('./native.js');
const loop = require('./loop.js');
const { release, retain } = require('./alive.js');
const { AfterClose } = require('./afterclose.js');
const { Emitter } = require('./emitter.js');
const { compatRules } = require('./compat.js');
const { errorOf, parameterError } = require('./errors.js');
const { ErrorCode, Event, Family, Option } = require('./constants.js');
const { readExtraOptions } = require('./arguments.js');
const { answer, begin, take } = require('./requests.js');
const {
  kBound, kClose, kClosed, kClosing, kCompat, kDeferred, kDeliver, kDrop, kEmit, kEvent, kFinish, kHandle, kHeld, kHold,
  kInTurn, kJoined, kKeep, kLast, kLeave, kLeft, kListeners, kMustWait, kOpen, kOpened, kPaused, kQueue, kReferenced, kRefuse, kReplay,
  kReplaying, kResource, kSlot, kStep, kSubscribe, kView,
} = require('./symbols.js');

const OPTIONS = new Set(Object.values(Option));
const CLOSE_BIT = 1 << Event.CLOSE;

class Socket extends Emitter {
  /** handle: of an accepted connection; otherwise one of this kind is made. */
  constructor(kind, handle = native.construct(kind), compat = compatRules()) {
    if (handle < 0) throw errorOf(handle);
    super(compat);
    this[kHandle] = handle;
    this[kSlot] = loop.takeSlot();
    this[kResource] = new AsyncResource('OHSOCKET');
    this[kOpen] = false; // from the call that opens until the close event has been dispatched
    this[kBound] = false; // a connect that fails does not close it
    this[kClosing] = false; // closed by this side
    this[kPaused] = false;
    this[kHeld] = null; // what has arrived and has no listener now, in order
    this[kReplaying] = false;
    this[kJoined] = null; // closes of what the library has closed already
    this[kDeferred] = false;
    this[kReferenced] = true;
    this[kView] = undefined; // its stream
    this[kLeft] = false; // the last period ended by itself, and the program has not closed since
    this[kQueue] = null; // an AfterClose, from an operation on that opens and has to wait for a close
    this[kLast] = null; // its addresses, local and remote, for then; also after a connect that has failed
  }

  // ---- Operations

  /** Sends what is queued, then closes. The socket can be opened again afterwards. */
  close(callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) return this[kInTurn](callback, () => this.close(callback));
    return begin(this[kHandle], callback, (request) => this[kClose](request));
  }

  /** Closes at once; a TCP connection is reset. */
  abort() {
    if (this[kQueue] !== null) {
      this[kInTurn](ignored, () => this[kOpen] && this.abort()); // what waits is aborted too
      if (!this[kOpen]) return this;
    }
    if (!this[kOpen]) throw errorOf(this.constructor.closedResult);
    if (native.abort(this[kHandle]) >= 0) this[kDrop]();
    else this[kFinish]();
    this[kClosing] = true;
    return this;
  }

  /** Stops the message (server: connect) events; what arrives waits in the kernel. */
  pause() {
    this[kPaused] = true;
    native.pause(this[kHandle]);
    return this;
  }

  resume() {
    if (!this[kPaused]) return this;
    this[kPaused] = false;
    if (this[kHeld] === null) native.resume(this[kHandle]);
    else this[kReplay]();
    return this;
  }

  isPaused() {
    return this[kPaused];
  }

  /** The open socket keeps the process alive; it does so from the start. */
  ref() {
    if (!this[kReferenced] && this[kOpen]) retain();
    this[kReferenced] = true;
    return this;
  }

  unref() {
    if (this[kReferenced] && this[kOpen]) release();
    this[kReferenced] = false;
    return this;
  }

  hasRef() {
    return this[kReferenced];
  }

  // ---- Options and getters

  setExtraOptions(options, callback) {
    let members;
    try {
      members = readExtraOptions(options, this[kCompat]);
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) return this[kInTurn](callback, () => setMembers(this, members, callback));
    return setMembers(this, members, callback);
  }

  /** Sets an option of the library, one of Option, at any time. */
  setOption(option, value) {
    needOption(option);
    if (!Number.isSafeInteger(Number(value))) throw parameterError('value must be a boolean or an integer');
    const result = native.setOption(this[kHandle], option, Number(value));
    if (result < 0) throw errorOf(result, this[kHandle]);
    return this;
  }

  getOption(option) {
    needOption(option);
    const result = native.getOption(this[kHandle], option);
    if (result < 0) throw errorOf(result, this[kHandle]);
    return result;
  }

  getState(callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) return this[kInTurn](callback, () => this.getState(callback));
    return answer(this[kHandle], callback, 0, stateOf(this));
  }

  getLocalAddress(callback) {
    return getAddress(this, 0, callback);
  }

  /** The descriptor, to be looked at; -1 when there is none. */
  getSocketFd(callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    return answer(this[kHandle], callback, 0, Math.max(native.getFd(this[kHandle]), -1));
  }

  /** Bytes of sends that the kernel has not taken yet. */
  get sendQueueLength() {
    return Math.max(native.getSendQueueLength(this[kHandle]), 0);
  }

  [inspect.custom](depth, options) {
    const name = this.constructor.name;
    if (depth < 0) return `[${name}]`;
    const local = textOf(this, 0);
    const remote = textOf(this, 1);
    return `${name} ${inspect({ ...stateOf(this), ...local && { local }, ...remote && { remote } }, options)}`;
  }

  // ---- The open period

  /** Whether an operation that opens has to wait: for a close that is under way, or behind others that wait for it. */
  [kMustWait]() {
    return this[kQueue] !== null || (this[kOpen] && this[kClosing]);
  }

  /** Begins an operation when the close before it is over, and those before it have begun. */
  [kInTurn](callback, begins, opens) {
    this[kQueue] ??= new AfterClose();
    return this[kQueue].add(callback, begins, opens);
  }

  [kOpened]() {
    if (this[kOpen]) return;
    this[kOpen] = true;
    this[kLeft] = false;
    this[kLast] = null;
    loop.setSocket(this[kSlot], this);
    if (this[kReferenced]) retain();
  }

  [kClosed]() {
    if (!this[kOpen]) return;
    this[kLeft] = !this[kClosing];
    this[kOpen] = this[kBound] = this[kClosing] = false;
    this[kDrop]();
    loop.setSocket(this[kSlot], undefined);
    if (this[kReferenced]) release();
  }

  /** It is connected: its addresses are asked for later, when the library may have closed it. */
  [kKeep]() {
    this[kLast] = [addressOf(this, 0), addressOf(this, 1)];
  }

  /** Closes, for a request; returns the library's result. */
  [kClose](request) {
    if (!this[kOpen]) return this[kLeave](request);
    const result = native.close(this[kHandle], request);
    if (result >= 0) {
      this[kDrop]();
    } else {
      // The library has closed it, and the program will be told: this close joins that one.
      (this[kJoined] ??= []).push(request);
      this[kFinish]();
    }
    this[kClosing] = true;
    return 0;
  }

  /** A device keeps the descriptor until the program closes it: the first close after the peer's, or after a connect that failed, succeeds. */
  [kLeave](request) {
    if (!this[kLeft]) return this.constructor.closedResult;
    this[kLeft] = false;
    process.nextTick(() => take(request).settle(0));
    return 0;
  }

  /** What is held has no reader any more. */
  [kDrop]() {
    this[kHeld] = null;
  }

  /** The same when the close event is, or may be, among it. */
  [kFinish]() {
    const end = this[kHeld]?.filter(({ type }) => type === Event.ERROR || type === Event.CLOSE) ?? [];
    this[kDrop]();
    if (end.length === 0) return;
    this[kHeld] = end;
    this[kReplay]();
  }

  // ---- Events

  /** Tells the library which events are wanted. Those that come late find no listener. */
  [kSubscribe](changed) {
    if (this[kDeferred]) return;
    const listeners = this[kListeners];
    let mask = CLOSE_BIT | this.constructor.events;
    for (let number = 1; number < listeners.length; number++) {
      if (listeners[number] !== undefined) mask |= 1 << number;
    }
    // What is held comes first.
    if (this[kHeld] !== null) mask &= ~(1 << Event.MESSAGE | 1 << Event.CONNECT);
    native.subscribe(this[kHandle], mask, this[kSlot]);
    if (this[kHeld] !== null && (changed === Event.MESSAGE || changed === Event.CONNECT)) this[kReplay]();
  }

  /** A record of this socket. */
  [kEvent](type) {
    switch (type) {
      case Event.MESSAGE:
        if (this[kClosing]) return; // closed by a listener of this batch
        this[kDeliver](type, loop.takeMessage());
        break;
      case Event.ERROR:
        this[kDeliver](type, errorOf(loop.record.error, this[kHandle]));
        break;
      case Event.END:
      case Event.CLOSE:
        this[kDeliver](type);
        break;
      default:
        this[kStep](type);
    }
  }

  /** Hands an event to its listeners, or holds it when it has none or others are held before it. */
  [kDeliver](type, value) {
    if (this[kHeld] !== null) this[kHeld].push({ type, value });
    else if (!this[kHold](type)) this[kStep](type, value);
    else {
      this[kHeld] = [{ type, value }];
      this[kSubscribe]();
    }
  }

  /** Whether an event has to wait for a listener or resume(). */
  [kHold](type) {
    return type === Event.MESSAGE && (this[kPaused] || this[kListeners][type] === undefined);
  }

  [kStep](type, value) {
    if (type !== Event.CLOSE) {
      this[kResource].runInAsyncScope(this[kEmit], this, type, value);
      return;
    }
    const joined = this[kJoined];
    this[kJoined] = null;
    this[kClosed]();
    try {
      this[kResource].runInAsyncScope(this[kEmit], this, type);
    } finally {
      joined?.forEach((request) => take(request).settle(0));
      if (this[kQueue] !== null) setImmediate(goOn, this); // the answer of that close comes first
    }
  }

  /** Hands over what is held, each in a turn of its own as if it had just arrived. */
  [kReplay]() {
    if (this[kReplaying]) return;
    this[kReplaying] = true;
    setImmediate(() => {
      this[kReplaying] = false;
      const held = this[kHeld];
      if (held === null || held.length === 0 || this[kHold](held[0].type)) return;
      const { type, value } = held.shift();
      if (held.length > 0) {
        this[kReplay]();
      } else {
        this[kHeld] = null;
        if (type !== Event.CLOSE) this[kSubscribe]();
        if (!this[kPaused]) native.resume(this[kHandle]);
      }
      this[kStep](type, value);
    });
  }

  /** Refuses a call whose arguments are wrong: by its callback or promise. */
  [kRefuse](error, callback) {
    if (typeof callback !== 'function') return Promise.reject(error);
    process.nextTick(callback, error);
    return undefined;
  }
}

/** The result of closing what is not open. */
Socket.closedResult = -ErrorCode.OTHER;

/** Events that a kind of socket always wants, besides close. */
Socket.events = 0;

if (Symbol.asyncDispose) {
  /** `await using`: closes, if it is open. */
  Socket.prototype[Symbol.asyncDispose] = async function () {
    if (this[kQueue] !== null) await this[kInTurn](undefined, ignored);
    if (this[kOpen]) await this.close();
  };
}

/** The close is over: what waits for it begins. */
function goOn(socket) {
  const queue = socket[kQueue];
  socket[kQueue] = null; // for what begins it is as if it were called now
  if (queue.run(() => socket[kMustWait]())) socket[kQueue] = queue;
}

function ignored() {}

/** Those of OpenHarmony's later classes throw what is wrong with the first argument. */
function throwing(Class) {
  Class.prototype[kRefuse] = function (error, callback) {
    if (callback === undefined && error.fromCallback) return Promise.reject(error);
    if (this[kCompat].original && error.code === ErrorCode.PARAMETER) error.code = String(error.code);
    throw error;
  };
}

/** An error when there is a callback and it is no function. */
function badCallback(callback) {
  if (callback === undefined || typeof callback === 'function') return undefined;
  const error = parameterError('the callback must be a function');
  Object.defineProperty(error, 'fromCallback', { value: true });
  return error;
}

function needOption(option) {
  if (!OPTIONS.has(option)) throw parameterError('option must be one of Option');
}

/** The library takes the handle of a server's connection back when that has closed. */
function stateOf(socket) {
  const result = native.getState(socket[kHandle]);
  const bits = result < 0 ? 4 : result;
  return { isBound: (bits & 1) !== 0, isConnected: (bits & 2) !== 0, isClose: (bits & 4) !== 0 };
}

/** Whether the period has ended and the program has not closed: on a device the descriptor is still there. */
function hasEnded(socket) {
  return socket[kLeft] || (socket[kOpen] && !socket[kClosing]);
}

function setMembers(socket, members, callback) {
  const result = native.setExtraOptions(socket[kHandle], members);
  return answer(socket[kHandle], callback, isClosedResult(result) && hasEnded(socket) ? 0 : result);
}

const closedResults = new Set([ErrorCode.BADF, ErrorCode.SERVER_BADF, ErrorCode.TLS_NOT_BOUND].map((code) => -code));

function isClosedResult(result) {
  return closedResults.has(result);
}

/** Whether a getter of an address has met what is not open, or not connected. */
function hasNone(result) {
  return isClosedResult(result) || result === -ErrorCode.NOTCONN || result === -ErrorCode.SERVER_NOTCONN;
}

/** The address of either end, if there is one, and the same in one text. */
function addressOf(socket, remote) {
  const address = native.getAddress(socket[kHandle], remote);
  return typeof address === 'number' ? undefined : loop.takeAddress(address);
}

function textOf(socket, remote) {
  const { address, port, family } = addressOf(socket, remote) ?? {};
  return family === Family.IPV6 ? `[${address}]:${port}` : address && `${address}:${port}`;
}

/** A NetAddress of either end. */
function getAddress(socket, remote, callback) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  if (socket[kQueue] !== null) return socket[kInTurn](callback, () => getAddress(socket, remote, callback));
  const address = native.getAddress(socket[kHandle], remote);
  if (typeof address !== 'number') return answer(socket[kHandle], callback, 0, loop.takeAddress(address));
  const last = hasNone(address) && hasEnded(socket) ? socket[kLast] : null;
  if (last === null) return answer(socket[kHandle], callback, address);
  // The connect may have found no address to try.
  return last[remote] ? answer(socket[kHandle], callback, 0, { ...last[remote] }) : answer(socket[kHandle], callback, -ErrorCode.NOTCONN);
}

module.exports = { Socket, addressOf, badCallback, getAddress, stateOf, throwing };
