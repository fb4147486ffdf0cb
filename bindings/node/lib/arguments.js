'use strict';
// Reading the arguments of methods. What is wrong is an error with code 401; with the rule `lenient` of compatibility
// mode members of the wrong type count as missing, as on OpenHarmony.

const { types } = require('node:util');
const { parameterError, refusal } = require('./errors.js');
const { ErrorCode, Extra, Family } = require('./constants.js');

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function needObject(value, what) {
  if (!isObject(value)) throw parameterError(`${what} must be an object`);
  return value;
}

function integer(value, what, compat) {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && (compat.original || Math.abs(value) < 2 ** 31)) return value | 0;
  if (compat.lenient && !Number.isInteger(value)) return 0;
  throw parameterError(`${what} must be an integer`);
}

/** The library refuses numbers out of range itself; this says which. */
function inRange(value, what, most, compat) {
  const number = integer(value, what, compat);
  if (!compat.original && (number < 0 || number > most)) throw parameterError(`${what} must be 0 to ${most}`);
  return number;
}

function boolean(value, what, compat) {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (compat.lenient) return 0;
  throw parameterError(`${what} must be a boolean`);
}

/** A NetAddress. Without a family the address decides; in the original it is IPv4. */
function readAddress(value, compat) {
  needObject(value, 'address');
  const { address, port, family } = value;
  if (typeof address !== 'string' || address === '') throw parameterError('address.address must be a string that is not empty');
  if (address.includes('\0') || address.length > 255) throw parameterError('address.address must have no NUL and up to 255 characters');
  return { address, port: inRange(port, 'address.port', 65535, compat), family: readFamily(family, compat) };
}

function readFamily(value, compat) {
  if (value === undefined) return compat.original ? Family.IPV4 : Family.UNSPECIFIED;
  const family = integer(value, 'address.family', compat);
  if (family >= Family.IPV4 && family <= Family.DOMAIN) return family;
  if (compat.lenient) return Family.IPV4;
  throw parameterError('address.family must be 1, 2 or 3');
}

/** Whether it can be sent; an ArrayBuffer may be of another realm, as in node:vm and what is built on it. */
function isData(value) {
  if (typeof value === 'string') return true;
  if (!(value instanceof ArrayBuffer || ArrayBuffer.isView(value) || types.isArrayBuffer(value))) return false;
  return !isDetached(value);
}

/** The bytes of an ArrayBuffer that was transferred are elsewhere: sending none of them must not look like success. */
function isDetached(value) {
  try {
    if (value.byteLength > 0) return false;
    Reflect.construct(Uint8Array, [value.buffer ?? value]);
    return false;
  } catch { // a DataView has no length any more, and nothing else can be made a view of
    return true;
  }
}

/** What is sent later: the program may change the original meanwhile. */
function copyOf(data) {
  return typeof data === 'string' ? data : Buffer.from(new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength));
}

function notData() {
  return parameterError('data must be a string, an ArrayBuffer or a view of one, and not detached');
}

/** What of an options object is not there (yet) must not be left out in silence. */
function refuseUnsupported(options) {
  const { proxy, tcpFastOpen } = options;
  if (isObject(proxy) ? proxy.type !== 0 : proxy !== undefined && proxy !== null) {
    throw refusal(ErrorCode.NOTSUP, 'Operation not supported: proxy');
  }
  if (tcpFastOpen) throw refusal(ErrorCode.NOTSUP, 'Operation not supported: tcpFastOpen');
}

function readSignal(value) {
  if (value === undefined) return undefined;
  if (isObject(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function') return value;
  throw parameterError('signal must be an AbortSignal');
}

/** TCPConnectOptions. */
function readConnectOptions(options, compat) {
  needObject(options, 'options');
  const target = readAddress(options.address, compat);
  target.timeout = inRange(options.timeout, 'timeout', 86_400_000, compat);
  target.signal = readSignal(options.signal);
  refuseUnsupported(options);
  return target;
}

// The members of TCPExtraOptions and UDPExtraOptions: key, bit, place in the array for the addon, reader.
const EXTRA = [
  ['keepAlive', Extra.KEEP_ALIVE, 1, boolean],
  ['OOBInline', Extra.OOB_INLINE, 2, boolean],
  ['TCPNoDelay', Extra.TCP_NO_DELAY, 3, boolean],
  ['receiveBufferSize', Extra.RECEIVE_BUFFER_SIZE, 6, integer],
  ['sendBufferSize', Extra.SEND_BUFFER_SIZE, 7, integer],
  ['reuseAddress', Extra.REUSE_ADDRESS, 8, boolean],
  ['socketTimeout', Extra.SOCKET_TIMEOUT, 9, integer],
  ['broadcast', Extra.BROADCAST, 10, boolean],
];

/** Extra options as the addon wants them: the bits of the members given, and the members. */
function readExtraOptions(options, compat) {
  needObject(options, 'options');
  refuseUnsupported(options);
  const members = new Int32Array(11);
  for (const [key, bit, place, read] of EXTRA) {
    const value = options[key];
    if (value === undefined) continue;
    members[0] |= bit;
    members[place] = read(value, key, compat);
  }
  const linger = options.socketLinger;
  if (linger !== undefined) {
    needObject(linger, 'socketLinger');
    members[0] |= Extra.LINGER;
    members[4] = boolean(linger.on, 'socketLinger.on', compat);
    members[5] = inRange(linger.linger, 'socketLinger.linger', 65535, compat);
  }
  return members;
}

module.exports = {
  copyOf, inRange, integer, isData, isObject, needObject, notData, readAddress, readConnectOptions, readExtraOptions, refuseUnsupported,
};
