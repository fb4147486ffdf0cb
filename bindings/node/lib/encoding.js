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

const encoders = {
  'UTF-8': (text) => text, // the addon's own
  'UTF-16LE': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16BE': (text) => Buffer.from(text, 'utf16le').swap16(),
  'UTF-16': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), // with its mark, as RFC 2781 wants it
  'US-ASCII': (text) => narrow(text, 0x7f),
  'ISO-8859-1': (text) => narrow(text, 0xff),
};

/** What is sent for a text. In compatibility mode an encoding that is not known is UTF-8. */
function encode(text, encoding, compat) {
  const encoder = typeof encoding === 'string' ? encoders[encoding.toUpperCase()] : undefined;
  if (encoder !== undefined) return encoder(text);
  if (compat) return text;
  throw parameterError(`encoding must be one of ${Object.keys(encoders).join(', ')}`);
}

module.exports = { encode };
