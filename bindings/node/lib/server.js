'use strict';

const native = require('./native.js');
const loop = require('./loop.js');
const { Socket, badCallback, throwing } = require('./socket.js');
const { StreamSocket } = require('./stream.js');
const { arrives } = require('./arrivals.js');
const { ErrorCode, Event, Kind } = require('./constants.js');
const { inRange, readAddress } = require('./arguments.js');
const { Opening, openAtPort } = require('./opening.js');
const {
  kBound, kClosed, kClosing, kCompat, kDeferred, kDeliver, kDrop, kEvent, kHandle, kHeld, kHold, kInTurn, kKeep, kListeners, kMustWait,
  kOpen, kOpened, kPaused, kPrepare, kRead, kRefuse, kResource, kSlot, kStep, kSubscribe,
} = require('./symbols.js');

const opening = Symbol('ohsocket.opening');
const kListen = Symbol('ohsocket.listen');

/** A socket that listens. */
class ServerSocket extends Socket {
  constructor(kind) {
    super(kind);
    this[opening] = new Opening();
    loop.garbage.register(this, { handle: this[kHandle], slot: this[kSlot] });
    this[kSubscribe]();
  }

  listen(options, callback) {
    let local;
    try {
      local = this[kRead](options);
    } catch (error) {
      return this[kRefuse](error, callback);
    }
    const bad = badCallback(callback);
    if (bad) return this[kRefuse](bad);
    if (this[kMustWait]()) return this[kInTurn](callback, () => this[kListen](local, callback), true);
    return this[kListen](local, callback);
  }

  [kListen](local, callback) {
    return this[opening].begin(this[kHandle], callback, () => {
      const prepared = this[kPrepare](local);
      if (prepared < 0) return prepared;
      const result = openAtPort(local, this[kCompat], (port) => native.listen(this[kHandle], local.address, port, local.family, local.backlog));
      if (result >= 0) {
        this[kBound] = true;
        this[kOpened]();
      }
      return result;
    });
  }

  /** The options of listen: an address, which may have a backlog, 0 for the system's maximum. */
  [kRead](address) {
    const local = readAddress(address, this[kCompat]);
    local.backlog = inRange(address.backlog, 'address.backlog', 65535, this[kCompat]);
    return local;
  }

  /** What has to be set before listen; returns the library's result. */
  [kPrepare]() {
    return 0;
  }

  [kEvent](type) {
    if (type !== Event.CONNECT) {
      super[kEvent](type);
      return;
    }
    const handle = loop.record.connection;
    if (this[kClosing]) native.abort(handle); // the server was closed by a listener of this batch
    else this[kDeliver](type, this[kResource].runInAsyncScope(accept, undefined, this, handle));
  }

  [kHold](type) {
    return type === Event.CONNECT && (this[kPaused] || this[kListeners][type] === undefined);
  }

  /** Clients that the program will not be told of. */
  [kDrop]() {
    const held = this[kHeld] ?? [];
    super[kDrop]();
    for (const { type, value } of held) {
      if (type === Event.CONNECT && value[kOpen]) value.abort();
    }
  }

  [kStep](type, value) {
    if (type === Event.CONNECT) {
      if (value[kOpen]) introduce(value, () => super[kStep](type, value));
      return;
    }
    try {
      super[kStep](type, value);
    } finally {
      if (type === Event.LISTENING || type === Event.CLOSE) this[opening].settle();
    }
  }
}

// The answer of listen comes after the listening event.
ServerSocket.events = 1 << Event.LISTENING;
throwing(ServerSocket);

/** Runs in the server's async context, which its connections inherit. */
function accept(server, handle) {
  return new server.constructor.Connection(accepted, handle, server[kCompat]);
}

/** The program subscribes to several events of a new connection: the library is told once. */
function introduce(connection, tell) {
  connection[kDeferred] = true;
  try {
    tell();
  } finally {
    connection[kDeferred] = false;
    connection[kSubscribe]();
  }
}

const accepted = Symbol('ohsocket.accepted');

/** A client of a server. */
class ConnectionSocket extends StreamSocket {
  constructor(token, handle, compat) {
    if (token !== accepted) throw new TypeError('connections are made by a server');
    super(undefined, handle, compat);
    Object.defineProperty(this, 'clientId', { value: native.getClientId(handle), enumerable: true });
    this[kSubscribe]();
    this[kOpened]();
    this[kKeep]();
  }

  [kClosed]() {
    super[kClosed]();
    loop.giveSlot(this[kSlot]); // the library has released the handle
  }
}

ConnectionSocket.goneResult = -ErrorCode.SERVER_SHUTDOWN;
throwing(ConnectionSocket);

class TCPSocketConnection extends ConnectionSocket {}

class TCPSocketServer extends ServerSocket {
  constructor() {
    super(Kind.TCP_SERVER);
  }
}

TCPSocketServer.Connection = TCPSocketConnection;

arrives(ServerSocket, 'connect', false);

module.exports = { ServerSocket, ConnectionSocket, TCPSocketServer, TCPSocketConnection };
