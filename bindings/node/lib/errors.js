'use strict';

const native = require('./native.js');
const { failure } = require('./programs.js');
const { ErrorCode, Family } = require('./constants.js');

/** The error of everything here: `code` is a number, one of ErrorCode. */
class BusinessError extends Error {
  constructor(code, message = native.strerror(code), options) {
    super(message, options);
    this.code = code;
  }

  /** What can be done about it: one of ErrorCategory. */
  get category() {
    return native.category(this.code);
  }
}
Object.defineProperty(BusinessError.prototype, 'name', { value: 'BusinessError', writable: true, configurable: true });

const ARGUMENT = [ErrorCode.PARAMETER, ErrorCode.DOM];
const OPEN = [ErrorCode.INVAL, ErrorCode.SERVER_INVAL];

// How the library calls what has another name here.
const NAMES = {
  address: 'address.address',
  cipher_suite: 'cipherSuite', signature_algorithms: 'signatureAlgorithms', server_name: 'serverName',
  alpn_protocols: 'ALPNProtocols', more_identities: 'moreIdentities',
  identity: 'cert, key', 'identity.cert': 'cert', 'identity.key': 'key', 'identity.password': 'password',
  keep_alive: 'keepAlive', oob_inline: 'OOBInline', tcp_no_delay: 'TCPNoDelay', linger_on: 'socketLinger',
  socket_timeout_ms: 'socketTimeout',
};

/** What the library says of a failure, with the names of this package: the operation, if there is one, and the rest. */
function detailOf(handle) {
  const [, operation, name, rest] = /^([a-z_ ]+: )?([a-z_]+(?:\.(?:cert|key|password))?)?(.*)$/s.exec(native.getErrorDetail(handle));
  return { operation: operation ?? '', text: (NAMES[name] ?? name ?? '') + rest.replace(/^( -?\d+ of )SOCKET_OPTION_/, '$1Option.') };
}

/** The error of a negative result; handle: the socket that may know more about it. */
function errorOf(result, handle) {
  let message = result === -ErrorCode.OTHER ? 'The socket is not open' : native.strerror(result);
  if (handle !== undefined) {
    // The detail may be of an earlier failure. It ends with the text of its own code, or, with the codes of
    // TLS, which nothing else has, with OpenSSL's reason.
    // That of an argument was left by the call that it was refused by.
    const { operation, text } = detailOf(handle);
    const detail = operation + text;
    const ofTLS = -result >= ErrorCode.TLS_READ && -result <= ErrorCode.TLS_CLOSE && detail !== '';
    const ofZone = result === -ErrorCode.NODEV && detail.endsWith('no interface of that zone');
    if (ofTLS || ofZone || detail.endsWith(`: ${message}`)) message = detail;
    else if ((ARGUMENT.includes(-result) && text !== '') || (OPEN.includes(-result) && text.startsWith('already bound'))) message += `: ${text}`;
  }
  return failure(new BusinessError(-result, message));
}

/** The address that a connect which has failed tried last, if it came so far; the detail has its name before it. */
function triedAddress(handle) {
  const [, ipv6, ipv4, port] = /^connect (?:\S+ )?(?:\[([^\]]+)\]|([\d.]+)):(\d+): /.exec(native.getErrorDetail(handle)) ?? [];
  if (port === undefined) return undefined;
  return { address: ipv6 ?? ipv4, port: Number(port), family: ipv6 === undefined ? Family.IPV4 : Family.IPV6 };
}

/** An error that the library does not know of. */
function refusal(code, message) {
  return failure(new BusinessError(code, message));
}

function parameterError(what) {
  return refusal(ErrorCode.PARAMETER, `Parameter error: ${what}`);
}

function abortError(reason) {
  const error = failure(new BusinessError(ErrorCode.CANCELED, 'The operation was aborted', { cause: reason }));
  Object.defineProperty(error, 'name', { value: 'AbortError', writable: true, configurable: true });
  return error;
}

module.exports = { BusinessError, abortError, errorOf, parameterError, refusal, triedAddress };
