'use strict';

const native = require('./native.js');
const { ClientSocket } = require('./client.js');
const { TCPSocket } = require('./tcp.js');
const { ConnectionSocket, ServerSocket } = require('./server.js');
const { badCallback, throwing } = require('./socket.js');
const { errorOf, parameterError, refusal } = require('./errors.js');
const { ErrorCode, Kind } = require('./constants.js');
const { inRange, isData, needObject, notData } = require('./arguments.js');
const { readSecureOptions, readTLSOptions, setSecure } = require('./secure.js');
const { answer } = require('./requests.js');
const {
  kBound, kClosed, kCompat, kHandle, kHeld, kInTurn, kKeep, kLeft, kListeners, kOpened, kPrepare, kQueue, kRead, kRefuse, kSend, kSubscribe,
} = require('./symbols.js');

const PROTOCOL = 0, CIPHER_SUITE = 1, SIGNATURE_ALGORITHMS = 2, ALPN = 3, SERVER_NAME = 4, GROUP = 5; // of getAgreed
const DER = 0; // EncodingFormat.FORMAT_DER

/** A text that was agreed on, made into a result by convert. */
function agreed(socket, what, callback, convert = (text) => text) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  if (socket[kQueue] !== null) return socket[kInTurn](callback, () => agreed(socket, what, callback, convert));
  const text = native.getAgreed(socket[kHandle], what);
  return typeof text === 'number' ? answer(socket[kHandle], callback, text) : answer(socket[kHandle], callback, 0, convert(text));
}

const split = (text) => text.split(':').filter(Boolean);

/** An X509CertRawData. */
function certificate(socket, remote, callback) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  if (socket[kQueue] !== null) return socket[kInTurn](callback, () => certificate(socket, remote, callback));
  const der = native.getCertificate(socket[kHandle], remote);
  if (typeof der !== 'number') return answer(socket[kHandle], callback, 0, { data: new Uint8Array(der), encodingFormat: DER });
  return answer(socket[kHandle], callback, der === 0 ? -ErrorCode.TLS_CERTIFICATE : der);
}

/** What the peer has sent, as X509CertRawData. */
function chain(socket, callback) {
  const bad = badCallback(callback);
  if (bad) return socket[kRefuse](bad);
  if (socket[kQueue] !== null) return socket[kInTurn](callback, () => chain(socket, callback));
  const found = [];
  for (;;) {
    const der = native.getRemoteChain(socket[kHandle], found.length);
    if (typeof der === 'number') return answer(socket[kHandle], callback, der, der === 0 ? found : undefined);
    found.push({ data: new Uint8Array(der), encodingFormat: DER });
  }
}

/** What both ends of a TLS connection have besides TCP. */
const secured = {
  send(data, callback) {
    if (!isData(data)) return this[kRefuse](notData(), callback);
    return this[kSend](data, callback);
  },
  getCertificate(callback) {
    return certificate(this, 0, callback);
  },
  getRemoteCertificate(callback) {
    return certificate(this, 1, callback);
  },
  getRemoteCertificateChain(callback) {
    return chain(this, callback);
  },
  getProtocol(callback) {
    return agreed(this, PROTOCOL, callback);
  },
  getCipherSuite(callback) {
    return agreed(this, CIPHER_SUITE, callback, split);
  },
  getSignatureAlgorithms(callback) {
    return agreed(this, SIGNATURE_ALGORITHMS, callback, split);
  },
  getALPNProtocol(callback) {
    return agreed(this, ALPN, callback);
  },
  getGroup(callback) {
    return agreed(this, GROUP, callback);
  },
  getServerName(callback) {
    return agreed(this, SERVER_NAME, callback);
  },
  isSessionReused() {
    const result = native.isResumed(this[kHandle]);
    if (result < 0) throw errorOf(result);
    return result === 1;
  },
};

function secure(Class) {
  for (const [name, method] of Object.entries(secured)) {
    Object.defineProperty(Class.prototype, name, { value: method, writable: true, configurable: true });
  }
  Class.closedResult = -ErrorCode.TLS_NOT_BOUND;
  throwing(Class);
}

class TLSSocket extends ClientSocket {
  /** tcp: a connected TCPSocket, whose connection becomes this socket's. */
  constructor(...args) {
    if (args.length === 0 || (args.length === 1 && args[0] === undefined)) {
      super(Kind.TLS);
      return;
    }
    super(Kind.TLS, takeOver(...args));
    const [tcp] = args;
    tcp[kListeners].fill(undefined);
    tcp[kClosed]();
    tcp[kLeft] = false; // it has nothing to close
    tcp[kSubscribe](); // the library has forgotten who wants its events, and it may connect again
    this[kBound] = true;
    this[kOpened]();
    this[kKeep]();
  }

  [kRead](options) {
    return readTLSOptions(options, this[kCompat]);
  }

  [kPrepare](target) {
    return setSecure(this[kHandle], target.secure);
  }
}
secure(TLSSocket);

/** The handle of a TLS socket with the connection of a TCPSocket. */
function takeOver(tcp) {
  if (!(tcp instanceof TCPSocket) || arguments.length !== 1) throw parameterError('the socket must be a TCPSocket');
  // What JavaScript holds already the handshake could not see.
  if (tcp[kHeld] !== null) throw refusal(ErrorCode.AGAIN, 'The TCPSocket holds messages: add a listener, or resume it');
  return native.constructOver(tcp[kHandle]);
}

class TLSSocketConnection extends ConnectionSocket {}
secure(TLSSocketConnection);

class TLSSocketServer extends ServerSocket {
  constructor() {
    super(Kind.TLS_SERVER);
  }

  getCertificate(callback) {
    return certificate(this, 0, callback);
  }

  getProtocol(callback) {
    return agreed(this, PROTOCOL, callback);
  }

  /** The certificate and all other options of listen but the address, for the clients that come from now on. */
  setSecureOptions(options) {
    const { secureOptions } = needObject(options, 'options');
    const read = readSecureOptions(secureOptions, options);
    const result = setSecure(this[kHandle], read);
    if (result < 0) throw errorOf(result, this[kHandle]);
    // A listen that waits has options of its own: these come after it.
    if (this[kQueue] !== null) this[kInTurn](undefined, () => setSecure(this[kHandle], read));
    return this;
  }

  [kRead](options) {
    const local = readTLSOptions(options, this[kCompat]);
    local.backlog = inRange(options.address.backlog, 'address.backlog', 65535, this[kCompat]);
    return local;
  }

  [kPrepare](local) {
    return setSecure(this[kHandle], local.secure);
  }
}
TLSSocketServer.Connection = TLSSocketConnection;
TLSSocketServer.closedResult = -ErrorCode.TLS_NOT_BOUND;

module.exports = { TLSSocket, TLSSocketServer, TLSSocketConnection };
