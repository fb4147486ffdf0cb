'use strict';

const dns = require('node:dns');
const net = require('node:net');
const native = require('./native.js');
const loop = require('./loop.js');
const { Socket, badCallback } = require('./socket.js');
const { arrives } = require('./arrivals.js');
const { ErrorCode, Event, Kind, Option } = require('./constants.js');
const { parameterError, refusal } = require('./errors.js');
const { encode } = require('./encoding.js');
const { copyOf, isData, needObject, notData, readAddress, refuseUnsupported } = require('./arguments.js');
const { answer, begin, put, take, PromiseEntry } = require('./requests.js');
const {
  kBound, kClose, kClosing, kCompat, kDrop, kEmit, kHandle, kInTurn, kMustWait, kOpen, kOpened, kQueue, kRefuse, kSlot, kStep, kSubscribe,
} = require('./symbols.js');
const { Opening, openAtPort } = require('./opening.js');

const opening = Symbol('ohsocket.opening');
const waiting = Symbol('ohsocket.waiting');
const leaving = Symbol('ohsocket.leaving');
const leaveBinding = Symbol('ohsocket.leaveBinding');
const kBind = Symbol('ohsocket.bind');
const kSend = Symbol('ohsocket.sendTo');
const kThrow = Symbol('ohsocket.throw');

class UDPSocket extends Socket {
  constructor() {
    super(new.target.kind);
    this[opening] = new Opening();
    this[leaving] = false; // a binding, for another one
    this[waiting] = null; // sends and closes from the first send on whose name is being looked up, in order
    loop.garbage.register(this, { handle: this[kHandle], slot: this[kSlot] });
    this[kSubscribe]();
  }

  bind(address, callback) {
    let local;
    try {
      local = readAddress(address, this[kCompat]);
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kCompat].rebinds) this[leaveBinding]();
    if (this[kMustWait]()) return this[kInTurn](callback, () => this[kBind](local, callback), true);
    return this[kBind](local, callback);
  }

  [kBind](local, callback) {
    return this[opening].begin(this[kHandle], callback, () => {
      const result = openAtPort(local, this[kCompat], (port) => native.bind(this[kHandle], local.address, port, local.family));
      if (result >= 0) {
        this[kBound] = true;
        this[kOpened]();
      }
      return result;
    });
  }

  /** Becomes a member of a multicast group. A MulticastSocket that is not open is opened at the group's port. */
  addMembership(group, callback) {
    return withGroup(this, group, callback, (to) => {
      const change = () => changeGroup(this, to, false);
      if (this[kOpen] || !(this instanceof MulticastSocket)) return answer(this[kHandle], callback, change());
      return this[opening].begin(this[kHandle], callback, () => {
        const result = change();
        if (result >= 0) {
          this[kBound] = true;
          this[kOpened]();
        }
        return result;
      });
    });
  }

  /** Ends a membership; the socket stays open, except in compatibility mode. */
  dropMembership(group, callback) {
    return withGroup(this, group, callback, (to) => {
      const result = changeGroup(this, to, true);
      if (result >= 0 && this[kCompat].original) return this.close(callback);
      return answer(this[kHandle], callback, result);
    });
  }

  /** 0 (this machine) to 255 networks that what is sent to a group may cross; -1 is the default, 1. */
  setMulticastTTL(ttl, callback) {
    if (!Number.isInteger(ttl)) return this[kThrow](parameterError('ttl must be an integer'));
    return setGroupOption(this, callback, ttl < -1 || ttl > 255 ? -ErrorCode.INVAL : 0, Option.MULTICAST_TTL, ttl === -1 ? 1 : ttl);
  }

  getMulticastTTL(callback) {
    return getGroupOption(this, callback, Option.MULTICAST_TTL, (value) => value);
  }

  /** Whether members on this machine receive what this socket sends to a group. */
  setLoopbackMode(flag, callback) {
    if (typeof flag !== 'boolean') return this[kThrow](parameterError('flag must be a boolean'));
    return setGroupOption(this, callback, 0, Option.MULTICAST_LOOPBACK, Number(flag));
  }

  getLoopbackMode(callback) {
    return getGroupOption(this, callback, Option.MULTICAST_LOOPBACK, (value) => value === 1);
  }

  /** The interface, by name or index, by which datagrams for groups leave; '' is that of the route. Also before the socket is open. */
  setMulticastInterface(name) {
    const index = typeof name === 'string' && name !== '' ? native.interfaceIndex(name) : name || 0;
    if (!Number.isInteger(index)) throw parameterError('the interface must be a string or an integer');
    if (index === 0 && name) throw refusal(ErrorCode.NODEV, `No such device: there is no interface ${name}`);
    return this.setOption(Option.MULTICAST_INTERFACE, index);
  }

  /** Before the socket is open: whether others may have its port. */
  setReuseAddress(reuse) {
    if (typeof reuse !== 'boolean') throw parameterError('reuse must be a boolean');
    this.setOption(Option.REUSE_ADDRESS, reuse);
    if (this[kOpen]) this.setExtraOptions({ reuseAddress: reuse }).catch(() => {});
  }

  /** What is wrong with the first argument of these methods is thrown, as OpenHarmony has it. */
  [kThrow](error) {
    if (this[kCompat].original) error.code = String(error.code);
    throw error;
  }

  /** Sends one datagram. An address that is a name is looked up first. */
  send(options, callback) {
    let data;
    let to;
    try {
      ({ data } = needObject(options, 'options'));
      if (options.proxy !== undefined) refuseUnsupported(options);
      if (options.encoding !== undefined && typeof data === 'string') data = encode(data, options.encoding, this[kCompat]);
      to = readAddress(options.address, this[kCompat]);
      if (!isData(data)) throw notData();
      if (to.port === 0 && (this[kOpen] || this[kQueue] !== null)) throw refusal(ErrorCode.INVAL, 'Invalid argument: address.port must be 1 to 65535');
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) {
      const copy = copyOf(data);
      return this[kInTurn](callback, () => this[kSend](copy, to, callback));
    }
    return this[kSend](data, to, callback);
  }

  [kSend](data, to, callback) {
    const handle = this[kHandle];
    if (callback !== undefined) return begin(handle, callback, (request) => sendTo(this, data, to, request));
    const entry = new PromiseEntry(handle);
    const request = put(entry, 0);
    const result = sendTo(this, data, to, request);
    if (result < 0) take(request).settle(result);
    return entry.promise;
  }

  /** The original makes a new descriptor when it is bound again, and nobody is told. */
  [leaveBinding]() {
    if (this[kQueue] !== null) {
      this[kInTurn](() => {}, () => this[leaveBinding]());
    } else if (this[kBound] && !this[kClosing]) {
      this[kClose](put({ settle() {} }, 0));
      this[leaving] = true;
    }
  }

  [kClose](request) {
    if (this[waiting] === null || !this[kOpen]) return super[kClose](request);
    this[kClosing] = true; // no more messages
    this[kDrop]();
    this[waiting].push({ request, ready: true, result: 0, start: () => super[kClose](request) });
    return 0;
  }

  [kStep](type, value) {
    if (type === Event.CLOSE && this[waiting] !== null) cancel(this);
    try {
      super[kStep](type, value);
    } finally {
      if (type === Event.LISTENING || type === Event.CLOSE) this[opening].settle();
    }
  }

  [kEmit](type, value) {
    const isSilent = type === Event.CLOSE && this[leaving];
    if (type === Event.CLOSE) this[leaving] = false;
    if (!isSilent) super[kEmit](type, value);
  }
}

UDPSocket.kind = Kind.UDP;

// The answer of bind comes after the listening event.
UDPSocket.events = 1 << Event.LISTENING;

class MulticastSocket extends UDPSocket {}

MulticastSocket.kind = Kind.MULTICAST;

/** Reads a group and does something with it, when the close before is over. */
function withGroup(socket, group, callback, act) {
  if (group === null || typeof group !== 'object') return socket[kThrow](parameterError('the group must be an object'));
  let to;
  try {
    to = readAddress(group, socket[kCompat]);
    to.interface = optionalText(group.interface, 'interface');
    to.source = optionalText(group.source, 'source');
  } catch (error) {
    return socket[kRefuse](error, callback);
  }
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  if (socket[kMustWait]()) return socket[kInTurn](callback, () => act(to), true);
  return act(to);
}

function optionalText(value, what) {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  throw parameterError(`${what} must be a string`);
}

function changeGroup(socket, { address, port, family, interface: name, source }, leaves) {
  const result = native.changeGroup(socket[kHandle], Number(leaves), address, port, family, name, source);
  if (result !== -ErrorCode.PARAMETER || !socket[kCompat].lenient) return result;
  return leaves ? -ErrorCode.ADDRNOTAVAIL : -ErrorCode.INVAL; // a text that is no address is that of no group
}

/** Those of OpenHarmony are for open sockets only. */
function setGroupOption(socket, callback, wrong, option, value) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  const result = socket[kOpen] ? wrong || native.setOption(socket[kHandle], option, value) : -ErrorCode.BADF;
  return answer(socket[kHandle], callback, result);
}

function getGroupOption(socket, callback, option, read) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  const result = socket[kOpen] ? native.getOption(socket[kHandle], option) : -ErrorCode.BADF;
  return answer(socket[kHandle], callback, result, read(result));
}

/** Sends to an address; the library takes numeric ones, and refuses names at once. */
function sendTo(socket, data, to, request) {
  if (socket[waiting] === null) {
    const result = native.sendTo(socket[kHandle], data, to.address, to.port, to.family, request);
    if (result !== -ErrorCode.PARAMETER || !isName(to.address)) return result;
    socket[waiting] = [];
  }
  sendLater(socket, data, { ...to }, request);
  return 0;
}

/** Sends in its turn, and when the name, if it is one, has been looked up. */
function sendLater(socket, data, to, request) {
  const copy = copyOf(data);
  const operation = {
    request,
    ready: true,
    result: 0,
    start: () => native.sendTo(socket[kHandle], copy, to.address, to.port, to.family, request),
    cancel() {
      this.ready = true;
      this.result = -ErrorCode.CANCELED;
    },
  };
  socket[waiting].push(operation);
  if (!isName(to.address)) return;
  operation.ready = false;
  const family = to.family === 1 ? 4 : to.family === 2 ? 6 : 0;
  dns.lookup(to.address, { family }, (error, address) => {
    operation.ready = true;
    if (error) operation.result = -ErrorCode.RESOLVE;
    to.address = address;
    to.family = 0;
    advance(socket);
  });
}

/** Starts what waits, up to the next name. */
function advance(socket) {
  const queue = socket[waiting];
  if (queue === null) return; // it was cancelled
  while (queue.length > 0 && queue[0].ready) {
    const { request, start, result } = queue.shift();
    const now = result < 0 ? result : start();
    if (now < 0) process.nextTick(refused, request, now);
  }
  if (queue.length === 0) socket[waiting] = null;
}

function refused(request, result) {
  take(request).settle(result);
}

/** The socket has closed, by abort(): the sends that wait fail, and closes join. */
function cancel(socket) {
  for (const operation of socket[waiting]) operation.cancel?.();
  advance(socket);
}

function isName(address) {
  return net.isIP(address) === 0 && /^[\w.-]+$/.test(address) && !/^[\d.]+$/.test(address);
}

arrives(UDPSocket, 'message', false);

module.exports = { MulticastSocket, UDPSocket };
