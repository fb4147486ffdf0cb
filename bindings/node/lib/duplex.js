'use strict';
// A connection as a stream.Duplex, with the surface of net.Socket that http, tls and their like use.

const { Duplex } = require('node:stream');
const native = require('./native.js');
const { errorOf } = require('./errors.js');
const { readExtraOptions } = require('./arguments.js');
const { ErrorCategory, ErrorCode, Option } = require('./constants.js');
const { addressOf, stateOf } = require('./socket.js');
const { kFailed, kHandle, kOpen, kQueue, kSend, kView } = require('./symbols.js');

const MAX_VIEWS = 1024; // of one send
const FAMILIES = [undefined, 'IPv4', 'IPv6'];
const LONGEST_KEEP_ALIVE = 32767; // seconds, as the kernel takes them
const LONGEST_TIMEOUT = 2 ** 31 - 1; // of a timer
const ALPN = 3; // of getAgreed

/**
 * Errors that Node makes up to destroy a stream nobody needs any more: of a `for await` that was left, or of a pipeline
 * that has done its work. An AbortSignal's has a cause.
 */
function isOrderly(error) {
  return !error || (error.code === 'ABORT_ERR' && error.cause === undefined) || error.code === 'ERR_STREAM_DESTROYED';
}

class SocketDuplex extends Duplex {
  #socket;
  #retry; // a write that found the send queue full,
  #refused; // and its callback
  #peerEnded = false;
  #connecting;
  #secure;
  #reset = false;
  #read = 0;
  #written = 0;
  #idle; // the timer of setTimeout
  #timeout;
  #queued = 0; // what was to be sent when that last ran
  #listeners;

  constructor(socket, options) {
    super({ allowHalfOpen: false, ...options, autoDestroy: true, decodeStrings: true, objectMode: false });
    this.#socket = socket;
    this.#secure = typeof socket.getALPNProtocol === 'function';
    this.#connecting = !stateOf(socket).isConnected;
    // The stream itself ends its side after the peer's, when what was read has been used.
    socket.setOption(Option.ALLOW_HALF_OPEN, 1);
    this.#listeners = {
      connect: () => this.#connected(),
      message: ({ message }) => this.#message(message),
      end: () => {
        this.#peerEnded = true;
        this.push(null);
      },
      drain: () => {
        const retry = this.#retry;
        this.#retry = this.#refused = undefined;
        retry?.();
      },
      error: (error) => this.destroy(error),
      close: () => this.#closed(),
    };
    for (const [type, listener] of Object.entries(this.#listeners)) socket.on(type, listener);
    socket[kView] = this;
  }

  /** A connect that fails has no event. */
  [kFailed](error) {
    this.#connecting = false;
    this.destroy(error);
  }

  get socket() {
    return this.#socket;
  }

  // ---- As of net.Socket

  get remoteAddress() {
    return addressOf(this.#socket, 1)?.address;
  }

  get remotePort() {
    return addressOf(this.#socket, 1)?.port;
  }

  get remoteFamily() {
    return FAMILIES[addressOf(this.#socket, 1)?.family];
  }

  get localAddress() {
    return addressOf(this.#socket, 0)?.address;
  }

  get localPort() {
    return addressOf(this.#socket, 0)?.port;
  }

  get localFamily() {
    return FAMILIES[addressOf(this.#socket, 0)?.family];
  }

  address() {
    const { address, family, port } = addressOf(this.#socket, 0) ?? {};
    return address === undefined ? {} : { address, family: FAMILIES[family], port };
  }

  get bytesRead() {
    return this.#read;
  }

  get bytesWritten() {
    return this.#written + this.writableLength;
  }

  get bufferSize() {
    return this.writableLength;
  }

  get connecting() {
    return this.#connecting;
  }

  get pending() {
    return this.#connecting;
  }

  get readyState() {
    if (this.#connecting) return 'opening';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** As of tls.TLSSocket: whether there is TLS, and what was agreed on. */
  get encrypted() {
    return this.#secure ? true : undefined;
  }

  get alpnProtocol() {
    if (!this.#secure) return undefined;
    const name = native.getAgreed(this.#socket[kHandle], ALPN);
    return typeof name === 'string' && name !== '' ? name : false;
  }

  get timeout() {
    return this.#timeout;
  }

  /** The socket has its own connect; here it tells a client that calls this one, too, that the connection is there. */
  connect(...args) {
    const callback = args.at(-1);
    if (typeof callback === 'function') this.once('connect', callback);
    if (!this.#connecting && !this.destroyed) process.nextTick(() => this.#announce());
    return this;
  }

  setTimeout(milliseconds, callback) {
    if (typeof milliseconds !== 'number' || !(milliseconds >= 0)) {
      throw new RangeError(`setTimeout wants a number of milliseconds from 0 on, not ${String(milliseconds)}`);
    }
    if (callback !== undefined && typeof callback !== 'function') throw new TypeError('the callback of setTimeout must be a function');
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#timeout = milliseconds;
    if (callback !== undefined) {
      if (milliseconds === 0) this.off('timeout', callback);
      else this.once('timeout', callback);
    }
    if (milliseconds > 0 && !this.destroyed) {
      this.#idle = setTimeout(() => this.#timedOut(), Math.min(milliseconds, LONGEST_TIMEOUT)).unref();
    }
    return this;
  }

  setNoDelay(noDelay = true) {
    this.#set({ TCPNoDelay: Boolean(noDelay) });
    return this;
  }

  setKeepAlive(enable = false, initialDelay = 0) {
    const seconds = Math.floor(initialDelay / 1000);
    if (enable && seconds > 0 && this.#socket[kOpen]) {
      this.#socket.setOption(Option.KEEP_ALIVE_IDLE, Math.min(seconds, LONGEST_KEEP_ALIVE));
    }
    this.#set({ keepAlive: Boolean(enable) });
    return this;
  }

  ref() {
    this.#socket.ref();
    return this;
  }

  unref() {
    this.#socket.unref();
    return this;
  }

  /** Ends, and destroys when all is written. */
  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  resetAndDestroy() {
    this.#reset = true;
    return this.destroy();
  }

  #set(options) {
    native.setExtraOptions(this.#socket[kHandle], readExtraOptions(options)); // of a socket that has closed: nothing
  }

  #connected() {
    this.#connecting = false;
    this.#active();
    this.#announce();
  }

  #announce() {
    if (this.destroyed) return;
    this.emit('connect');
    this.emit('ready');
  }

  /** Something has moved: the time of setTimeout begins anew. */
  #active() {
    this.#idle?.refresh();
  }

  #timedOut() {
    this.#idle?.refresh(); // it may be told again
    const queued = this.#socket.sendQueueLength;
    const moved = queued !== this.#queued && queued > 0; // one write may take long
    this.#queued = queued;
    if (!moved) this.emit('timeout');
  }

  // ---- The stream

  #message(message) {
    this.#read += message.byteLength;
    this.#active();
    if (!this.push(Buffer.from(message))) this.#socket.pause();
  }

  _read() {
    this.#socket.resume();
  }

  _write(chunk, _encoding, callback) {
    this.#attempt((done) => this.#socket[kSend](chunk, done), this.#counted(chunk.length, callback));
  }

  _writev(chunks, callback) {
    const views = chunks.slice(0, MAX_VIEWS).map(({ chunk }) => chunk);
    const size = views.reduce((sum, view) => sum + view.length, 0);
    this.#attempt((done) => this.#socket.sendv(views, done), (error) => {
      if (error || chunks.length <= MAX_VIEWS) this.#counted(size, callback)(error);
      else this._writev(chunks.slice(MAX_VIEWS), callback); // the stream counts them as one write
    });
  }

  #counted(size, callback) {
    this.#active();
    return (error) => {
      this.#active();
      if (!error) this.#written += size;
      callback(error);
    };
  }

  /** A refused send has taken nothing: it is repeated after drain. */
  #attempt(send, callback) {
    send((error) => {
      if (error?.category !== ErrorCategory.AGAIN || this.destroyed) {
        callback(error);
        return;
      }
      this.#retry = () => this.#attempt(send, callback);
      this.#refused = callback;
    });
  }

  _final(callback) {
    this.#socket.end(callback);
  }

  _destroy(error, callback) {
    const socket = this.#socket;
    for (const [type, listener] of Object.entries(this.#listeners)) socket.off(type, listener);
    this.#refused?.(error ?? errorOf(-ErrorCode.CANCELED)); // nothing of that write has been taken
    this.#retry = this.#refused = undefined;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (socket[kView] === this) socket[kView] = undefined;
    socket.resume(); // the socket may be opened again
    if (!socket[kOpen]) {
      callback(error);
      return;
    }
    socket.once('close', () => callback(error));
    // A reset would take back what has been written, from the kernel too.
    if (this.#reset || !isOrderly(error)) socket.abort();
    else socket.close(() => {});
  }

  /** After the peer's end the stream goes on until it has been read; otherwise it is over. */
  #closed() {
    if (!this.#peerEnded) this.destroy();
  }
}

function duplexOf(socket, options) {
  if (!socket[kOpen] || socket[kQueue] !== null) throw errorOf(-ErrorCode.NOTCONN);
  return new SocketDuplex(socket, options);
}

module.exports = { duplexOf };
