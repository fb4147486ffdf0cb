'use strict';

const native = require('./native.js');
const { badCallback } = require('./socket.js');
const { StreamSocket } = require('./stream.js');
const { abortError, errorOf, parameterError, triedAddress } = require('./errors.js');
const { ErrorCode, Family } = require('./constants.js');
const { readAddress, readConnectOptions } = require('./arguments.js');
const { answer, begin, put, swap } = require('./requests.js');
const loop = require('./loop.js');
const { openAtPort } = require('./opening.js');
const {
  kBound, kCancel, kClosed, kClosing, kCompat, kFailed, kHandle, kHeld, kInTurn, kJoined, kKeep, kLast, kMustWait, kOpened, kPrepare, kQueue,
  kRead, kRefuse, kSlot, kSubscribe, kView,
} = require('./symbols.js');

const kBind = Symbol('ohsocket.bind');
const kConnect = Symbol('ohsocket.connect');

/** A socket that connects. */
class ClientSocket extends StreamSocket {
  constructor(kind, handle) {
    super(kind, handle);
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
    if (this[kMustWait]()) return this[kInTurn](callback, () => this[kBind](local, callback), true);
    return this[kBind](local, callback);
  }

  [kBind](local, callback) {
    const open = (port) => native.bind(this[kHandle], local.address, port, local.family);
    const result = this[kHeld] === null ? openAtPort(local, this[kCompat], open) : -ErrorCode.ALREADY;
    if (result >= 0) {
      this[kBound] = true;
      this[kOpened]();
    }
    return answer(this[kHandle], callback, result);
  }

  connect(options, callback) {
    let target;
    try {
      target = this[kRead](options);
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kMustWait]()) return this[kInTurn](callback, () => this[kConnect](target, callback), true);
    return this[kConnect](target, callback);
  }

  [kConnect](target, callback) {
    const { signal } = target;
    let started = false; // otherwise the socket is as it was
    if (signal?.aborted) return this[kRefuse](abortError(signal.reason), callback);
    let refused; // why, when it was refused for its port
    let onAbort;
    return begin(this[kHandle], callback, (request) => {
      // A period whose close event has not been handed over yet is not over.
      if (this[kHeld] !== null) return -ErrorCode.ALREADY;
      const prepared = this[kPrepare](target);
      if (prepared < 0) return prepared;
      this[kLast] = null;
      const result = native.connect(this[kHandle], target.address, target.port, target.family, target.timeout, request);
      if (result >= 0) {
        started = true;
        this[kOpened]();
        onAbort = () => this[kCancel](request, signal);
        signal?.addEventListener('abort', onAbort, { once: true });
      } else if (result === -ErrorCode.PARAMETER && target.port === 0) {
        refused = parameterError('address.port must be 1 to 65535');
      }
      return result;
    }, (result) => {
      signal?.removeEventListener('abort', onAbort);
      if (result >= 0) this[kKeep]();
      if (result < 0 && started) {
        this[kLast] = lastAddresses(this[kHandle], target.family);
        if (!this[kBound] && !this[kClosing]) this[kClosed]();
        this[kView]?.[kFailed](errorOf(result, this[kHandle]));
      }
      return refused;
    });
  }

  /** A connect is aborted: it fails after the close event, when the socket can be opened again. */
  [kCancel](request, signal) {
    if (native.abort(this[kHandle]) < 0) return;
    this[kClosing] = true;
    const entry = swap(request, { settle() {} });
    entry.finish = () => abortError(signal.reason);
    (this[kJoined] ??= []).push(put({ settle: () => entry.settle(-ErrorCode.CANCELED) }, 0));
  }

  /** The options of connect. */
  [kRead](options) {
    return readConnectOptions(options, this[kCompat]);
  }

  /** What has to be set before connect; returns the library's result. */
  [kPrepare]() {
    return 0;
  }

  /** As of all sockets, but undefined when there is none: so says OpenHarmony. */
  getSocketFd(callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) return this[kInTurn](callback, () => this.getSocketFd(callback));
    const fd = native.getFd(this[kHandle]);
    return answer(this[kHandle], callback, 0, fd < 0 ? undefined : fd);
  }
}

/** What a descriptor has whose connect has failed: no address of its own, unless it was bound, and the one that was tried. */
function lastAddresses(handle, family) {
  const tried = triedAddress(handle);
  const isIPv6 = (tried?.family ?? family) === Family.IPV6;
  return [{ address: isIPv6 ? '::' : '0.0.0.0', port: 0, family: isIPv6 ? Family.IPV6 : Family.IPV4 }, tried];
}

module.exports = { ClientSocket };
