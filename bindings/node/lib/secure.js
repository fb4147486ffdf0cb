'use strict';
// TLSSecureOptions and TLSConnectOptions.

const native = require('./native.js');
const { errorOf, parameterError } = require('./errors.js');
const { needObject, readConnectOptions } = require('./arguments.js');

const Protocol = Object.freeze({ TLSv12: 'TLSv1.2', TLSv13: 'TLSv1.3' });
const MOST = 1000, MOST_PROTOCOLS = 100, MOST_PINS = 100; // that the library takes
const BITS = { [Protocol.TLSv12]: 1, [Protocol.TLSv13]: 2 };

function text(value, what) {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw parameterError(`${what} must be a string`);
  if (value.includes('\0')) throw parameterError(`${what} must have no NUL`);
  return value;
}

/** Strings, of which the library takes so many. */
function list(value, what, most) {
  if (value === undefined || value === null) return [];
  const values = Array.isArray(value) ? value : [value];
  if (values.length > most) throw parameterError(`${what} must have up to ${most} elements`);
  for (const item of values) {
    if (typeof item !== 'string') throw parameterError(`${what} must be a string or an array of strings`);
    if (item.includes('\0')) throw parameterError(`${what} must have no NUL`);
  }
  return values;
}

function flag(value, what) {
  if (value !== undefined && typeof value !== 'boolean') throw parameterError(`${what} must be a boolean`);
  return value ? 1 : 0;
}

function protocols(value) {
  let bits = 0;
  for (const name of list(value, 'protocols')) {
    if (BITS[name] === undefined) throw parameterError('protocols must be of Protocol.TLSv12 and Protocol.TLSv13');
    bits |= BITS[name];
  }
  return bits;
}

/** The texts of a certificate with its chain, and its key. */
function identity({ cert, key, password }, of = '') {
  return [text(list(cert, `${of}cert`).join('\n')), text(key, `${of}key`), text(password, `${of}password`)];
}

function identities(value) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw parameterError('moreIdentities must be an array');
  if (value.length > MOST) throw parameterError(`moreIdentities must have up to ${MOST} elements`);
  return value.flatMap((one, i) => identity(needObject(one, `moreIdentities[${i}]`), `moreIdentities[${i}].`));
}

/** Secure options as the addon wants them; options has what stands beside them in TLSConnectOptions. */
function readSecureOptions(secure, options) {
  needObject(secure, 'secureOptions');
  return {
    texts: [...identity(secure), text(secure.cipherSuite, 'cipherSuite'),
      text(secure.signatureAlgorithms, 'signatureAlgorithms'), text(options.serverName, 'serverName'),
      text(secure.groups, 'groups')],
    identities: identities(secure.moreIdentities),
    ca: list(secure.ca, 'ca', MOST),
    alpn: list(options.ALPNProtocols, 'ALPNProtocols', MOST_PROTOCOLS),
    pins: list(secure.pins, 'pins', MOST_PINS),
    flags: Int32Array.of(protocols(secure.protocols), flag(secure.useRemoteCipherPrefer, 'useRemoteCipherPrefer'),
      flag(options.skipRemoteValidation, 'skipRemoteValidation'),
      flag(secure.isBidirectionalAuthentication, 'isBidirectionalAuthentication'),
      flag(secure.noSessionResumption, 'noSessionResumption'),
      flag(secure.optionalClientCertificate, 'optionalClientCertificate')),
  };
}

/** TLSConnectOptions, of connect and of listen. */
function readTLSOptions(options, compat) {
  const target = readConnectOptions(options, compat);
  target.secure = readSecureOptions(options.secureOptions ?? {}, options);
  return target;
}

function setSecure(handle, { texts, ca, alpn, flags, identities: more, pins }) {
  return native.setSecure(handle, texts, ca, alpn, flags, more, pins);
}

/** The secrets of later connections, for Wireshark. */
function setTLSKeylog(path) {
  if (path !== undefined && (typeof path !== 'string' || path === '' || path.includes('\0'))) {
    throw parameterError('the path must be a string that is not empty and has no NUL');
  }
  const result = native.setKeylog(path ?? '');
  if (result < 0) throw errorOf(result);
}

module.exports = { Protocol, readSecureOptions, readTLSOptions, setSecure, setTLSKeylog };
