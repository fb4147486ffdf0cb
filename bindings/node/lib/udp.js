'use strict';

const dns = require('node:dns');
const net = require('node:net');
const native = require('./native.js');
const loop = require('./loop.js');
const { Socket, badCallback } = require('./socket.js');
const { ErrorCode, Event, Kind } = require('./constants.js');
const { encode } = require('./encoding.js');
const { isData, needObject, notData, readAddress, refuseUnsupported } = require('./arguments.js');
const { begin, put, take, PromiseEntry } = require('./requests.js');
const { kBound, kCompat, kHandle, kOpened, kRefuse, kSlot, kStep, kSubscribe } = require('./symbols.js');
const { Opening } = require('./opening.js');

const opening = Symbol('ohsocket.opening');

class UDPSocket extends Socket {
  constructor() {
    super(Kind.UDP);
    this[opening] = new Opening();
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
    return this[opening].begin(this[kHandle], callback, () => {
      const result = native.bind(this[kHandle], local.address, local.port, local.family);
      if (result >= 0) {
        this[kBound] = true;
        this[kOpened]();
      }
      return result;
    });
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
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    const handle = this[kHandle];
    if (callback !== undefined) return begin(handle, callback, (request) => sendTo(handle, data, to, request));
    const entry = new PromiseEntry(handle, undefined);
    const request = put(entry, 0);
    const result = sendTo(handle, data, to, request);
    if (result < 0) take(request).settle(result);
    return entry.promise;
  }

  [kStep](type, value) {
    try {
      super[kStep](type, value);
    } finally {
      if (type === Event.LISTENING || type === Event.CLOSE) this[opening].settle();
    }
  }
}

// The answer of bind comes after the listening event.
UDPSocket.events = 1 << Event.LISTENING;

/** Sends to an address; the library takes numeric ones, and refuses names at once. */
function sendTo(handle, data, to, request) {
  const result = native.sendTo(handle, data, to.address, to.port, to.family, request);
  if (result !== -ErrorCode.PARAMETER || !isName(to.address)) return result;
  const family = to.family === 1 ? 4 : to.family === 2 ? 6 : 0;
  const copy = typeof data === 'string' ? data : Buffer.from(new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength));
  dns.lookup(to.address, { family }, (error, address) => {
    const late = error ? -ErrorCode.RESOLVE : native.sendTo(handle, copy, address, to.port, 0, request);
    if (late < 0) take(request).settle(late);
  });
  return 0;
}

function isName(address) {
  return net.isIP(address) === 0 && /^[\w.-]+$/.test(address) && !/^[\d.]+$/.test(address);
}

module.exports = { UDPSocket };
