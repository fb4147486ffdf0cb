'use strict';
// What sockets of a connection have: TCPSocket, and the connections of a server.

const native = require('./native.js');
const { Socket, badCallback, getAddress } = require('./socket.js');
const { arrives } = require('./arrivals.js');
const { ErrorCode } = require('./constants.js');
const { parameterError } = require('./errors.js');
const { encode } = require('./encoding.js');
const { copyOf, isData, needObject, notData, refuseUnsupported } = require('./arguments.js');
const { begin, put, take, PromiseEntry } = require('./requests.js');
const { kCompat, kHandle, kInTurn, kOpen, kQueue, kRefuse, kSend } = require('./symbols.js');

const sendResult = Symbol('ohsocket.sendResult');

class StreamSocket extends Socket {
  /** Sends data: a string, an ArrayBuffer or a view of one. Done when the kernel has taken all of it. */
  send(options, callback) {
    let data;
    try {
      data = needObject(options, 'options').data;
      if (options.proxy !== undefined) refuseUnsupported(options);
      if (options.encoding !== undefined && typeof data === 'string') data = encode(data, options.encoding, this[kCompat]);
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    return this[kSend](data, callback);
  }

  [kSend](data, callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (!isData(data)) return super[kRefuse](notData(), callback);
    if (this[kQueue] !== null) {
      const copy = copyOf(data);
      return this[kInTurn](callback, () => this[kSend](copy, callback));
    }
    const handle = this[kHandle];
    if (callback !== undefined) return begin(handle, callback, (request) => this[sendResult](native.send(handle, data, request)));
    const entry = new PromiseEntry(handle, undefined); // begin, without a closure for each send
    const request = put(entry, 0);
    const result = native.send(handle, data, request);
    if (result < 0) take(request).settle(this[sendResult](result));
    return entry.promise;
  }

  /** Several ArrayBuffers and views (up to 1024) as one send; the stream view writes with it. */
  sendv(views, callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) {
      const copies = Array.isArray(views) ? views.map((view) => (isData(view) ? copyOf(view) : view)) : views;
      return this[kInTurn](callback, () => this.sendv(copies, callback));
    }
    return begin(this[kHandle], callback, (request) => this[sendResult](native.sendv(this[kHandle], views, request)), viewsError);
  }

  /** Sends what is queued, then says that no more will be sent. Receiving goes on. */
  end(callback) {
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kQueue] !== null) return this[kInTurn](callback, () => this.end(callback));
    return begin(this[kHandle], callback, (request) => this[sendResult](native.end(this[kHandle], request)));
  }

  getRemoteAddress(callback) {
    return getAddress(this, 1, callback);
  }

  /** A stream.Duplex of the connection. */
  duplex(options) {
    return require('./duplex.js').duplexOf(this, options);
  }

  /** A handle that the library has taken back belonged to a connection that has ended. */
  [sendResult](result) {
    return result === -ErrorCode.BADF && !this[kOpen] ? this.constructor.goneResult : result;
  }
}

function viewsError(result) {
  return result === -ErrorCode.PARAMETER ? parameterError('views must be an array of up to 1024 ArrayBuffers and views, none detached') : undefined;
}

/** The result of a send when the socket is not open. */
StreamSocket.goneResult = -ErrorCode.BADF;

arrives(StreamSocket, 'message', true);

module.exports = { StreamSocket };
