'use strict';
// @ohos.util: texts and Base64, on Node's.

const nodeUtil = require('node:util');
const { randomUUID } = require('node:crypto');

class OhosTextEncoder {
  #encoding;

  constructor(encoding = 'utf-8') {
    this.#encoding = encoding;
  }

  static create(encoding) {
    return new OhosTextEncoder(encoding);
  }

  get encoding() {
    return this.#encoding;
  }

  /** The bytes, in memory of their own: programs send the buffer of them. */
  encodeInto(text = '') {
    const bytes = Buffer.from(text, nodeEncoding(this.#encoding));
    if (/^utf-?16be$/i.test(this.#encoding)) bytes.swap16();
    return new Uint8Array(bytes);
  }

  encode(text) {
    return this.encodeInto(text);
  }

  encodeIntoUint8Array(text, target) {
    const { read, written } = new TextEncoder().encodeInto(text, target);
    return { length: read, written };
  }
}

function nodeEncoding(name) {
  if (/^utf-?16(le|be)$/i.test(name)) return 'utf16le';
  if (Buffer.isEncoding(name)) return name;
  throw new Error(`@ohos.util: TextEncoder does not have the encoding ${name} here`);
}

class OhosTextDecoder {
  #decoder;

  constructor(encoding = 'utf-8', options = {}) {
    this.#decoder = new TextDecoder(encoding, options);
  }

  static create(encoding, options) {
    return new OhosTextDecoder(encoding, options);
  }

  get encoding() {
    return this.#decoder.encoding;
  }

  get fatal() {
    return this.#decoder.fatal;
  }

  get ignoreBOM() {
    return this.#decoder.ignoreBOM;
  }

  decodeToString(bytes, options) {
    return this.#decoder.decode(bytes, options);
  }

  decodeWithStream(bytes, options) {
    return this.#decoder.decode(bytes, options);
  }

  decode(bytes, options) {
    return this.#decoder.decode(bytes, options);
  }
}

const Type = Object.freeze({ BASIC: 0, MIME: 1, BASIC_URL_SAFE: 2, MIME_URL_SAFE: 3 });

class Base64Helper {
  encodeToStringSync(bytes, type = Type.BASIC) {
    const text = Buffer.from(bytes).toString(type >= Type.BASIC_URL_SAFE ? 'base64url' : 'base64');
    return type === Type.MIME || type === Type.MIME_URL_SAFE ? text.replace(/.{76}(?=.)/g, '$&\r\n') : text;
  }

  encodeSync(bytes, type) {
    return new Uint8Array(Buffer.from(this.encodeToStringSync(bytes, type), 'latin1'));
  }

  decodeSync(text) {
    return new Uint8Array(Buffer.from(typeof text === 'string' ? text : Buffer.from(text).toString('latin1'), 'base64'));
  }

  // eslint-disable-next-line require-await
  async encodeToString(bytes, type) {
    return this.encodeToStringSync(bytes, type);
  }

  // eslint-disable-next-line require-await
  async encode(bytes, type) {
    return this.encodeSync(bytes, type);
  }

  // eslint-disable-next-line require-await
  async decode(text) {
    return this.decodeSync(text);
  }
}

const errnoToString = (errno) => nodeUtil.getSystemErrorName(-Math.abs(errno));

// A class there: `new util.types().isDate(value)`.
class types {}
Object.assign(types.prototype, nodeUtil.types);

module.exports = {
  TextEncoder: OhosTextEncoder,
  TextDecoder: OhosTextDecoder,
  Base64Helper,
  Base64: Base64Helper,
  Type,
  format: nodeUtil.format,
  printf: nodeUtil.format,
  errnoToString,
  promisify: nodeUtil.promisify,
  callbackWrapper: nodeUtil.callbackify,
  generateRandomUUID: () => randomUUID(),
  types,
  getErrorString: errnoToString,
  promiseWrapper: nodeUtil.promisify,
};
