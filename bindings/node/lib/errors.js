'use strict';

const native = require('./native.js');
const { ErrorCode } = require('./constants.js');

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

/** The error of a negative result; handle: the socket that may know more about it. */
function errorOf(result, handle) {
  let message = result === -ErrorCode.OTHER ? 'The socket is not open' : native.strerror(result);
  if (handle !== undefined) {
    // The detail may be of an earlier failure. It ends with the text of its own code, or, with the codes of
    // TLS, which nothing else has, with OpenSSL's reason.
    const detail = native.getErrorDetail(handle);
    const ofTLS = -result >= ErrorCode.TLS_READ && -result <= ErrorCode.TLS_CLOSE && detail !== '';
    if (ofTLS || detail.endsWith(`: ${message}`)) message = detail;
  }
  return new BusinessError(-result, message);
}

function parameterError(what) {
  return new BusinessError(ErrorCode.PARAMETER, `Parameter error: ${what}`);
}

/** Of an address that the library has refused. */
function addressError(result) {
  return result === -ErrorCode.PARAMETER
    ? parameterError('address.address must be an address of its family; connect and UDP sends take host names too') : undefined;
}

function abortError(reason) {
  const error = new BusinessError(ErrorCode.CANCELED, 'The operation was aborted', { cause: reason });
  Object.defineProperty(error, 'name', { value: 'AbortError', writable: true, configurable: true });
  return error;
}

module.exports = { BusinessError, errorOf, parameterError, addressError, abortError };
