'use strict';
// TLSSecureOptions and TLSConnectOptions.

const native = require('./native.js');
const { errorOf, parameterError } = require('./errors.js');
const { needObject, readConnectOptions } = require('./arguments.js');

const Protocol = Object.freeze({ TLSv12: 'TLSv1.2', TLSv13: 'TLSv1.3' });
const BITS = { [Protocol.TLSv12]: 1, [Protocol.TLSv13]: 2 };

function text(value, what) {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw parameterError(`${what} must be a string`);
  return value;
}

function list(value, what) {
  if (value === undefined || value === null) return [];
  const values = Array.isArray(value) ? value : [value];
  for (const item of values) if (typeof item !== 'string') throw parameterError(`${what} must be a string or an array of strings`);
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
function identity({ cert, key, password }) {
  return [text(list(cert, 'cert').join('\n')), text(key, 'key'), text(password, 'password')];
}

function identities(value) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw parameterError('moreIdentities must be an array');
  return value.flatMap((one) => identity(needObject(one, 'an identity')));
}

/** Secure options as the addon wants them; options has what stands beside them in TLSConnectOptions. */
function readSecureOptions(secure, options) {
  needObject(secure, 'secureOptions');
  return {
    texts: [...identity(secure), text(secure.cipherSuite, 'cipherSuite'),
      text(secure.signatureAlgorithms, 'signatureAlgorithms'), text(options.serverName, 'serverName')],
    identities: identities(secure.moreIdentities),
    ca: list(secure.ca, 'ca'),
    alpn: list(options.ALPNProtocols, 'ALPNProtocols'),
    flags: Int32Array.of(protocols(secure.protocols), flag(secure.useRemoteCipherPrefer, 'useRemoteCipherPrefer'),
      flag(options.skipRemoteValidation, 'skipRemoteValidation'),
      flag(secure.isBidirectionalAuthentication, 'isBidirectionalAuthentication'),
      flag(secure.noSessionResumption, 'noSessionResumption')),
  };
}

/** TLSConnectOptions, of connect and of listen. */
function readTLSOptions(options, compat) {
  const target = readConnectOptions(options, compat);
  target.secure = readSecureOptions(options.secureOptions ?? {}, options);
  return target;
}

function setSecure(handle, { texts, ca, alpn, flags, identities: more }) {
  return native.setSecure(handle, texts, ca, alpn, flags, more);
}

/** The secrets of later connections, for Wireshark. */
function setTLSKeylog(path) {
  if (path !== undefined && (typeof path !== 'string' || path === '')) throw parameterError('the path must be a string that is not empty');
  const result = native.setKeylog(path ?? '');
  if (result < 0) throw errorOf(result);
}

module.exports = { Protocol, readSecureOptions, readTLSOptions, setSecure, setTLSKeylog };
