'use strict';
// The encodings that the `encoding` of a send may name.

const { parameterError } = require('./errors.js');

/** Code units above limit become '?', as in other converters, and not some other character. */
function narrow(text, limit) {
  const bytes = Buffer.allocUnsafe(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[i] = unit <= limit ? unit : 0x3f;
  }
  return bytes;
}

const utf16 = (text) => Buffer.from(text, 'utf16le');
const latin1 = (text) => narrow(text, 0xff);
const ascii = (text) => narrow(text, 0x7f);

const encoders = {
  'UTF-8': (text) => text, // the addon's own
  'UTF-16LE': utf16,
  'UTF-16BE': (text) => utf16(text).swap16(),
  'UTF-16': (text) => utf16(`\ufeff${text}`).swap16(), // with its mark, as RFC 2781 wants it
  'US-ASCII': ascii,
  'ISO-8859-1': latin1,
};

// The names that Node and the WHATWG have for them.
const aliases = {
  UTF8: 'UTF-8', 'UNICODE-1-1-UTF-8': 'UTF-8', UNICODE11UTF8: 'UTF-8', UNICODE20UTF8: 'UTF-8', 'X-UNICODE20UTF8': 'UTF-8',
  UTF16LE: 'UTF-16LE', UCS2: 'UTF-16LE', 'UCS-2': 'UTF-16LE', 'ISO-10646-UCS-2': 'UTF-16LE', UNICODE: 'UTF-16LE', CSUNICODE: 'UTF-16LE',
  UTF16BE: 'UTF-16BE', UNICODEFFFE: 'UTF-16BE', UTF16: 'UTF-16',
  ASCII: 'US-ASCII', 'ANSI_X3.4-1968': 'US-ASCII', 'ISO-IR-6': 'US-ASCII',
  LATIN1: 'ISO-8859-1', 'LATIN-1': 'ISO-8859-1', L1: 'ISO-8859-1', BINARY: 'ISO-8859-1', ISO88591: 'ISO-8859-1', 'ISO8859-1': 'ISO-8859-1',
  'ISO_8859-1': 'ISO-8859-1', 'ISO-IR-100': 'ISO-8859-1', CP819: 'ISO-8859-1', IBM819: 'ISO-8859-1',
};

/** What is sent for a text. In compatibility mode an encoding that is not known is UTF-8. */
function encode(text, encoding, compat) {
  const name = typeof encoding === 'string' ? encoding.toUpperCase() : '';
  const encoder = encoders[Object.hasOwn(aliases, name) ? aliases[name] : name];
  if (encoder !== undefined && (Object.hasOwn(encoders, name) || Object.hasOwn(aliases, name))) return encoder(text);
  if (compat.lenient) return text;
  throw parameterError(`encoding must be one of ${Object.keys(encoders).join(', ')}, or a name that Node or the WHATWG has for it`);
}

module.exports = { encode };
