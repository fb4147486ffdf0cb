'use strict';
// A connection as a stream.Duplex.

const { Duplex } = require('node:stream');
const { errorOf } = require('./errors.js');
const { ErrorCategory, ErrorCode, Option } = require('./constants.js');
const { addressOf } = require('./socket.js');
const { kOpen, kSend } = require('./symbols.js');

const MAX_VIEWS = 1024; // of one send
const FAMILIES = [undefined, 'IPv4', 'IPv6'];

class SocketDuplex extends Duplex {
  #socket;
  #retry; // a write that found the send queue full,
  #refused; // and its callback
  #peerEnded = false;
  #listeners;

  constructor(socket, options) {
    super({ allowHalfOpen: false, ...options, autoDestroy: true, decodeStrings: true, objectMode: false });
    this.#socket = socket;
    // The stream itself ends its side after the peer's, when what was read has been used.
    socket.setOption(Option.ALLOW_HALF_OPEN, 1);
    this.#listeners = {
      message: ({ message }) => { if (!this.push(Buffer.from(message))) socket.pause(); },
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
  }

  get socket() {
    return this.#socket;
  }

  // As net.Socket has them; http reads them.
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

  _read() {
    this.#socket.resume();
  }

  _write(chunk, _encoding, callback) {
    this.#attempt((done) => this.#socket[kSend](chunk, done), callback);
  }

  _writev(chunks, callback) {
    const views = chunks.slice(0, MAX_VIEWS).map(({ chunk }) => chunk);
    this.#attempt((done) => this.#socket.sendv(views, done), (error) => {
      if (error || chunks.length <= MAX_VIEWS) callback(error);
      else this._writev(chunks.slice(MAX_VIEWS), callback);
    });
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
    socket.resume(); // the socket may be opened again
    if (!socket[kOpen]) {
      callback(error);
      return;
    }
    socket.once('close', () => callback(error));
    // A reset would take back what has been written, from the kernel too.
    if (error) socket.abort();
    else socket.close(() => {});
  }

  /** After the peer's end the stream goes on until it has been read; otherwise it is over. */
  #closed() {
    if (!this.#peerEnded) this.destroy();
  }
}

function duplexOf(socket, options) {
  if (!socket[kOpen]) throw errorOf(-ErrorCode.NOTCONN);
  return new SocketDuplex(socket, options);
}

module.exports = { duplexOf };
